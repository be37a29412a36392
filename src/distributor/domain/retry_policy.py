"""The retry policy: the new state of a delivery after an outcome, and the time of the next attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import ScheduleError

_STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.FAILED: DeliveryState.FAILED,
    # Neither concerns the recipient: the delivery is as if it had not been started.
    Verdict.SENDER_REJECTED: DeliveryState.PENDING,
    Verdict.RETRY_REMAINING: DeliveryState.PENDING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """Exponential backoff: waits grow by `factor` from `first` to `longest`, until `give_up_after` the first attempt.

    Raises ScheduleError for values that are not positive and increasing.
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
        """How long to wait after so many attempts, without jitter."""
        # A larger power exceeds any longest wait, or the factor is 1.
        grown = self.factor ** min(attempt - 1, 64)
        return min(self.first * min(grown, self.longest / self.first), self.longest)


def settle_outcome(
    outcome: Outcome, delivery: Delivery, *, now: datetime, schedule: RetrySchedule | None = None
) -> Settlement:
    """The new state of `delivery` after this outcome.

    An unknown outcome is due to be resolved at once, or at the time the channel names.
    """
    if outcome.verdict is Verdict.UNKNOWN:
        return Settlement(outcome=outcome, state=DeliveryState.UNKNOWN, next_at=outcome.retry_at or now)
    if outcome.verdict is Verdict.THROTTLED:
        return Settlement(outcome=outcome, state=DeliveryState.DEFERRED, next_at=outcome.retry_at or now)
    if outcome.verdict is Verdict.DEFERRED:
        retry_at = next_attempt(delivery, now=now, requested=outcome.retry_at, schedule=schedule)
        if retry_at is None:
            # Marked, so that a retry of failed deliveries can tell it from a permanent failure.
            given_up = replace(outcome, detail={**outcome.detail, "given_up": True})
            return Settlement(outcome=given_up, state=DeliveryState.FAILED)
        return Settlement(outcome=outcome, state=DeliveryState.DEFERRED, next_at=retry_at)
    return Settlement(outcome=outcome, state=_STATES[outcome.verdict])


def next_attempt(
    delivery: Delivery, *, now: datetime, requested: datetime | None = None, schedule: RetrySchedule | None = None
) -> datetime | None:
    """The time of the next attempt after one that failed, or None to give up.

    It is not before the time that the server `requested`. Waits have a jitter of up to a quarter, which differs by
    delivery and attempt, so that many failures are not retried at once. The time to give up counts from the first
    attempt, not from the release: waiting for a rate limit does not count.
    """
    schedule = schedule or RetrySchedule()
    retry_at = now + schedule.wait_after(delivery.attempt) * (1 + spread(delivery.id * 31 + delivery.attempt) / 4)
    if requested is not None:
        retry_at = max(retry_at, requested)
    return retry_at if retry_at <= (delivery.first_attempt_at or now) + schedule.give_up_after else None


def spread(number: int) -> float:
    """A pseudo-random share in [0, 1), always the same for a number (Knuth's multiplicative hash). Used for jitter."""
    return (number * 2_654_435_761 % 2**32) / 2**32
