"""What comes back by mail, read: failed deliveries, complaints, automatic answers and unsubscriptions."""

from distributor.mail.bounces.letter import LONGEST_MAIL
from distributor.mail.bounces.reading import read_return
from distributor.mail.bounces.reasons import Reason, ReasonScope
from distributor.mail.bounces.returned import InboundReport, RecipientReport, ReportKind

__all__ = ["LONGEST_MAIL", "InboundReport", "Reason", "ReasonScope", "RecipientReport", "ReportKind", "read_return"]
