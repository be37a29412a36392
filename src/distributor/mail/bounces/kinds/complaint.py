"""Complaints: feedback reports (RFC 5965, RFC 6591), and those of Hotmail in its own format."""

from __future__ import annotations

import re

from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reports import MAX_RECIPIENTS, InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.decoding import decode_transfer_encoding
from distributor.mail.mime.received_message import HeaderFields, MessagePart, ReceivedMessage, split_header

_HOTMAIL = re.compile(r"staff@hotmail\.com", re.IGNORECASE)
_ABOUT_A_MESSAGE = re.compile(r"complaint about message from", re.IGNORECASE)


def read_complaint(message: ReceivedMessage) -> InboundReport | None:
    """The report of a complaint; None if the mail is none."""
    report = _report(message)
    if report is None and not _is_from_hotmail(message):
        return None
    original = _original(message)
    addresses = _addresses(report or HeaderFields([]), original)
    return InboundReport(
        kind=ReportKind.COMPLAINT,
        recipients=tuple(RecipientReport(address=one, reason=Reason.FEEDBACK) for one in addresses or [""]),
        feedback_type=(report.get("feedback-type").lower() if report else "") or "abuse",
    )


def _report(message: ReceivedMessage) -> HeaderFields | None:
    for part in message.parts:
        if part.content_type == "message/feedback-report":
            return _fields_of(part)
    if "report-type=feedback-report" not in message.content_type.replace('"', ""):
        return None
    # Some senders omit the content type of the part.
    return next((found for part in message.parts if "feedback-type" in (found := _fields_of(part))), HeaderFields([]))


def _is_from_hotmail(message: ReceivedMessage) -> bool:
    fields = message.fields
    return bool(_HOTMAIL.search(fields.get("from")) and _ABOUT_A_MESSAGE.search(fields.get("subject")))


def _original(message: ReceivedMessage) -> HeaderFields:
    part = next((part for part in reversed(message.parts) if part.is_returned_mail), None)
    if part is None:
        return HeaderFields([])
    return part.fields if "from" in part.fields else _fields_of(part)


def _fields_of(part: MessagePart) -> HeaderFields:
    data = decode_transfer_encoding(part.body, part.fields.get("content-transfer-encoding")).lstrip(b"\n")
    return split_header(data)[0]


def _addresses(report: HeaderFields, original: HeaderFields) -> list[str]:
    """The complaining recipients: those named in the report, else in the original message."""
    for fields, name in (
        (report, "original-rcpt-to"),
        (report, "removal-recipient"),
        (report, "redacted-address"),
        (original, "x-hmxmroriginalrecipient"),
        (original, "to"),
    ):
        found = [address for value in fields.all(name) if (address := find_address(value))]
        if found:
            return list(dict.fromkeys(found))[:MAX_RECIPIENTS]
    return []
