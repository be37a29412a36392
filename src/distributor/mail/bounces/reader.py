"""A returned mail read: opened once, shown to each reader in turn, the first that knows it answers."""

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

# A report is told by its form, so the readers of reports come first; a person's words are the last resort.
_READERS: tuple[Callable[[ReceivedMessage], InboundReport | None], ...] = (
    read_ses_notification,
    read_complaint,
    read_bounce,
    read_unsubscribe,
    read_autoreply,
)

_NO_REASON = frozenset({Reason.ONHOLD, Reason.UNDEFINED})


def read_inbound_report(raw: bytes) -> InboundReport:
    """What a mail is and what it tells of whom. Any octets can be read; time and memory are bounded whatever they hold.

    A mail that is nothing a sender has to act on is `other` and names no recipients.
    """
    letter = parse_message(raw)
    found = _read(letter)
    if (found is None or _tells_nothing(found)) and (inner := forwarded_bounce(letter)) is not None:
        found = read_bounce(inner) or found
    return found or OTHER


def _tells_nothing(found: InboundReport) -> bool:
    """Whether a bounce gives no reason; then it may be a covering letter."""
    return found.kind is ReportKind.BOUNCE and all(one.reason in _NO_REASON for one in found.recipients)


def _read(letter: ReceivedMessage) -> InboundReport | None:
    return next((found for reader in _READERS if (found := reader(letter)) is not None), None)


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


def forwarded_bounce(letter: ReceivedMessage) -> ReceivedMessage | None:
    """The notice that a mail holds in its text, or None.

    A forwarded one has to say so in its subject and to begin with the header of a mail system, so that people can talk
    about bounces.
    """
    if second := _SECOND.search(letter.body):
        return parse_message(letter.body[second.start() :])
    if is_from_mail_system(letter):
        return _wrapped(letter)
    if not _FORWARDED.match(letter.fields.get("subject")) or not letter.parts:
        return None
    text = letter.parts[0].text
    passed_on = _PASSED_ON.search(text)
    if passed_on is None:
        return None
    quoted = _QUOTED.sub("", text[passed_on.end() :])
    if not _BY_SYSTEM.match(quoted):
        return None
    return parse_message(quoted.encode("utf-8", "replace"))


def _wrapped(letter: ReceivedMessage) -> ReceivedMessage | None:
    """The report that a mail system attached to a mail of its own."""
    for part in letter.parts:
        if part.content_type == "message/rfc822":
            inner = parse_message(decode_transfer_encoding(part.body, part.fields.get("content-transfer-encoding")))
            if "multipart/report" in inner.content_type:
                return inner
    return None
