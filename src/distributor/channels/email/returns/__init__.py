"""What comes back by mail, read: failed deliveries, complaints, automatic answers and unsubscriptions."""

from distributor.channels.email.returns.letter import LONGEST_MAIL
from distributor.channels.email.returns.reading import read_return
from distributor.channels.email.returns.reasons import Fault, Reason
from distributor.channels.email.returns.returned import Kind, Recipient, Return

__all__ = ["LONGEST_MAIL", "Fault", "Kind", "Reason", "Recipient", "Return", "read_return"]
