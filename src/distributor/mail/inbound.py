"""Inbound mail as feedback: its kind, and the delivery it belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

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


def read_inbound_feedback(raw: bytes, tokens: TokenSigner, *, envelope_recipient: str | None = None) -> Feedback:
    """Read a mail as feedback about a delivery. Accepts any bytes.

    `envelope_recipient` is the address of RCPT TO, if known.
    """
    message, report = parse_message(raw), read_inbound_report(raw)
    delivery = _match_delivery(message, tokens, envelope_recipient)
    recipient = _reported_recipient(report)
    return Feedback(
        kind=FeedbackKind.UNSUBSCRIBE if delivery.is_unsubscribe and report.kind is ReportKind.OTHER else _kind(report),
        key=f"mail-{_digest(message)}",
        match=delivery.match,
        delivery_id=delivery.delivery_id,
        address=recipient.address,
        is_hard=recipient.is_hard,
        counts=report.kind is ReportKind.BOUNCE and recipient.counts_against_address,
        detail=recipient.detail() | ({"type": report.feedback_type} if report.feedback_type else {}),
    )


def _kind(report: InboundReport) -> FeedbackKind:
    if report.kind is ReportKind.BOUNCE and all(recipient.is_delayed for recipient in report.recipients):
        return FeedbackKind.NOTHING
    if report.kind is ReportKind.COMPLAINT and report.feedback_type not in _COMPLAINTS:
        return FeedbackKind.NOTHING
    return _KINDS.get(report.kind, FeedbackKind.NOTHING)


def _reported_recipient(report: InboundReport) -> RecipientReport:
    """The recipient in question. Our mails have one recipient each; a report names more if that one forwards them."""
    hard = (recipient for recipient in report.recipients if recipient.is_hard)
    return next(hard, report.recipients[0] if report.recipients else _NO_RECIPIENT)


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
