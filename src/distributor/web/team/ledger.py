"""The ledger bar: the deliveries of a campaign by state, as parts of one bar that add up to the audience."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.domain.campaign import Totals
from distributor.domain.delivery import DeliveryState

# From what is good through what went wrong to what is still to come.
_ORDER = (
    DeliveryState.DELIVERED,
    DeliveryState.SENT,
    DeliveryState.COMPLAINED,
    DeliveryState.BOUNCED,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
    DeliveryState.SUPPRESSED,
    DeliveryState.DEFERRED,
    DeliveryState.IN_FLIGHT,
    DeliveryState.CLAIMED,
    DeliveryState.PENDING,
)
# In percent of the bar: a single failure among a million is seen.
_NARROWEST = 0.6


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """The deliveries in one state. `start` and `width` are percents of the bar."""

    state: DeliveryState
    count: int
    start: float
    width: float


def ledger_parts(totals: Totals) -> list[LedgerPart]:
    """The parts of the bar from left to right, without the states that no delivery is in."""
    counts = [(state, totals[state]) for state in _ORDER if totals[state]]
    widths = [max(_NARROWEST, 100 * count / totals.audience) for _state, count in counts]
    whole = sum(widths)
    parts, start = [], 0.0
    for (state, count), width in zip(counts, widths, strict=True):
        share = 100 * width / whole
        parts.append(LedgerPart(state, count, round(start, 3), round(share, 3)))
        start += share
    return parts
