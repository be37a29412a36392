from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.delivery import TRANSITIONS, Delivery, DeliveryState, Outcome, Verdict
from distributor.domain.errors import ScheduleError
from distributor.domain.retry_policy import RetrySchedule, next_attempt, settle_outcome

SCHEDULE = RetrySchedule()
RELEASED = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def delivery(*, attempt: int = 1, id: int = 1) -> Delivery:
    return Delivery(
        id=id,
        dispatch_id=1,
        recipient="a@b.example",
        epoch=1,
        attempt=attempt,
        created_at=RELEASED,
        first_attempt_at=RELEASED if attempt > 1 else None,
    )


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.SENT, DeliveryState.SENT),
        (Verdict.FAILED, DeliveryState.FAILED),
        (Verdict.DEFERRED, DeliveryState.DEFERRED),
        (Verdict.UNKNOWN, DeliveryState.UNKNOWN),
        (Verdict.SENDER_REJECTED, DeliveryState.PENDING),
        (Verdict.RETRY_REMAINING, DeliveryState.PENDING),
        (Verdict.THROTTLED, DeliveryState.DEFERRED),
    ],
)
def test_every_verdict_becomes_a_state_that_may_follow_a_flight(verdict: Verdict, state: DeliveryState) -> None:
    settlement = settle_outcome(Outcome.of(delivery(), verdict), delivery(), now=RELEASED)

    assert settlement.state is state
    assert state in TRANSITIONS[DeliveryState.IN_FLIGHT]


def test_what_is_unknown_is_looked_into_at_once_unless_the_channel_names_a_time() -> None:
    later = RELEASED + timedelta(minutes=5)

    assert settle_outcome(Outcome.of(delivery(), Verdict.UNKNOWN), delivery(), now=RELEASED).next_at == RELEASED
    asked = Outcome.of(delivery(), Verdict.UNKNOWN, retry_at=later)
    assert settle_outcome(asked, delivery(), now=RELEASED).next_at == later


def test_a_temporary_failure_that_lasted_for_days_is_final_and_not_taken_for_a_refusal() -> None:
    end = RELEASED + SCHEDULE.give_up_after
    full = Outcome.of(delivery(), Verdict.DEFERRED, detail={"reason": "mailboxfull"})
    settlement = settle_outcome(full, delivery(attempt=30), now=end)

    assert (settlement.state, settlement.next_at) == (DeliveryState.FAILED, None)
    assert settlement.outcome.detail == {"reason": "mailboxfull", "given_up": True}
    refused = settle_outcome(Outcome.of(delivery(), Verdict.FAILED), delivery(), now=end)
    assert "given_up" not in refused.outcome.detail


@given(attempt=st.integers(1, 10_000), id=st.integers(1, 2**63 - 1))
@settings(deadline=None, derandomize=True)
def test_waits_double_up_to_the_longest_and_are_stretched_by_a_quarter_at_most(attempt: int, id: int) -> None:
    next_at = next_attempt(delivery(attempt=attempt, id=id), now=RELEASED)

    assert next_at is not None
    least = min(SCHEDULE.first * 2 ** min(attempt - 1, 10), SCHEDULE.longest)
    assert least <= next_at - RELEASED < least * 1.25


def test_failures_of_one_moment_come_back_at_different_ones() -> None:
    times = {next_attempt(delivery(id=id), now=RELEASED) for id in range(1, 101)}

    assert len(times) > 90


def test_the_time_that_the_other_side_asks_for_is_obeyed() -> None:
    asked = RELEASED + timedelta(hours=2)

    assert next_attempt(delivery(), now=RELEASED, requested=asked) == asked


def test_a_time_asked_for_that_is_too_late_is_the_end() -> None:
    assert (
        next_attempt(delivery(), now=RELEASED, requested=RELEASED + SCHEDULE.give_up_after + timedelta(seconds=1))
        is None
    )


def test_what_was_held_back_comes_at_its_time_however_late_that_is() -> None:
    turn = RELEASED + timedelta(days=30)
    settlement = settle_outcome(Outcome.of(delivery(), Verdict.THROTTLED, retry_at=turn), delivery(), now=RELEASED)
    assert (settlement.state, settlement.next_at) == (DeliveryState.DEFERRED, turn)


def test_the_time_to_give_up_counts_from_the_first_attempt_and_not_from_the_release() -> None:
    late = RELEASED + timedelta(days=30)
    assert next_attempt(delivery(), now=late) is not None
    assert next_attempt(delivery(attempt=2), now=late) is None


def test_a_schedule_can_be_another() -> None:
    schedule = RetrySchedule(first=timedelta(minutes=5), factor=3, longest=timedelta(hours=1))
    waits = [schedule.wait_after(attempt) / timedelta(minutes=1) for attempt in range(1, 6)]
    assert waits == [5, 15, 45, 60, 60]
    next_at = next_attempt(delivery(), now=RELEASED, schedule=schedule)
    assert next_at is not None
    assert timedelta(minutes=5) <= next_at - RELEASED < timedelta(minutes=6.25)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": timedelta()},
        {"first": timedelta(hours=5)},
        {"longest": timedelta(days=4)},
        {"factor": 0.5},
        {"factor": float("nan")},
    ],
)
def test_a_schedule_that_does_not_move_forward_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ScheduleError):
        RetrySchedule(**wrong)


def test_attempts_of_one_delivery_are_spread_differently() -> None:
    schedule = RetrySchedule(factor=1)
    waits = {next_attempt(delivery(attempt=attempt), now=RELEASED, schedule=schedule) for attempt in range(2, 20)}
    assert len(waits) > 15
