"""Calendar: which days a page of it shows, what stands on them, and the same time of day on another day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from distributor.domain.campaign import DispatchState
from distributor.domain.schedule import find_zone, instant_of

# Two dispatches so close on one channel are a clash: their readers get both at once.
CROWDED_WITHIN = timedelta(minutes=30)
# Two mails to the same audience within this are worth a thought.
REPEATED_WITHIN = timedelta(hours=24)

_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


class CalendarView(StrEnum):
    """MONTH shows whole weeks, LIST the days of the month alone, one below the other, DAY one of these days."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPeriod:
    """The days that one page shows. `day` is the one it was asked for; a month is that of this day."""

    view: CalendarView
    day: date
    days: Sequence[date]

    @property
    def previous(self) -> date:
        """A day of the period before."""
        return self._moved(-1)

    @property
    def following(self) -> date:
        """A day of the period after."""
        return self._moved(1)

    def shows(self, day: date) -> bool:
        """Whether the day belongs to it: weeks of a month begin and end with days of others."""
        if self.view in (CalendarView.WEEK, CalendarView.DAY):
            return day in self.days
        return (day.year, day.month) == (self.day.year, self.day.month)

    def _moved(self, direction: int) -> date:
        if self.view is CalendarView.WEEK:
            moved = self.day + direction * _WEEK
        elif self.view is CalendarView.DAY:
            moved = self.day + direction * _DAY
        else:
            first = self.day.replace(day=1)
            moved = (first + 32 * _DAY).replace(day=1) if direction > 0 else (first - _DAY).replace(day=1)
        return min(max(moved, _FIRST_DAY), _LAST_DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFilter:
    """What the calendar shows: an empty field everything. `text` is a part of a campaign's name, or a tag."""

    channel_name: str = ""
    state: DispatchState | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """A dispatch on the calendar. `scheduled_at` is None in the tray; `version` is that of its campaign.

    `sentence` is what the newest review of the campaign says. `is_crowded` is whether another campaign uses the channel
    within `CROWDED_WITHIN`, `is_repeated` whether one has the same subscribers on it within `REPEATED_WITHIN`.
    `companions` is how many others of its campaign could be moved along.
    """

    dispatch_id: int
    campaign_id: int
    campaign_name: str
    version: int
    channel_name: str
    kind: str
    state: DispatchState
    scheduled_at: datetime | None
    zone: str
    is_released: bool
    reason: str
    sentence: str
    is_crowded: bool
    is_repeated: bool
    companions: int = 0

    @property
    def is_movable(self) -> bool:
        """Whether nothing of it is out yet, and it is to go out."""
        return not self.is_released and self.state in (
            DispatchState.DRAFT,
            DispatchState.SCHEDULED,
            DispatchState.PAUSED,
        )

    @property
    def own_time(self) -> datetime | None:
        """When it starts, by the clocks of the zone that was chosen for it."""
        return self.scheduled_at.astimezone(find_zone(self.zone) or UTC) if self.scheduled_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """A day with its entries by time: the first of `total`."""

    day: date
    entries: Sequence[CalendarEntry]
    total: int


def period_around(view: CalendarView, day: date) -> CalendarPeriod:
    """The period that holds this day; a day beyond what calendars are used for is brought back into it."""
    day = min(max(day, _FIRST_DAY), _LAST_DAY)
    if view is CalendarView.WEEK:
        first, last = _monday(day), _monday(day) + 6 * _DAY
    elif view is CalendarView.DAY:
        first = last = day
    else:
        first = day.replace(day=1)
        last = (first + 32 * _DAY).replace(day=1) - _DAY
        if view is CalendarView.MONTH:
            first, last = _monday(first), _monday(last) + 6 * _DAY
    count = (last - first).days + 1
    return CalendarPeriod(view=view, day=day, days=tuple(first + number * _DAY for number in range(count)))


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day in this zone, in UTC."""
    # Where clocks skip midnight, the offset from before gives the instant at which they skip it.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def same_time_on(moment: datetime, day: date, zone: tzinfo) -> datetime:
    """The instant at which the clocks of `zone` show on `day` what they show at `moment`, in UTC.

    Raises ScheduleError if they skip that time on that day.
    """
    local = moment.astimezone(zone)
    return moment.astimezone(UTC) if local.date() == day else instant_of(_on(day, local), zone)


def moved_along(moment: datetime, *, before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Where a moment goes when what was at `before` goes to `after`: as far from it on the clocks as it was.

    Raises ScheduleError if the clocks skip that time.
    """
    distance = _wall(after, zone) - _wall(before, zone)
    if not distance:
        return moment.astimezone(UTC)
    return instant_of(_wall(moment, zone) + distance, zone)


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _on(day: date, local: datetime) -> datetime:
    return datetime.combine(day, local.time().replace(fold=0))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
