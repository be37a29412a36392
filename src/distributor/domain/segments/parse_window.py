"""When: `in the last 90 days`, `more than 2 weeks ago`, `since 2026-01-01 before 2026-02-01`, `on 2026-01-31`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from distributor.domain.errors import ScheduleError
from distributor.domain.segments.cursor import Cursor, choice_of
from distributor.domain.segments.instants import is_day, read_day, read_instant
from distributor.domain.segments.tokens import TokenKind
from distributor.domain.segments.window import Ago, Instant, TimeWindow, Unit, the_day, the_day_after

WINDOWS = ("in the last", "more than", "since", "before", "after", "on")
_UNITS: Mapping[str, Unit] = {unit.value: unit for unit in Unit} | {unit.value[:-1]: unit for unit in Unit}


def parse_window(cursor: Cursor) -> TimeWindow:
    """Parse the window at the current token. Raises SegmentError if there is none."""
    if not begins_window(cursor):
        raise cursor.unexpected(f"when: {choice_of(WINDOWS)}", near=_BEGINNINGS)
    return _BEGINNINGS[cursor.next().text.casefold()](cursor)


def parse_window_if_any(cursor: Cursor) -> TimeWindow | None:
    """Parse the window at the current token; None if there is none. Raises SegmentError."""
    return parse_window(cursor) if begins_window(cursor) else None


def begins_window(cursor: Cursor) -> bool:
    """Whether a window begins at the current token; `in` alone does not say so."""
    if cursor.is_word("in"):
        return cursor.is_word("the", "last", ahead=1)
    return cursor.is_word(*_BEGINNINGS)


def _within(cursor: Cursor) -> TimeWindow:
    """`within 3 days`, `within the last 3 days`."""
    return TimeWindow(since=_span(cursor, cursor.expect_count())) if cursor.is_number() else _in_the_last(cursor)


def _in_the_last(cursor: Cursor) -> TimeWindow:
    cursor.take("the")
    cursor.expect("last")
    return TimeWindow(since=_span(cursor, cursor.expect_count() if cursor.is_number() else 1))


def _more_than(cursor: Cursor) -> TimeWindow:
    cursor.expect("than")
    span = _span(cursor, cursor.expect_count())
    cursor.expect("ago")
    return TimeWindow(before=span)


def _since(cursor: Cursor) -> TimeWindow:
    since = _moment(cursor)
    return TimeWindow(since=since, before=_moment(cursor) if cursor.take("before") else None)


def _before(cursor: Cursor) -> TimeWindow:
    return TimeWindow(before=_moment(cursor))


def _after(cursor: Cursor) -> TimeWindow:
    if cursor.token.kind is TokenKind.WORD and is_day(cursor.token.text):
        return TimeWindow(since=the_day_after(_day(cursor)))
    return TimeWindow(since=_moment(cursor))


def _on(cursor: Cursor) -> TimeWindow:
    day = _day(cursor)
    return TimeWindow(since=the_day(day), before=the_day_after(day))


def _span(cursor: Cursor, count: int) -> Ago:
    unit = cursor.take(*_UNITS)
    if unit is None:
        raise cursor.unexpected("hours, days, weeks, months or years", near=_UNITS)
    return Ago(count, _UNITS[unit])


def _moment(cursor: Cursor) -> Instant:
    if cursor.is_number():
        span = _span(cursor, cursor.expect_count())
        cursor.expect("ago")
        return span
    try:
        instant = read_instant(_written(cursor))
    except ScheduleError as error:
        raise cursor.token.error(str(error)) from None
    cursor.next()
    return instant


def _day(cursor: Cursor) -> date:
    try:
        day = read_day(_written(cursor))
    except ScheduleError as error:
        raise cursor.token.error(str(error)) from None
    cursor.next()
    return day


def _written(cursor: Cursor) -> str:
    token = cursor.token
    if token.kind is TokenKind.STRING:
        return token.steps[0]
    if token.kind is TokenKind.WORD and token.text[0].isdigit():
        return token.text
    raise cursor.unexpected("a day such as 2026-01-31")


_BEGINNINGS: Mapping[str, Callable[[Cursor], TimeWindow]] = {
    "in": _in_the_last,
    "within": _within,
    "more": _more_than,
    "since": _since,
    "before": _before,
    "after": _after,
    "on": _on,
}
