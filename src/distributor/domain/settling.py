"""What an outcome means for the ledger, and when to try again after a temporary failure."""

from __future__ import annotations

from datetime import datetime, timedelta

from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Settlement, Verdict

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=3)

_STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.FAILED: DeliveryState.FAILED,
    # Neither says anything against the recipient: the delivery is as good as never begun.
    Verdict.REFUSED: DeliveryState.PENDING,
    Verdict.RESUME: DeliveryState.PENDING,
}


def settlement_of(outcome: Outcome, delivery: Delivery, *, now: datetime) -> Settlement:
    """The new state of `delivery` after this outcome.

    What is unknown is to be looked into at once, or when the channel says that it can be told.
    """
    if outcome.verdict is Verdict.UNKNOWN:
        return Settlement(outcome=outcome, state=DeliveryState.UNKNOWN, next_at=outcome.retry_at or now)
    if outcome.verdict is Verdict.DEFERRED:
        moment = next_attempt(delivery, now=now, asked=outcome.retry_at)
        state = DeliveryState.DEFERRED if moment else DeliveryState.FAILED
        return Settlement(outcome=outcome, state=state, next_at=moment)
    return Settlement(outcome=outcome, state=_STATES[outcome.verdict])


def next_attempt(delivery: Delivery, *, now: datetime, asked: datetime | None = None) -> datetime | None:
    """When to try again after the attempt that just failed, or None when it is time to give up.

    Waits double from FIRST_WAIT up to LONGEST_WAIT, and nothing is tried later than GIVE_UP_AFTER from the release. A
    time the other side `asked` for is obeyed. Waits are stretched by up to a quarter, differently for each delivery, so
    that many failures do not come back at once.
    """
    doubled = min(FIRST_WAIT * 2 ** min(delivery.attempt - 1, 16), LONGEST_WAIT)
    moment = now + doubled * (1 + _spread(delivery.id) / 4)
    if asked is not None:
        moment = max(moment, asked)
    return moment if moment <= delivery.created_at + GIVE_UP_AFTER else None


def _spread(delivery_id: int) -> float:
    """A number in [0, 1) that looks random and never changes for a delivery (Knuth's multiplicative hash)."""
    return (delivery_id * 2_654_435_761 % 2**32) / 2**32
