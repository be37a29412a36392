"""Reads inbound mail: bounces, complaints (feedback reports), automatic replies and unsubscribe requests."""

from distributor.mail.bounces.reader import read_inbound_report
from distributor.mail.bounces.reasons import Reason, ReasonScope
from distributor.mail.bounces.reports import InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import MAX_MESSAGE_BYTES

__all__ = [
    "MAX_MESSAGE_BYTES",
    "InboundReport",
    "Reason",
    "ReasonScope",
    "RecipientReport",
    "ReportKind",
    "read_inbound_report",
]
