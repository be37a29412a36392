"""Retention: how long events, and the details of deliveries, are kept."""

from __future__ import annotations

from datetime import datetime

EVENT_RETENTION = "DISTRIBUTOR_EVENT_RETENTION_DAYS"
DELIVERY_RETENTION = "DISTRIBUTOR_DELIVERY_RETENTION_DAYS"
# Until then late bounces, retries and questions about a campaign need its deliveries.
SHORTEST_DELIVERY_RETENTION_DAYS = 30


def removal_sentence(removed_at: datetime) -> str:
    """What to tell whoever looks for details that were removed."""
    return f"its details were removed on {removed_at:%Y-%m-%d}, as {DELIVERY_RETENTION} says; the totals are kept"
