"""From a rendition to the bytes of a mail: shared parts are encoded once, the rest is filled in for each recipient."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from distributor.channels.email.composition.attachments import with_inline_images, wrap_body
from distributor.channels.email.composition.list_headers import HeaderProfile, header_profile_of
from distributor.channels.email.composition.template_bytes import TemplateBytes
from distributor.channels.email.personalization.placeholders import (
    PUBLIC_LINKS,
    Escape,
    FieldPlaceholder,
    LinkPlaceholder,
    Placeholder,
    PlaceholderParser,
)
from distributor.domain.delivery import Delivery
from distributor.domain.errors import AddressError, InputError
from distributor.domain.rendition import Json, Rendition
from distributor.domain.tokens import Purpose, Stem, TokenSigner
from distributor.mail.address import Mailbox
from distributor.mail.dkim.canonicalization import BodyPrefix
from distributor.mail.mime.header_fields import ascii_field, mailbox_field, text_field, uri_field
from distributor.mail.mime.quoted_printable import SOFT_BREAK, encode_last_segment, encode_segment
from distributor.mail.unsubscribe_address import UnsubscribeTokenSlot, unsubscribe_mailto

# The fields that a template may use as tokens, such as ``@@name@@``.
PERSONAL_FIELDS = frozenset({"name", "email"})

# In the place of a token until it is minted: as long as the longest one, and not found in any text.
_TOKEN = "token" + "-" * 59
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_PART = "--{boundary}\r\nContent-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedMail:
    """A rendition ready for its recipients. `fields` are the fields that it needs as tokens.

    `needs_smtputf8`: an address that is in every mail has a local part that is not ASCII. `rest` is the header from the
    Message-ID on, and the body; `body_prefix` is what all bodies begin with.
    """

    sender: Mailbox
    needs_smtputf8: bool
    fields: frozenset[str]
    subject: tuple[str | Placeholder, ...]
    feedback_id: str
    origin_fields: bytes
    rest: TemplateBytes
    body_prefix: BodyPrefix

    def message_for(self, delivery: Delivery, tokens: TokenSigner) -> bytes:
        """The whole mail with CRLF line ends, the same bytes on every call.

        Raises AddressError for an invalid recipient, and InputError if a field has no value.
        """
        return b"".join(
            (
                self.origin_fields,
                mailbox_field("To", [Mailbox.parse(delivery.recipient)]),
                _subject_field(self._subject_for(delivery, tokens)),
                _date_field(delivery.created_at),
                _feedback_field(delivery.dispatch_id, self.feedback_id),
                *self.rest.fill(delivery, tokens),
            )
        )

    def message_id(self, delivery: Delivery, tokens: TokenSigner) -> str:
        """The same on every attempt, so that a receiver may recognize a duplicate (RFC 7352); not guessable."""
        return f"<{tokens.mint(Purpose.MESSAGE, delivery.id)}@{self.sender.address.domain}>"

    def _subject_for(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return "".join(part if isinstance(part, str) else part.fill(delivery, tokens) for part in self.subject)


# The mails of a campaign have one date and often one subject; encoding them each time would double the time.
@lru_cache(maxsize=64)
def _subject_field(subject: str) -> bytes:
    return text_field("Subject", subject)


@lru_cache(maxsize=64)
def _date_field(at: datetime) -> bytes:
    return ascii_field("Date", format_datetime(at.astimezone(UTC)))


@lru_cache(maxsize=64)
def _feedback_field(dispatch_id: int, feedback: str) -> bytes:
    return ascii_field("Feedback-ID", f"{dispatch_id}:{feedback}")


def prepare_mail(rendition: Rendition) -> PreparedMail:
    """Do everything that does not depend on the recipient.

    Raises AddressError or InputError, naming the part that is invalid.
    """
    payload, profile = rendition.payload, header_profile_of(rendition.payload)
    sender = _sender_of(payload)
    others = {
        name: Mailbox.parse(payload[part])
        for name, part in (("Sender", "submitted_by"), ("Reply-To", "reply_to"))
        if payload.get(part)
    }
    domain = sender.address.domain
    subject, text, markup = (
        _split_part(payload, "subject", str),
        _split_part(payload, "text", str),
        _split_part(
            {**payload, "html": with_inline_images(payload["html"], payload, domain=domain)}, "html", html.escape
        ),
    )
    if any(isinstance(part, LinkPlaceholder) for part in subject):
        raise InputError("subject: it has the token of a link; only merge fields are allowed")
    digest = rendition.digest
    boundary = _boundary(digest)
    content_type, parts = wrap_body(_body(text, markup, boundary=boundary), payload, boundary=boundary, domain=domain)
    body = list(parts)
    return PreparedMail(
        sender=sender,
        needs_smtputf8=any(mailbox.address.needs_smtputf8 for mailbox in (sender, *others.values())),
        fields=frozenset(part.name for part in (*subject, *text, *markup) if isinstance(part, FieldPlaceholder)),
        subject=subject,
        feedback_id=f"{digest[:12]}:{profile.feedback_label}:{_feedback_sender(sender)}",
        origin_fields=_origin_fields(sender, others),
        rest=TemplateBytes.of(
            (
                *_fields_with_tokens(payload, profile, sender),
                profile.shared_fields(payload, sender) + _content_fields(payload, content_type),
                *body,
            )
        ),
        # Without the line that ends the header.
        body_prefix=BodyPrefix(TemplateBytes.of(body).pieces[0].removeprefix(b"\r\n")),
    )


def _split_part(payload: Mapping[str, Json], part: str, escape: Escape) -> tuple[str | Placeholder, ...]:
    parser = PlaceholderParser.of(payload, escape)
    try:
        payload[part].encode()
        return tuple(parser.split(payload[part].replace("\r\n", "\n").replace("\r", "\n")))
    except UnicodeEncodeError as error:
        raise InputError(f"{part}: character {error.start} is half of a surrogate pair and has to be removed") from None
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
            f"give the list another with `distributor list update {slug} --sender`"
        ) from None


def _boundary(digest: str) -> str:
    """Cannot occur in quoted-printable, where an equals sign is never followed by an underscore."""
    return f"=_{digest[:32]}"


def _origin_fields(sender: Mailbox, others: Mapping[str, Mailbox]) -> bytes:
    """From, Sender and Reply-To; Sender is left out if it is the same as From (RFC 5322 section 3.6.2)."""
    given = {name: one for name, one in others.items() if name != "Sender" or one.address != sender.address}
    return b"".join(mailbox_field(name, [one]) for name, one in {"From": sender, **given}.items())


def _fields_with_tokens(
    payload: Mapping[str, Json], profile: HeaderProfile, sender: Mailbox
) -> Iterator[bytes | Placeholder | UnsubscribeTokenSlot]:
    """The Message-ID, and the fields with a link of the recipient's own, in which no token is folded."""
    yield from _split_field(
        ascii_field("Message-ID", f"<{_TOKEN}@{sender.address.domain}>"), LinkPlaceholder(Stem(Purpose.MESSAGE))
    )
    for name, link_name in profile.link_fields.items():
        link = PUBLIC_LINKS[link_name]
        uris: dict[str, Placeholder | UnsubscribeTokenSlot] = {
            link.url(payload["site"]["public_url"], _TOKEN): LinkPlaceholder(Stem(link.purpose))
        }
        if link.purpose is Purpose.UNSUBSCRIBE and payload.get("bounce_domain"):
            uris[unsubscribe_mailto(_TOKEN, payload["bounce_domain"])] = UnsubscribeTokenSlot()
        yield from _split_field(uri_field(name, *uris), *uris.values())


