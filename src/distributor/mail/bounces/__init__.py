"""What comes back by mail, read: failed deliveries, complaints, automatic answers and unsubscriptions."""

from distributor.mail.bounces.reader import read_return
from distributor.mail.bounces.reasons import Reason, ReasonScope
from distributor.mail.bounces.reports import InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import LONGEST_MAIL

__all__ = ["LONGEST_MAIL", "InboundReport", "Reason", "ReasonScope", "RecipientReport", "ReportKind", "read_return"]
