"""Moments as text: a day, which begins at midnight UTC, or an instant with its offset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import parse_instant
from distributor.domain.segments.window import the_day

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def is_day(text: str) -> bool:
    """Whether it is written as a day, without a time."""
    return _DAY.fullmatch(text) is not None


def read_day(text: str) -> date:
    """The day. Raises ScheduleError."""
    try:
        return date.fromisoformat(text) if is_day(text) else _reject(text)
    except ValueError as error:
        raise ScheduleError(f"{text!r} is not a day of the calendar: {error}") from None


def read_instant(text: str) -> datetime:
    """The instant in aware UTC that `2026-01-31` begins, or that `2026-01-31T09:00+01:00` is. Raises ScheduleError."""
    return the_day(read_day(text)) if is_day(text) else parse_instant(text, zone=None)


def write_instant(instant: datetime) -> str:
    """The shortest text that `read_instant` takes for this instant."""
    instant = instant.astimezone(UTC)
    if instant == the_day(instant.date()):
        return instant.date().isoformat()
    return instant.replace(tzinfo=None).isoformat() + "Z"


def _reject(text: str) -> date:
    raise ScheduleError(f"{text!r} is not a day such as 2026-01-31")