def _split_field(
    field: bytes, *parser: Placeholder | UnsubscribeTokenSlot
) -> Iterator[bytes | Placeholder | UnsubscribeTokenSlot]:
    before, *rest = field.split(_TOKEN.encode())
    yield before
    for placeholder, after in zip(parser, rest, strict=True):
        yield from (placeholder, after)


def _content_fields(payload: Mapping[str, Json], content_type: bytes) -> bytes:
    fields = [ascii_field("MIME-Version", "1.0"), content_type]
    if payload["language"]:
        fields.append(ascii_field("Content-Language", payload["language"]))
    return b"".join(fields)


def _body(
    text: Sequence[str | Placeholder], markup: Sequence[str | Placeholder], *, boundary: str
) -> Iterator[bytes | Placeholder]:
    """Both alternatives, the preferred one last (RFC 2046 section 5.1.4)."""
    for media_type, parts in (("text/plain", text), ("text/html", markup)):
        yield f"\r\n{_PART.format(boundary=boundary, type=media_type)}".encode("ascii")
        for part in parts[:-1]:
            yield encode_segment(part) if isinstance(part, str) else part
            if isinstance(part, LinkPlaceholder):
                # A token needs no encoding, and ends with a soft line break as every segment does.
                yield SOFT_BREAK
        # A body must not end with the soft line break that follows a placeholder.
        yield encode_last_segment(str(parts[-1]) or "\n" * (len(parts) > 1))
    yield f"\r\n--{boundary}--\r\n".encode("ascii")


def _feedback_sender(sender: Mailbox) -> str:
    """Gmail requires a constant name of 5 to 15 characters (Feedback-ID, support.google.com/mail/answer/6254652)."""
    return f"{_NOT_ALPHANUMERIC.sub('', sender.address.domain):0<5}"[:15]
