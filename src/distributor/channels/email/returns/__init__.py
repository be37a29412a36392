"""What comes back by mail, read: failed deliveries, complaints, automatic answers and unsubscriptions."""

from distributor.channels.email.returns.reading import read_return
from distributor.channels.email.returns.reasons import Fault, Reason
from distributor.channels.email.returns.returned import Kind, Recipient, Return

__all__ = ["Fault", "Kind", "Reason", "Recipient", "Return", "read_return"]
