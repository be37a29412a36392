"""From a rendition to the bytes of a mail: what recipients share is encoded once, the rest is spliced in for each."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from distributor.channels.email.composition.attachments import enclose, with_pictures
from distributor.channels.email.composition.list_headers import HeaderOptions, header_options_of
from distributor.channels.email.composition.template_bytes import TemplateBytes
from distributor.channels.email.personalization.merge_blocks import imagined_reader, said_to
from distributor.channels.email.personalization.placeholders import (
    PUBLIC_LINKS,
    Escape,
    FieldPlaceholder,
    LinkPlaceholder,
    Placeholders,
    Slot,
    follow_clicks,
)
from distributor.domain.delivery import Delivery
from distributor.domain.errors import AddressError, InputError
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Json, Rendition
from distributor.domain.tokens import Purpose, Stem, TokenSigner
from distributor.mail.address import Mailbox
from distributor.mail.dkim.canonicalization import BodyPrefix
from distributor.mail.mime.header_fields import ascii_field, mailbox_field, text_field, uri_field
from distributor.mail.mime.quoted_printable import SOFT_BREAK, encode_last_segment, encode_segment
from distributor.mail.unsubscribe_address import UnsubscribeTokenSlot, unsubscribe_mailto

# The fields that a template may name by tokens of their own.
PERSONAL_FIELDS = frozenset({"name", "email"})

# Stands for a token until there is one: as long as they come, and found nowhere else.
_TOKEN = "token" + "-" * 59
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_PART = "--{boundary}\r\nContent-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A rendition ready for its recipients: `sender` is whom it comes from, `fields` the personal fields it needs.

    `needs_smtputf8`: an address that stands in every mail has a local part beyond ASCII. `rest` is the header from the
    Message-ID on, and the body; `opening` is what all bodies begin with.
    """

    sender: Mailbox
    needs_smtputf8: bool
    fields: frozenset[str]
    subject: tuple[str | Slot, ...]
    feedback: str
    origin_fields: bytes
    rest: TemplateBytes
    body_prefix: BodyPrefix

    def message_for(self, delivery: Delivery, tokens: TokenSigner) -> bytes:
        """The whole mail with CRLF line ends, the same bytes whenever it is asked for.

        Raises AddressError if the recipient is no address, and InputError if a personal field is missing.
        """
        return b"".join(
            (
                self.origin_fields,
                mailbox_field("To", [Mailbox.parse(delivery.recipient)]),
                _subject_field(self._subject_for(delivery, tokens)),
                _date_field(delivery.created_at),
                _feedback_field(delivery.dispatch_id, self.feedback),
                *self.rest.fill(delivery, tokens),
            )
        )

    def message_id(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """The same on every attempt, so that a receiver may know a repeated mail (RFC 7352); not to be guessed."""
        return f"<{tokens.mint(Purpose.MESSAGE, delivery.id)}@{self.sender.address.domain}>"

    def _subject_for(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return "".join(part if isinstance(part, str) else part.fill(delivery, tokens) for part in self.subject)


# The mails of a campaign have one date and mostly one subject; writing them anew would take as long as all the rest.
@lru_cache(maxsize=64)
def _subject_field(subject: str) -> bytes:
    return text_field("Subject", subject)


@lru_cache(maxsize=64)
def _date_field(at: datetime) -> bytes:
    return ascii_field("Date", format_datetime(at.astimezone(UTC)))


@lru_cache(maxsize=64)
def _feedback_field(dispatch_id: int, feedback: str) -> bytes:
    return ascii_field("Feedback-ID", f"{dispatch_id}:{feedback}")


def prepare(rendition: Rendition) -> Prepared:
    """Do all that does not depend on the recipient.

    Raises AddressError or InputError for what cannot be made into a mail, naming the part at fault.
    """
    payload, manner = rendition.payload, header_options_of(rendition.payload)
    sender = _sender_of(payload)
    others = {
        name: Mailbox.parse(payload[part])
        for name, part in (("Sender", "submitted_by"), ("Reply-To", "reply_to"))
        if payload.get(part)
    }
    domain = sender.address.domain
    subject, text, markup = (
        _cut(payload, "subject", str),
        _cut(payload, "text", str),
        _cut({**payload, "html": with_pictures(payload["html"], payload, domain=domain)}, "html", html.escape),
    )
    if any(isinstance(part, LinkPlaceholder) for part in subject):
        raise InputError("subject: the token of a link stands in it; only personal fields can")
    digest = rendition.digest
    boundary = _boundary(digest)
    content_type, parts = enclose(_body(text, markup, boundary=boundary), payload, boundary=boundary, domain=domain)
    body = list(parts)
    return Prepared(
        sender=sender,
        needs_smtputf8=any(mailbox.address.needs_smtputf8 for mailbox in (sender, *others.values())),
        fields=frozenset(part.name for part in (*subject, *text, *markup) if isinstance(part, FieldPlaceholder)),
        subject=subject,
        feedback=f"{digest[:12]}:{manner.word}:{_feedback_sender(sender)}",
        origin_fields=_origin_fields(sender, others),
        rest=TemplateBytes.of(
            (
                *_fields_with_tokens(payload, manner, sender),
                manner.fields(payload, sender) + _content_fields(payload, content_type),
                *body,
            )
        ),
        # Without the line that ends the header.
        body_prefix=BodyPrefix(TemplateBytes.of(body).pieces[0].removeprefix(b"\r\n")),
    )


def compose_sample(rendition: Rendition, reader: ReaderFields | None = None) -> bytes:
    """The mail as a reader would get it, an imagined one if none is named.

    Links go straight to their targets, signatures are good for nothing. Raises what `prepare` and
    `Prepared.message_for` raise.
    """
    reader = reader or imagined_reader(rendition.payload)
    payload = said_to(rendition.payload, reader)
    payload["html"] = follow_clicks(payload["html"], payload["links"], html.escape)
    payload["text"] = follow_clicks(payload["text"], payload["links"], str)
    sample = Delivery(
        id=0,
        dispatch_id=0,
        recipient=reader.email,
        epoch=0,
        attempt=1,
        created_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        fields=reader.fields,
    )
    return prepare(Rendition(rendition.kind, payload)).message_for(sample, TokenSigner(b"known to everybody"))


def check_composition(rendition: Rendition, *, known_fields: Collection[str] = PERSONAL_FIELDS) -> list[Problem]:
    """What keeps a rendition from becoming mails to recipients who have the known fields."""
    try:
        unknown = sorted(prepare(rendition).fields.difference(known_fields))
        if not unknown:
            compose_sample(rendition)
    except InputError as error:
        return [Problem(Severity.BLOCK, "composition", str(error))]
    known = ", ".join(sorted(known_fields))
    return [
        Problem(Severity.BLOCK, "unknown-field", f"there is no personal field {name!r}, only {known}", f"@@{name}@@")
        for name in unknown
    ]


def _cut(payload: Mapping[str, Json], part: str, escape: Escape) -> tuple[str | Slot, ...]:
    slots = Placeholders.of(payload, escape)
    try:
        payload[part].encode()
        return tuple(slots.cut(payload[part].replace("\r\n", "\n").replace("\r", "\n")))
    except UnicodeEncodeError as error:
        raise InputError(
            f"{part}: character {error.start} is half of a surrogate pair and has to be taken out"
        ) from None
    except InputError as error:
        raise InputError(f"{part}: {error}") from None


def _sender_of(payload: Mapping[str, Json]) -> Mailbox:
    try:
        return Mailbox.parse(payload["from"])
    except AddressError as error:
        slug = payload.get("list_slug")
        if slug is None:
            raise
        raise InputError(
            f"the mails of list {slug!r} have no sender: {error}; "
            f"give the list another with `distributor list change {slug} --sender`"
        ) from None


def _boundary(digest: str) -> str:
    """A line that cannot occur in quoted-printable: there an equals sign never stands before an underscore."""
    return f"=_{digest[:32]}"


def _origin_fields(sender: Mailbox, others: Mapping[str, Mailbox]) -> bytes:
    """Sender is not to repeat From (RFC 5322 section 3.6.2)."""
    said = {name: one for name, one in others.items() if name != "Sender" or one.address != sender.address}
    return b"".join(mailbox_field(name, [one]) for name, one in {"From": sender, **said}.items())


def _fields_with_tokens(
    payload: Mapping[str, Json], manner: HeaderOptions, sender: Mailbox
) -> Iterator[bytes | Slot | UnsubscribeTokenSlot]:
    """The Message-ID, and the fields that hold a link of the recipient's own: no token in them is ever broken."""
    yield from _around(
        ascii_field("Message-ID", f"<{_TOKEN}@{sender.address.domain}>"), LinkPlaceholder(Stem(Purpose.MESSAGE))
    )
    for name, link_name in manner.link_fields.items():
        link = PUBLIC_LINKS[link_name]
        ways: dict[str, Slot | UnsubscribeTokenSlot] = {
            link.url(payload["site"]["public_url"], _TOKEN): LinkPlaceholder(Stem(link.purpose))
        }
        if link.purpose is Purpose.UNSUBSCRIBE and payload.get("bounce_domain"):
            ways[unsubscribe_mailto(_TOKEN, payload["bounce_domain"])] = UnsubscribeTokenSlot()
        yield from _around(uri_field(name, *ways), *ways.values())


def _around(field: bytes, *slots: Slot | UnsubscribeTokenSlot) -> Iterator[bytes | Slot | UnsubscribeTokenSlot]:
    before, *rest = field.split(_TOKEN.encode())
    yield before
    for slot, after in zip(slots, rest, strict=True):
        yield from (slot, after)


def _content_fields(payload: Mapping[str, Json], content_type: bytes) -> bytes:
    fields = [ascii_field("MIME-Version", "1.0"), content_type]
    if payload["language"]:
        fields.append(ascii_field("Content-Language", payload["language"]))
    return b"".join(fields)


def _body(text: Sequence[str | Slot], markup: Sequence[str | Slot], *, boundary: str) -> Iterator[bytes | Slot]:
    """Both alternatives, the best last (RFC 2046 section 5.1.4)."""
    for media_type, parts in (("text/plain", text), ("text/html", markup)):
        yield f"\r\n{_PART.format(boundary=boundary, type=media_type)}".encode("ascii")
        for part in parts[:-1]:
            yield encode_segment(part) if isinstance(part, str) else part
            if isinstance(part, LinkPlaceholder):
                # A token is its own encoding, and closed as every stretch is.
                yield SOFT_BREAK
        # A body must not end with the soft line break that follows a slot.
        yield encode_last_segment(str(parts[-1]) or "\n" * (len(parts) > 1))
    yield f"\r\n--{boundary}--\r\n".encode("ascii")


def _feedback_sender(sender: Mailbox) -> str:
    """Gmail wants a constant name of 5 to 15 characters (Feedback-ID, support.google.com/mail/answer/6254652)."""
    return f"{_NOT_ALPHANUMERIC.sub('', sender.address.domain):0<5}"[:15]
