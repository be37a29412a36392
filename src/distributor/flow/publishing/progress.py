"""The progress of a campaign while it is sent: how many have it, how quickly it goes on, and what keeps it from it.

Nothing here counts deliveries: the numbers are the maintained totals, so that it can be read every second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.domain.campaign import (
    BY_CANCELLATION,
    OPEN_STATES,
    Campaign,
    CampaignState,
    Dispatch,
    DispatchState,
    Totals,
)
from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.report import state_of
from distributor.storage import (
    campaign_reviews,
    campaigns,
    delivery_queries,
    delivery_totals,
    dispatches,
    paused_routes,
)
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.storage.delivery_totals import SLOT, ProgressRecord, ReasonCount
from distributor.storage.paused_routes import RouteWait

# The rate of now is that of the outcomes since so long ago.
RATE_WINDOW = timedelta(minutes=1)
# A dispatch with something to send and without an outcome for so long has stalled: workers have a lease of 90 seconds
# and report within seconds.
STALLED_AFTER = timedelta(minutes=1)
# The last problems of a dispatch that are shown, of each kind.
_PROBLEMS = 3

# The recipient has it, or a bounce says what became of it.
OUT = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
# It may be with the recipient by now: a cancellation does not bring it back.
MAY_BE_OUT = (DeliveryState.IN_FLIGHT, DeliveryState.UNKNOWN)
# What a cancellation keeps from being sent.
UNSENT = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.DEFERRED)
_AT_WORK = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT)
_TROUBLED = (DeliveryState.FAILED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
# Suppressed deliveries cost no time: they are no part of a rate.
_ATTEMPTED = (*OUT, DeliveryState.FAILED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchProgress:
    """The progress of a dispatch. Rates are in deliveries a minute, and None if there is nothing to tell.

    `expected` is how many recipients the newest review found, for a dispatch that is not released yet. `stalled_for` is
    since when nothing came of what is due, None if all is well. `problems` are the last ones, the newest first.
    """

    dispatch: Dispatch
    reasons: tuple[ReasonCount, ...]
    expected: int
    rate: float | None
    mean_rate: float | None
    next_attempt_at: datetime | None
    waits: tuple[RouteWait, ...]
    stalled_for: timedelta | None
    problems: tuple[DeliveryRecord, ...]

    @property
    def totals(self) -> Totals:
        """The deliveries by state; their sum is the audience."""
        return Totals.of_counts((one.state, one.deliveries) for one in self.reasons)

    @property
    def out(self) -> int:
        """How many have it."""
        return _sum(self.totals, OUT)

    @property
    def may_be_out(self) -> int:
        """How many may have it."""
        return _sum(self.totals, MAY_BE_OUT)

    @property
    def remaining(self) -> int:
        """How many are to be sent: all that are expected, before the release."""
        if self.dispatch.released_at is None:
            return self.expected if self.dispatch.state in OPEN_STATES else 0
        return _sum(self.totals, UNSENT)

    @property
    def withheld(self) -> int:
        """How many do not get it because it was cancelled."""
        if self.dispatch.state is not DispatchState.CANCELLED:
            return 0
        if self.dispatch.released_at is None:
            return self.expected
        return sum(one.deliveries for one in self.reasons if one.reason == BY_CANCELLATION)

    @property
    def time_left(self) -> timedelta | None:
        """How long the rest takes at the rate of now; None if nothing moves, or all that remains waits for a time."""
        due = _sum(self.totals, _AT_WORK)
        if self.dispatch.state is not DispatchState.RUNNING or not self.rate or not due:
            return None
        return timedelta(minutes=due / self.rate)

    def counts_of(self, state: DeliveryState) -> tuple[ReasonCount, ...]:
        """The deliveries in a state by reason, the most frequent first."""
        return tuple(one for one in self.reasons if one.state is state)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignProgress:
    """The progress of a campaign at a moment. `sentence` is that of its newest review, or empty.

    `running_campaigns` is how many are being sent, this one included.
    """

    campaign: Campaign
    at: datetime
    dispatches: tuple[DispatchProgress, ...]
    sentence: str
    running_campaigns: int

    @property
    def state(self) -> CampaignState:
        """The state of the campaign as a whole."""
        return state_of(self.campaign, [one.dispatch for one in self.dispatches])

    @property
    def totals(self) -> Totals:
        """The totals over all dispatches."""
        return Totals.sum_of(one.totals for one in self.dispatches)

    @property
    def out(self) -> int:
        """How many have it, on all channels."""
        return sum(one.out for one in self.dispatches)

    @property
    def may_be_out(self) -> int:
        """How many may have it, on all channels."""
        return sum(one.may_be_out for one in self.dispatches)

    @property
    def remaining(self) -> int:
        """How many a cancellation would keep it from, on all channels."""
        return sum(one.remaining for one in self.dispatches)

    @property
    def withheld(self) -> int:
        """How many do not get it because it was cancelled, on all channels."""
        return sum(one.withheld for one in self.dispatches)

    @property
    def is_released(self) -> bool:
        """Whether a part of it is out, or on its way."""
        return any(one.dispatch.released_at is not None for one in self.dispatches)

    @property
    def was_missed(self) -> bool:
        """Whether a channel that waits for a person should have started by now."""
        return any(
            one.dispatch.state is DispatchState.PAUSED
            and one.dispatch.released_at is None
            and one.dispatch.scheduled_at is not None
            and one.dispatch.scheduled_at < self.at
            for one in self.dispatches
        )

    @property
    def starts_at(self) -> datetime | None:
        """When the next channel starts that is scheduled; None if none is."""
        times = [
            one.dispatch.scheduled_at
            for one in self.dispatches
            if one.dispatch.state is DispatchState.SCHEDULED and one.dispatch.scheduled_at is not None
        ]
        return min(times, default=None)

    @property
    def is_over(self) -> bool:
        """Whether nothing will change by itself any more, but for reports about what was sent."""
        is_open = any(one.dispatch.state in OPEN_STATES for one in self.dispatches)
        return not is_open and not self.totals[DeliveryState.IN_FLIGHT]


def progress_of(app: AppContext, campaign_id: int) -> CampaignProgress:
    """The progress of a campaign now, read in one transaction. Raises NotFoundError."""
    now = app.clock()
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        ids = [one.id for one in planned]
        reasons = delivery_totals.reasons_of_dispatches(connection, ids)
        outcomes = delivery_totals.progress_of_dispatches(connection, ids, since=_window_start(now))
        problems = _problems_of(connection, reasons)
        review = next(iter(campaign_reviews.latest(connection, campaign_id, limit=1)), None)
        expected = {one.channel_name: one.recipients for one in review.dispatches} if review else {}
        resumed_at = campaigns.last_resumption(connection, campaign_id)
        return CampaignProgress(
            campaign=campaign,
            at=now,
            sentence=review.sentence if review else "",
            running_campaigns=campaigns.count_running(connection),
            dispatches=tuple(
                _of_dispatch(
                    connection,
                    one,
                    reasons[one.id],
                    outcomes[one.id],
                    problems=problems.get(one.id, ()),
                    expected=expected.get(one.channel_name, 0),
                    resumed_at=resumed_at,
                    now=now,
                )
                for one in planned
            ),
        )


def _of_dispatch(
    connection: Connection,
    dispatch: Dispatch,
    reasons: tuple[ReasonCount, ...],
    outcomes: ProgressRecord,
    *,
    problems: Sequence[DeliveryRecord],
    expected: int,
    resumed_at: datetime | None,
    now: datetime,
) -> DispatchProgress:
    totals = Totals.of_counts((one.state, one.deliveries) for one in reasons)
    next_attempt_at: datetime | None = None
    waits: tuple[RouteWait, ...] = ()
    if totals[DeliveryState.DEFERRED]:
        next_attempt_at = delivery_queries.next_attempt(connection, dispatch.id)
        found = paused_routes.waits(connection, dispatch.channel_id, dispatch_id=dispatch.id)
        waits = tuple(one for one in found if one.deliveries)
    return DispatchProgress(
        dispatch=dispatch,
        reasons=reasons,
        expected=expected,
        rate=_rate(dispatch, outcomes, now=now),
        mean_rate=_mean_rate(dispatch, totals, outcomes, now=now),
        next_attempt_at=next_attempt_at,
        waits=waits,
        stalled_for=_stalled_for(dispatch, totals, outcomes, next_attempt_at, resumed_at, now=now),
        problems=tuple(problems),
    )


def _window_start(now: datetime) -> datetime:
    """The first slot of the window is whole, so that the rate of a steady flow is steady."""
    seconds = (now - RATE_WINDOW).timestamp()
    return datetime.fromtimestamp(seconds - seconds % SLOT.total_seconds(), tz=now.tzinfo)


def _rate(dispatch: Dispatch, outcomes: ProgressRecord, *, now: datetime) -> float | None:
    if dispatch.state is not DispatchState.RUNNING or dispatch.released_at is None:
        return None
    since = max(_window_start(now), dispatch.released_at)
    return outcomes.settled / max((now - since) / timedelta(minutes=1), SLOT / timedelta(minutes=1))


def _mean_rate(dispatch: Dispatch, totals: Totals, outcomes: ProgressRecord, *, now: datetime) -> float | None:
    """Over the whole time, pauses included."""
    attempted = _sum(totals, _ATTEMPTED)
    if dispatch.released_at is None or not attempted:
        return None
    is_running = dispatch.state is DispatchState.RUNNING
    ended_at = now if is_running else dispatch.finished_at or outcomes.last_at or now
    return attempted / max((ended_at - dispatch.released_at) / timedelta(minutes=1), SLOT / timedelta(minutes=1))


def _stalled_for(
    dispatch: Dispatch,
    totals: Totals,
    outcomes: ProgressRecord,
    next_attempt_at: datetime | None,
    resumed_at: datetime | None,
    *,
    now: datetime,
) -> timedelta | None:
    """For how long nothing came of deliveries that are due: from the last outcome, not from any flag."""
    if dispatch.state is not DispatchState.RUNNING or dispatch.released_at is None:
        return None
    is_waiting = not _sum(totals, _AT_WORK)
    if is_waiting and (next_attempt_at is None or next_attempt_at > now):
        return None
    times = [dispatch.released_at, outcomes.last_at, resumed_at, next_attempt_at if is_waiting else None]
    silent = now - max(time for time in times if time is not None)
    return silent if silent >= STALLED_AFTER else None


def _problems_of(
    connection: Connection, reasons: Mapping[int, Sequence[ReasonCount]]
) -> Mapping[int, tuple[DeliveryRecord, ...]]:
    """The last problems of each dispatch that has any; equal replies once."""
    troubled = [number for number, counts in reasons.items() if any(one.state in _TROUBLED for one in counts)]
    found: dict[int, dict[tuple[object, ...], DeliveryRecord]] = {}
    for one in delivery_queries.last_problems(connection, troubled, limit=_PROBLEMS):
        if one.reply:
            found.setdefault(one.dispatch_id, {}).setdefault((one.state, one.reply_code, one.reply), one)
    return {number: tuple(records.values()) for number, records in found.items()}


def _sum(totals: Totals, states: Sequence[DeliveryState]) -> int:
    return sum(totals[state] for state in states)
