"""The human-readable notice of a bounce (RFC 3464), separated from the report and the returned message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.mime.decoding import decode_transfer_encoding
from distributor.mail.mime.received_message import HeaderFields, MessagePart, ReceivedMessage, split_header

_MAX_NOTICE = 50_000

# Lines that mail systems write before the original message.
_ORIGINAL_FOLLOWS = LazyPattern(
    r"^[ \t>*]*(?:"
    r"-{2,} ?(?:begin |start of |the )?(?:original|returned|unsent|undelivered|rejected"
    r"|attached) (?:message|mail|e-?mail)\b.*"
    r"|-{2,} ?(?:below this line is a copy|enclosed is a copy|this is a copy of"
    r"|the header of the original|original message"
    r"|message header|copy of (?:the|your) message|included is|header of the original|the body of the message).*"
    r"|-{0,4} ?(?:below is|here is|this is|included is|following is|attached is) (?:a "
    r"|the )?(?:copy of )?(?:the |your )?"
    r"(?:original )?(?:message|mail)(?: headers?)?(?: follows)?\b.{0,60}:"
    r"|included is a copy of the message headers?:?"
    r"|(?:the )?(?:original )?(?:message|mail)(?: headers?)? (?:follows|as follows)\b.*"
    r"|original (?:message|mail) headers?:.*"
    r"|headers? of the original message.*"
    r"|-{2,} ?returned message -{2,}"
    r")[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = re.compile(r"([A-Z][A-Za-z0-9-]{1,40}):[ \t]?\S")
_MAIL_FIELDS = frozenset(
    [
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "sender",
        "received",
        "message-id",
        "mime-version",
        "content-type",
        "return-path",
        "reply-to",
        "x-mailer",
        "user-agent",
        "dkim-signature",
        "content-transfer-encoding",
        "delivered-to",
        "x-originating-ip",
    ]
)
_REPORT_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceNotice:
    """The text of the mail system, the delivery-status fields (empty if none), and the original header."""

    text: str
    report: str
    original: HeaderFields


def split_notice(message: ReceivedMessage) -> BounceNotice:
    """Split a mail into the notice, the delivery status and the header of the original message."""
    written: list[str] = []
    reports: list[str] = []
    original: HeaderFields | None = None
    pages = [part for part in message.parts if part.content_type.startswith("text/") and not part.is_returned_mail]
    has_plain = any(part.content_type == "text/plain" and part.text.strip() for part in pages)
    for part in message.parts:
        if part.content_type in _REPORT_TYPES:
            reports.append(part.text)
        elif part.is_returned_mail:
            original = original or _header_of(part)
        elif part.content_type.startswith("text/") and (part.content_type != "text/html" or not has_plain):
            before, after = cut_original(part.text)
            written.append(before)
            if original is None and after.strip():
                original = split_header(after.lstrip().encode("utf-8", "replace"))[0]
    return BounceNotice(
        text="\n\n".join(written)[:_MAX_NOTICE],
        report="\n\n".join(reports)[:_MAX_NOTICE],
        original=original or HeaderFields([]),
    )


def cut_original(text: str) -> tuple[str, str]:
    """A text before and after the point where the original message begins."""
    marked = _ORIGINAL_FOLLOWS.search(text)
    before, after = (text[: marked.start()], text[marked.end() :]) if marked else (text, "")
    at = _first_header(before)
    return (before, after) if at is None else (before[:at], before[at:])


def _first_header(text: str) -> int | None:
    """The index where a header with at least three fields begins; None if there is none."""
    begin = at = fields = mail_fields = 0
    for line in text.split("\n"):
        found = _HEADER.match(line)
        if found:
            if not fields:
                begin = at
            fields += 1
            mail_fields += found[1].lower() in _MAIL_FIELDS
            if fields >= 3 and mail_fields >= 2:
                return begin
        elif not (fields and line[:1] in (" ", "\t") and line.strip()):
            fields = mail_fields = 0
        at += len(line) + 1
    return None


def _header_of(part: MessagePart) -> HeaderFields:
    if "from" in part.fields:
        return part.fields
    data = decode_transfer_encoding(part.body, part.fields.get("content-transfer-encoding"))
    return split_header(data.lstrip(b"\n"))[0]
