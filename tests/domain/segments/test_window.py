"""Windows of time, seen from a now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.segments.window import Ago, TimeWindow, Unit

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "unit", "instant"),
    [
        (36, Unit.HOURS, datetime(2026, 3, 30, 0, 30, tzinfo=UTC)),
        (31, Unit.DAYS, datetime(2026, 2, 28, 12, 30, tzinfo=UTC)),
        (2, Unit.WEEKS, datetime(2026, 3, 17, 12, 30, tzinfo=UTC)),
        (1, Unit.MONTHS, datetime(2026, 2, 28, 12, 30, tzinfo=UTC)),
        (3, Unit.MONTHS, datetime(2025, 12, 31, 12, 30, tzinfo=UTC)),
        (2, Unit.YEARS, datetime(2024, 3, 31, 12, 30, tzinfo=UTC)),
        (9999, Unit.YEARS, datetime.min.replace(tzinfo=UTC)),
        (9999, Unit.WEEKS, datetime(1834, 8, 12, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_distance_is_counted_by_the_calendar(count: int, unit: Unit, instant: datetime) -> None:
    assert Ago(count, unit).before(NOW) == instant
    assert Ago(count, unit).before(NOW.astimezone(timezone(timedelta(hours=14)))) == instant


def test_the_last_days_reach_to_now_and_no_further() -> None:
    since, until = TimeWindow(since=Ago(1, Unit.DAYS)).bounds(NOW)
    assert since == NOW - timedelta(days=1)
    assert until is not None and NOW < until <= NOW + timedelta(seconds=1)


def test_an_absolute_beginning_leaves_the_end_open() -> None:
    assert TimeWindow(since=NOW).bounds(NOW) == (NOW, None)


def test_a_day_that_is_only_begun_is_inside() -> None:
    assert TimeWindow(since=Ago(1, Unit.DAYS)).days(NOW) == (date(2026, 3, 30), date(2026, 3, 31))
    assert TimeWindow(before=datetime(2026, 1, 1, tzinfo=UTC)).days(NOW) == (None, date(2025, 12, 31))


@given(
    st.builds(Ago, st.integers(1, 9999), st.sampled_from(Unit)),
    st.builds(Ago, st.integers(1, 9999), st.sampled_from(Unit)),
    st.datetimes(timezones=st.just(UTC)),
)
@settings(deadline=None, derandomize=True)
def test_every_window_has_bounds_and_days(since: Ago, before: Ago, now: datetime) -> None:
    window = TimeWindow(since=since, before=before)
    assert None not in window.bounds(now)
    assert None not in window.days(now)
