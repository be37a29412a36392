"""The calendar of the team: what starts when, and moving it, on one channel or on all, to another day and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from distributor.channels.api import Audience
from distributor.channels.registry import kinds
from distributor.domain.calendar import (
    CalendarDay,
    CalendarEntry,
    CalendarFilter,
    CalendarPeriod,
    moved_along,
    same_time_on,
    start_of_day,
)
from distributor.domain.campaign import Dispatch, DispatchState
from distributor.domain.errors import BlockedError, InputError, NotFoundError, StateError
from distributor.domain.schedule import FollowUp, StartTimes, instant_of, short_time
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import life_cycle
from distributor.storage import campaigns, dispatch_calendar, dispatches

# So many drafts without a time are shown.
TRAY_SIZE = 30
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPage:
    """What one page of the calendar shows. `tray` are the first of `tray_total` drafts without a time."""

    days: tuple[CalendarDay, ...]
    tray: tuple[CalendarEntry, ...]
    tray_total: int
    channel_names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What has become of a campaign that was moved.

    `entries` are what was moved, with the new times. `blockers` are sentences about what must be mended before it goes
    out: it is a draft then. `needs_approval` is whether it is a draft that waits for an approval.
    """

    entries: tuple[CalendarEntry, ...]
    blockers: tuple[str, ...]
    needs_approval: bool


def show_calendar(app: AppContext, period: CalendarPeriod, chosen: CalendarFilter, *, per_day: int) -> CalendarPage:
    """The days of a period in the time zone of the team, with at most `per_day` dispatches each."""
    zone = app.site.zone
    starts = [start_of_day(day, zone) for day in (*period.days, period.days[-1] + _DAY)]
    audience_kinds = [name for name, kind in kinds().items() if kind.capabilities.audience is Audience.SUBSCRIBERS]
    with app.database.begin() as connection:
        tray, tray_total = dispatch_calendar.without_time(connection, chosen, limit=TRAY_SIZE)
        return CalendarPage(
            days=tuple(
                dispatch_calendar.days(
                    connection, period.days, starts, chosen, per_day=per_day, audience_kinds=audience_kinds
                )
            ),
            tray=tuple(tray),
            tray_total=tray_total,
            channel_names=tuple(dispatch_calendar.channel_names(connection)),
        )


def find_followers(app: AppContext, entry: CalendarEntry) -> Mapping[str, FollowUp]:
    """The channels that move along with an entry because they follow it, and how long after what."""
    return _followers_of(_planned(app, entry), entry)


def find_movable(app: AppContext, dispatch_id: int) -> tuple[CalendarEntry, tuple[CalendarEntry, ...]]:
    """A dispatch that can be moved, and the others of its campaign that can be moved along.

    Raises NotFoundError, and StateError with the reason why it cannot be moved.
    """
    with app.database.begin() as connection:
        entry = dispatch_calendar.find_entry(connection, dispatch_id)
        if entry is None:
            raise NotFoundError("dispatch", dispatch_id)
        planned = dispatches.of_campaign(connection, entry.campaign_id)
        others = [dispatch_calendar.find_entry(connection, one.id) for one in planned if one.id != dispatch_id]
    _require_movable(app, entry, next(one for one in planned if one.id == dispatch_id))
    return entry, tuple(one for one in others if one is not None and one.is_movable)


def time_of_move(app: AppContext, entry: CalendarEntry, day: date, clock: time | None) -> datetime:
    """When a dispatch starts that is moved to a day: at this time of the team's clocks, by default at that it has.

    Raises ScheduleError if the clocks skip that time, and InputError without any time.
    """
    zone = app.site.zone
    if clock is not None:
        return instant_of(datetime.combine(day, clock), zone)
    if entry.scheduled_at is None:
        raise InputError("it has no time of day yet: choose one")
    return same_time_on(entry.scheduled_at, day, zone)


def move(
    app: AppContext, dispatch_id: int, to: datetime, *, with_others: bool = False, actor: str, version: int | None
) -> Moved:
    """Let a dispatch start at another time; `with_others` moves the rest of its campaign along, at the same distance.

    What follows a dispatch that moves, moves with it in any case; one that is moved without what it follows does not
    follow it any more.

    What was scheduled is reviewed and scheduled again. `version` is the one that the caller has seen. Raises
    NotFoundError, ScheduleError for a time in the past or one that clocks skip, and StateError if it cannot be moved or
    its campaign was changed meanwhile; nothing is changed then.
    """
    entry, others = find_movable(app, dispatch_id)
    if entry.scheduled_at == to:
        # Sent twice, or put back where it was.
        return Moved(entries=(entry,), blockers=(), needs_approval=False)
    planned = _planned(app, entry)
    followers = _followers_of(planned, entry)
    along = tuple(one for one in others if with_others or one.channel_name in followers)
    moves = {one.channel_name for one in (entry, *along)}
    follows = {one.channel_name for one in planned if one.follow_up and one.follow_up.channel_name in moves}
    times = {
        one.channel_name: to if one is entry else _time_along(app, one, entry, to)
        for one in (entry, *along)
        if one.channel_name not in follows
    }
    blockers: tuple[str, ...] = ()
    try:
        life_cycle.reschedule(
            app,
            entry.campaign_id,
            StartTimes(starts_at=to, times=times, notes=()),
            actor=actor,
            version=version,
            channel_names=tuple(moves),
        )
    except BlockedError as error:
        blockers = tuple(str(one) for one in error.blockers)
    with app.database.begin() as connection:
        found = [dispatch_calendar.find_entry(connection, one.dispatch_id) for one in (entry, *along)]
        needs_approval = campaigns.find(connection, entry.campaign_id).needs_approval
    moved = tuple(one for one in found if one is not None)
    became_draft = entry.state is not DispatchState.DRAFT and all(one.state is DispatchState.DRAFT for one in moved)
    return Moved(entries=moved, blockers=blockers, needs_approval=became_draft and needs_approval and not blockers)


def _followers_of(planned: Sequence[Dispatch], entry: CalendarEntry) -> Mapping[str, FollowUp]:
    """The channels of a campaign that move along with this entry because they follow it, and how long after what."""
    own = [one for one in planned if one.id == entry.dispatch_id]
    moved = life_cycle.with_followers(own, [one for one in planned if one.released_at is None])
    return {one.channel_name: one.follow_up for one in moved if one.follow_up and one.id != entry.dispatch_id}


def _planned(app: AppContext, entry: CalendarEntry) -> Sequence[Dispatch]:
    with app.database.begin() as connection:
        return dispatches.of_campaign(connection, entry.campaign_id)


def _time_along(app: AppContext, one: CalendarEntry, entry: CalendarEntry, to: datetime) -> datetime:
    if one.scheduled_at is None or entry.scheduled_at is None:
        return to
    return moved_along(one.scheduled_at, before=entry.scheduled_at, after=to, zone=app.site.zone)


def _require_movable(app: AppContext, entry: CalendarEntry, dispatch: Dispatch) -> None:
    if entry.is_movable:
        return
    if dispatch.released_at is not None:
        when = short_time(dispatch.released_at, app.site.zone)
        raise StateError(
            f"“{entry.campaign_name}” has gone out on {entry.channel_name} since {when}: what has been sent stays "
            "where it is"
        )
    raise StateError(f"“{entry.campaign_name}” does not go out on {entry.channel_name}: it is {entry.state}")
