"""Reads an inbound mail: each reader is tried in turn, and the first that recognizes the mail decides its kind."""

from __future__ import annotations

import re
from collections.abc import Callable

from distributor.mail.bounces.formats.plain_text import is_from_mail_system
from distributor.mail.bounces.kinds.autoreply import read_autoreply
from distributor.mail.bounces.kinds.bounce import read_bounce
from distributor.mail.bounces.kinds.complaint import read_complaint
from distributor.mail.bounces.kinds.ses_notification import read_ses_notification
from distributor.mail.bounces.kinds.unsubscribe import read_unsubscribe
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reports import OTHER, InboundReport, ReportKind
from distributor.mail.mime.decoding import decode_transfer_encoding
from distributor.mail.mime.received_message import ReceivedMessage, parse_message

# Reports are recognized by their format, so their readers come first; text written by people comes last.
_READERS: tuple[Callable[[ReceivedMessage], InboundReport | None], ...] = (
    read_ses_notification,
    read_complaint,
    read_bounce,
    read_unsubscribe,
    read_autoreply,
)

_NO_REASON = frozenset({Reason.ONHOLD, Reason.UNDEFINED})


def read_inbound_report(mail: bytes | ReceivedMessage) -> InboundReport:
    """The kind of a mail, parsed or not, and the recipients it reports on. Accepts any bytes, in linear time.

    A mail that needs no action by the sender is `other` and has no recipients.
    """
    message = parse_message(mail) if isinstance(mail, bytes) else mail
    found = _read(message)
    if (found is None or _has_no_reason(found)) and (inner := forwarded_bounce(message)) is not None:
        found = read_bounce(inner) or found
    return found or OTHER


def _has_no_reason(found: InboundReport) -> bool:
    """Whether a bounce gives no reason; then it may only enclose the real report."""
    return found.kind is ReportKind.BOUNCE and all(one.reason in _NO_REASON for one in found.recipients)


def _read(message: ReceivedMessage) -> InboundReport | None:
    return next((found for reader in _READERS if (found := reader(message)) is not None), None)


_FORWARDED = re.compile(
    r"(?:fwd?|wg|tr|rv|i|転送) ?: ?(?:returned mail|undeliver|mail delivery|delivery status|failure notice)",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(
    r"^[ \t]*(?:Begin forwarded message:|-{2,} ?(?:Forwarded message|Original message"
    r"|Weitergeleitete Nachricht) ?-{2,}).*$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(r"^> ?", re.MULTILINE)
_SECOND = re.compile(rb"^From (?:MAILER-DAEMON|<>|postmaster)\b[^\n]*\n(?=[A-Za-z-]+:)", re.IGNORECASE | re.MULTILINE)
_BY_SYSTEM = re.compile(r"\s*(?:[\w-]+:.*\n){0,5}From: .*(?:mailer-daemon|postmaster|mail delivery)", re.IGNORECASE)


def forwarded_bounce(message: ReceivedMessage) -> ReceivedMessage | None:
    """The bounce that a mail contains: wrapped by a gateway, forwarded by a person, or a second mail in the file.

    A forwarded one needs a matching subject and the header of a mail system, so that a mail about bounces is not
    mistaken for one.
    """
    if second := _SECOND.search(message.body):
        return parse_message(message.body[second.start() :])
    if is_from_mail_system(message):
        return _wrapped(message)
    if not _FORWARDED.match(message.fields.get("subject")) or not message.parts:
        return None
    text = message.parts[0].text
    passed_on = _PASSED_ON.search(text)
    if passed_on is None:
        return None
    quoted = _QUOTED.sub("", text[passed_on.end() :])
    if not _BY_SYSTEM.match(quoted):
        return None
    return parse_message(quoted.encode("utf-8", "replace"))


def _wrapped(message: ReceivedMessage) -> ReceivedMessage | None:
    """The report that a mail system attached to its own mail."""
    for part in message.parts:
        if part.content_type == "message/rfc822":
            inner = parse_message(decode_transfer_encoding(part.body, part.fields.get("content-transfer-encoding")))
            if "multipart/report" in inner.content_type:
                return inner
    return None
