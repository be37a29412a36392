"""Window: a stretch of time with ends that are instants, or a distance from now."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Ago:
    """The time this long before now. Months and years are those of the calendar, in UTC."""

    count: int
    unit: Unit

    def before(self, now: datetime) -> datetime:
        """The instant; no earlier than the calendar begins."""
        try:
            return _SUBTRACT[self.unit](now.astimezone(UTC), self.count)
        except (OverflowError, ValueError):
            return _EARLIEST


Instant: TypeAlias = datetime | Ago


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """From `since` to just before `before`; None leaves that end open. At least one is given.

    A window that begins some time ago and has no end reaches to now and no further.
    """

    since: Instant | None = None
    before: Instant | None = None

    def bounds(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The first instant inside and the first one after it."""
        until = _resolved(self.before, now)
        if isinstance(self.since, Ago) and self.before is None:
            until = now.astimezone(UTC) + timedelta.resolution
        return _resolved(self.since, now), until

    def days(self, now: datetime) -> tuple[date | None, date | None]:
        """The first and the last day inside, in UTC; a day that is only begun counts."""
        since, until = self.bounds(now)
        if until is None:
            return since and since.date(), None
        return since and since.date(), (max(until, _EARLIEST + timedelta.resolution) - timedelta.resolution).date()


def the_day(day: date) -> datetime:
    """The instant a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def the_day_after(day: date) -> datetime:
    """The instant a day is over, in UTC, or the end of the calendar."""
    return the_day(day + timedelta(days=1)) if day < date.max else _LATEST


def _resolved(instant: Instant | None, now: datetime) -> datetime | None:
    return instant.before(now) if isinstance(instant, Ago) else instant


def _months_before(now: datetime, count: int) -> datetime:
    """The same day of an earlier month, or its last day where it has no such day."""
    year, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    if year < 1:
        return _EARLIEST
    return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))


_SUBTRACT: Mapping[Unit, Callable[[datetime, int], datetime]] = {
    Unit.HOURS: lambda now, count: now - timedelta(hours=count),
    Unit.DAYS: lambda now, count: now - timedelta(days=count),
    Unit.WEEKS: lambda now, count: now - timedelta(weeks=count),
    Unit.MONTHS: _months_before,
    Unit.YEARS: lambda now, count: _months_before(now, 12 * count),
}
