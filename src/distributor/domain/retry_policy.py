"""What an outcome means for the ledger, and when to try again after a temporary failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import ScheduleError

_STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.FAILED: DeliveryState.FAILED,
    # Neither says anything against the recipient: the delivery is as good as never begun.
    Verdict.SENDER_REJECTED: DeliveryState.PENDING,
    Verdict.RETRY_REMAINING: DeliveryState.PENDING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """Waits grow by `factor` from `first` up to `longest`; nothing is tried later than `give_up_after` the first try.

    Raises ScheduleError for a schedule that does not move forward.
    """

    first: timedelta = timedelta(minutes=1)
    factor: float = 2.0
    longest: timedelta = timedelta(hours=4)
    give_up_after: timedelta = timedelta(days=3)

    def __post_init__(self) -> None:
        if not (timedelta() < self.first <= self.longest <= self.give_up_after and 1 <= self.factor <= 100):
            raise ScheduleError(
                "a retry schedule needs 0 < first wait <= longest wait <= time to give up, and a factor from 1 to 100"
            )

    def wait_after(self, attempt: int) -> timedelta:
        """How long to wait after so many attempts, before it is stretched."""
        # A power beyond this is longer than the longest wait there can be, or the factor is 1.
        grown = self.factor ** min(attempt - 1, 64)
        return min(self.first * min(grown, self.longest / self.first), self.longest)


def settle_outcome(
    outcome: Outcome, delivery: Delivery, *, now: datetime, schedule: RetrySchedule | None = None
) -> Settlement:
    """The new state of `delivery` after this outcome.

    What is unknown is to be looked into at once, or when the channel says that it can be told.
    """
    if outcome.verdict is Verdict.UNKNOWN:
        return Settlement(outcome=outcome, state=DeliveryState.UNKNOWN, next_at=outcome.retry_at or now)
    if outcome.verdict is Verdict.THROTTLED:
        return Settlement(outcome=outcome, state=DeliveryState.DEFERRED, next_at=outcome.retry_at or now)
    if outcome.verdict is Verdict.DEFERRED:
        moment = next_attempt(delivery, now=now, asked=outcome.retry_at, schedule=schedule)
        if moment is None:
            # So that it can be told from a refusal when what failed is tried again.
            given_up = replace(outcome, detail={**outcome.detail, "given_up": True})
            return Settlement(outcome=given_up, state=DeliveryState.FAILED)
        return Settlement(outcome=outcome, state=DeliveryState.DEFERRED, next_at=moment)
    return Settlement(outcome=outcome, state=_STATES[outcome.verdict])


def next_attempt(
    delivery: Delivery, *, now: datetime, asked: datetime | None = None, schedule: RetrySchedule | None = None
) -> datetime | None:
    """When to try again after the attempt that just failed, or None when it is time to give up.

    A time the other side `asked` for is obeyed. Waits are stretched by up to a quarter, differently for each delivery
    and attempt, so that many failures do not come back at once. The time to give up counts from the first attempt and
    not from the release: how long a delivery had to wait for its turn does not count against it.
    """
    schedule = schedule or RetrySchedule()
    moment = now + schedule.wait_after(delivery.attempt) * (1 + spread(delivery.id * 31 + delivery.attempt) / 4)
    if asked is not None:
        moment = max(moment, asked)
    return moment if moment <= (delivery.first_attempt_at or now) + schedule.give_up_after else None


def spread(number: int) -> float:
    """A share in [0, 1) that looks random and is always the same for a number (Knuth's multiplicative hash).

    For what must not come back all at once.
    """
    return (number * 2_654_435_761 % 2**32) / 2**32
