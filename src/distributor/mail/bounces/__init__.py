"""What comes back by mail, read: failed deliveries, complaints, automatic answers and unsubscriptions."""

from distributor.mail.bounces.letter import LONGEST_MAIL
from distributor.mail.bounces.reading import read_return
from distributor.mail.bounces.reasons import Fault, Reason
from distributor.mail.bounces.returned import Kind, Recipient, Return

__all__ = ["LONGEST_MAIL", "Fault", "Kind", "Reason", "Recipient", "Return", "read_return"]
