"""A returned mail read: opened once, shown to each reader in turn, the first that knows it answers."""

from __future__ import annotations

from collections.abc import Callable

from distributor.mail.bounces.forwarded import inner_mail
from distributor.mail.bounces.kinds.autoreply import read_autoreply
from distributor.mail.bounces.kinds.bounce import read_bounce
from distributor.mail.bounces.kinds.complaint import read_complaint
from distributor.mail.bounces.kinds.ses_notification import read_notification
from distributor.mail.bounces.kinds.unsubscribe import read_unsubscribe
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reports import OTHER, InboundReport, ReportKind
from distributor.mail.mime.received_message import ReceivedMessage, parse_message

# A report is told by its form, so the readers of reports come first; a person's words are the last resort.
_READERS: tuple[Callable[[ReceivedMessage], InboundReport | None], ...] = (
    read_notification,
    read_complaint,
    read_bounce,
    read_unsubscribe,
    read_autoreply,
)

_NO_REASON = frozenset({Reason.ONHOLD, Reason.UNDEFINED})


def read_return(raw: bytes) -> InboundReport:
    """What a mail is and what it tells of whom. Any octets can be read; time and memory are bounded whatever they hold.

    A mail that is nothing a sender has to act on is `other` and names no recipients.
    """
    letter = parse_message(raw)
    found = _read(letter)
    if (found is None or _tells_nothing(found)) and (inner := inner_mail(letter)) is not None:
        found = read_bounce(inner) or found
    return found or OTHER


def _tells_nothing(found: InboundReport) -> bool:
    """Whether a bounce gives no reason; then it may be a covering letter."""
    return found.kind is ReportKind.BOUNCE and all(one.reason in _NO_REASON for one in found.recipients)


def _read(letter: ReceivedMessage) -> InboundReport | None:
    return next((found for reader in _READERS if (found := reader(letter)) is not None), None)
