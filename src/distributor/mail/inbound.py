"""Inbound mail as feedback: its kind, and the delivery it belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from distributor.domain.address import mailbox_key
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.bounces import InboundReport, RecipientReport, ReportKind, read_inbound_report
from distributor.mail.mime.received_message import HeaderFields, ReceivedMessage, parse_message
from distributor.mail.return_path import RETURN_PATH, ForgedAddress, is_unsubscribe_address, read_return_path

# Header fields in which servers record the envelope recipient.
_RECIPIENT_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to")
# Fields that relays neither add nor change: with the body they identify a mail that is delivered twice.
_STABLE_FIELDS = ("message-id", "date", "from", "subject")
_MESSAGE_ID = re.compile(r"<([\w-]{16,64})@[^<>@\s]{1,253}>", re.ASCII)
# Feedback types (RFC 5965 section 7.3) that are complaints of the recipient; the others report viruses,
# authentication failures or mistakes.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "miscategorized"})
# The actions that report success (RFC 3464 section 2.3.3); `expanded` only says that others got a copy.
_ARRIVED = frozenset({"delivered", "relayed"})
_KINDS = {
    ReportKind.BOUNCE: FeedbackKind.BOUNCE,
    ReportKind.COMPLAINT: FeedbackKind.COMPLAINT,
    ReportKind.UNSUBSCRIBE: FeedbackKind.UNSUBSCRIBE,
}
_NO_RECIPIENT = RecipientReport(address="")


@dataclass(frozen=True, slots=True)
class DeliveryMatch:
    """The delivery that a mail belongs to, and how it was found.

    `is_unsubscribe`: the mail was sent to an unsubscribe address, whatever it says.
    """

    match: MatchedBy
    delivery_id: int | None = None
    is_unsubscribe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMail:
    """A mail that was received: the delivery it belongs to, what it reports, and a key that is the same for copies."""

    key: str
    delivery: DeliveryMatch
    report: InboundReport

    def feedback(self, recipient: str) -> Feedback:
        """The feedback about the delivery, which was sent to `recipient` (empty if unknown).

        What the report states of that address counts, not what it states of others; of others only if it does not
        name that address at all.
        """
        reports = _about(recipient, self.report.recipients)
        failed = [one for one in reports if not one.is_delayed]
        reported = next((one for one in failed if one.is_hard), (*failed, *reports, _NO_RECIPIENT)[0])
        kind = self._kind(reported, recipient)
        is_bounce, is_delay = kind is FeedbackKind.BOUNCE, kind is FeedbackKind.DELAY
        return Feedback(
            kind=kind,
            key=self.key,
            match=self.delivery.match,
            delivery_id=self.delivery.delivery_id,
            address=reported.address,
            reported_as=reported.reported_as if is_bounce or is_delay else (),
            is_hard=is_bounce and reported.is_hard,
            counts=is_bounce and reported.counts_against_address,
            detail=reported.detail() | ({"type": self.report.feedback_type} if self.report.feedback_type else {}),
        )

    def _kind(self, reported: RecipientReport, recipient: str) -> FeedbackKind:
        if self.delivery.is_unsubscribe and self.report.kind is ReportKind.OTHER:
            return FeedbackKind.UNSUBSCRIBE
        if self.report.kind is ReportKind.COMPLAINT and self.report.feedback_type not in _COMPLAINTS:
            return FeedbackKind.NOTHING
        has_own_failure = self.report.kind is ReportKind.BOUNCE and _names(reported.reported_as, recipient)
        if not has_own_failure and any(
            one.action in _ARRIVED and _names(one.reported_as, recipient)
            for one in (*self.report.recipients, *self.report.succeeded)
        ):
            return FeedbackKind.DELIVERED
        if self.report.kind is ReportKind.BOUNCE and reported.is_delayed:
            return FeedbackKind.DELAY
        return _KINDS.get(self.report.kind, FeedbackKind.NOTHING)


def read_inbound_mail(raw: bytes, tokens: TokenSigner, *, envelope_recipient: str | None = None) -> InboundMail:
    """Read a mail. Accepts any bytes. `envelope_recipient` is the address of RCPT TO, if known."""
    message = parse_message(raw)
    return InboundMail(
        key=f"mail-{_digest(message)}",
        delivery=_match_delivery(message, tokens, envelope_recipient),
        report=read_inbound_report(message),
    )


def _about(recipient: str, reports: Sequence[RecipientReport]) -> Sequence[RecipientReport]:
    """The reports on this address; without any, those that name no address; and else all."""
    named = [one for one in reports if _names(one.reported_as, recipient)]
    return named or [one for one in reports if not one.reported_as] or reports


def _names(addresses: Iterable[str], recipient: str) -> bool:
    key = mailbox_key(recipient)
    return key is not None and any(mailbox_key(one) == key for one in addresses)


def _match_delivery(message: ReceivedMessage, tokens: TokenSigner, envelope_recipient: str | None) -> DeliveryMatch:
    """By the return path that it was sent to, else by one of our return paths or Message-IDs in its content."""
    addresses = list(_recipients(message.fields, envelope_recipient))
    named = [read_return_path(address, tokens) for address in addresses]
    for address, number in zip(addresses, named, strict=True):
        if isinstance(number, int):
            return DeliveryMatch(MatchedBy.RETURN_PATH, number, is_unsubscribe=is_unsubscribe_address(address))
    if ForgedAddress.FOUND in named:
        return DeliveryMatch(MatchedBy.FORGED)
    texts = list(_texts(message))
    for text in texts:
        for found in RETURN_PATH.finditer(text):
            number = read_return_path(found[0], tokens)
            if isinstance(number, int):
                return DeliveryMatch(MatchedBy.RETURN_PATH, number)
    for text in texts:
        for found in _MESSAGE_ID.finditer(text):
            claim = tokens.read(Purpose.MESSAGE, found[1])
            if claim is not None:
                return DeliveryMatch(MatchedBy.MESSAGE_ID, claim.delivery_id)
    return DeliveryMatch(MatchedBy.NONE)


def _recipients(fields: HeaderFields, envelope_recipient: str | None) -> Iterator[str]:
    if envelope_recipient is not None:
        yield envelope_recipient
        return
    for name in _RECIPIENT_FIELDS:
        for value in fields.all(name):
            yield from (found[0] for found in RETURN_PATH.finditer(value))


def _texts(message: ReceivedMessage) -> Iterator[str]:
    for fields in (message.fields, *(part.fields for part in message.parts)):
        yield "\n".join(value for name in dict.fromkeys(fields.names()) for value in fields.all(name))
    for part in message.parts:
        yield part.text


def _digest(message: ReceivedMessage) -> str:
    stable = "\n".join(f"{name}: {value}" for name in _STABLE_FIELDS for value in message.fields.all(name))
    return hashlib.sha256(stable.encode("utf-8", "surrogatepass") + b"\n\n" + message.body).hexdigest()
