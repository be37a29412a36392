"""Mails that come in, read as feedback: what each means, and which delivery it is about."""

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
from distributor.mail.verdicts import detail_of, speaks_against

# Where servers write down whom a mail was for.
_RECIPIENT_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to")
# What a relay neither adds nor changes: with the body it tells a mail that is delivered twice from two mails.
_LASTING_FIELDS = ("message-id", "date", "from", "subject")
_MESSAGE_ID = re.compile(r"<([\w-]{16,64})@[^<>@\s]{1,253}>", re.ASCII)
_ACTION = re.compile(r"^action[ \t]*:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_IS_DELAYED = re.compile(r"\bdelay(ed)?\b|could not send message for past", re.IGNORECASE)
# Types of RFC 5965 section 7.3 by which a reader says no; the others tell of viruses, signatures or mistakes.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "miscategorized"})
_MEANINGS = {
    ReportKind.BOUNCE: FeedbackKind.BOUNCE,
    ReportKind.COMPLAINT: FeedbackKind.COMPLAINT,
    ReportKind.UNSUBSCRIBE: FeedbackKind.UNSUBSCRIBE,
}
_NOBODY = RecipientReport(address="")


@dataclass(frozen=True, slots=True)
class DeliveryMatch:
    """Which delivery a mail is about, and how that was found.

    `is_wish`: it came to an address that is there for leaving, whatever it says.
    """

    match: MatchedBy
    delivery_id: int | None = None
    is_wish: bool = False


def read_inbound_feedback(raw: bytes, tokens: TokenSigner, *, envelope_recipient: str | None = None) -> Feedback:
    """What a mail says about a delivery of ours. Any octets can be read.

    `envelope_recipient` is whom it was for by RCPT TO, where that is known.
    """
    letter, found = parse_message(raw), read_inbound_report(raw)
    trace = _trace(letter, tokens, envelope_recipient)
    told = _told_of(found)
    return Feedback(
        meaning=FeedbackKind.UNSUBSCRIBE
        if trace.is_wish and found.kind is ReportKind.OTHER
        else _meaning(found, letter),
        key=f"mail-{_digest(letter)}",
        match=trace.match,
        delivery_id=trace.delivery_id,
        address=told.address,
        is_hard=told.is_hard,
        counts=found.kind is ReportKind.BOUNCE and speaks_against(told),
        detail=detail_of(told) | ({"type": found.feedback_type} if found.feedback_type else {}),
    )


def _meaning(found: InboundReport, letter: ReceivedMessage) -> FeedbackKind:
    if found.kind is ReportKind.BOUNCE and _is_only_delayed(found, letter):
        return FeedbackKind.NOTHING
    if found.kind is ReportKind.COMPLAINT and found.feedback_type not in _COMPLAINTS:
        return FeedbackKind.NOTHING
    return _MEANINGS.get(found.kind, FeedbackKind.NOTHING)


def _is_only_delayed(found: InboundReport, letter: ReceivedMessage) -> bool:
    """Whether the other side still tries: then the mail may arrive after all."""
    if any(recipient.is_hard for recipient in found.recipients):
        return False
    actions = {
        action.lower()
        for part in letter.parts
        if part.content_type.endswith("delivery-status")
        for action in _ACTION.findall(part.text)
    }
    return actions == {"delayed"} if actions else bool(_IS_DELAYED.search(letter.fields.get("subject")))


def _told_of(found: InboundReport) -> RecipientReport:
    """Whom the mail is about. Our mails have one recipient each; more are told of where that one passes them on."""
    hard = (recipient for recipient in found.recipients if recipient.is_hard)
    return next(hard, found.recipients[0] if found.recipients else _NOBODY)


def _trace(letter: ReceivedMessage, tokens: TokenSigner, envelope_recipient: str | None) -> DeliveryMatch:
    """By the return path that it came to, else by one or by a Message-ID of ours in what it returns."""
    addresses = list(_recipients(letter.fields, envelope_recipient))
    named = [read_return_path(address, tokens) for address in addresses]
    for address, number in zip(addresses, named, strict=True):
        if isinstance(number, int):
            return DeliveryMatch(MatchedBy.RETURN_PATH, number, is_wish=is_unsubscribe_address(address))
    if ForgedAddress.FOUND in named:
        return DeliveryMatch(MatchedBy.FORGED)
    texts = list(_texts(letter))
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


def _texts(letter: ReceivedMessage) -> Iterator[str]:
    for fields in (letter.fields, *(part.fields for part in letter.parts)):
        yield "\n".join(value for name in dict.fromkeys(fields.names()) for value in fields.all(name))
    for part in letter.parts:
        yield part.text


def _digest(letter: ReceivedMessage) -> str:
    lasting = "\n".join(f"{name}: {value}" for name in _LASTING_FIELDS for value in letter.fields.all(name))
    return hashlib.sha256(lasting.encode("utf-8", "surrogatepass") + b"\n\n" + letter.body).hexdigest()
