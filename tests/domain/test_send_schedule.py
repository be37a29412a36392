"""Quiet hours on many clocks, and warm-up plans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import ScheduleError
from distributor.domain.send_schedule import QuietHours, WarmUp


def quiet(text: str, zone: str = "UTC", *, own: bool = False) -> QuietHours:
    return QuietHours.parse(text, zone=zone, in_recipients_zone=own)


def at(hour: int, minute: int = 0, *, month: int = 11, day: int = 22) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("22:00-07:00", at(21, 59), None),
        ("22:00-07:00", at(22), at(7, day=23)),
        ("22:00-07:00", at(3), at(7)),
        ("22:00-07:00", at(7), None),
        ("12:00-14:30", at(13), at(14, 30)),
        ("12:00-14:30", at(15), None),
        ("00:00-06:00", at(0), at(6)),
    ],
)
def test_quiet_lasts_from_its_start_to_its_end(text: str, now: datetime, end: datetime | None) -> None:
    assert quiet(text).end_of_quiet(now) == end


def test_quiet_is_by_the_clocks_of_its_zone_or_of_the_recipients() -> None:
    in_berlin = quiet("22:00-07:00", "Europe/Berlin", own=True)
    assert in_berlin.end_of_quiet(at(21, 30)) == at(6, day=23)
    assert in_berlin.end_of_quiet(at(21, 30), recipients_zone="America/New_York") is None
    assert in_berlin.end_of_quiet(at(12), recipients_zone="Asia/Tokyo") is None
    assert in_berlin.end_of_quiet(at(13), recipients_zone="Asia/Tokyo") == at(22)
    assert in_berlin.end_of_quiet(at(21, 30), recipients_zone="Nowhere/Known") == at(6, day=23)


@given(
    st.integers(0, 2 * 366 * 1440),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati"]),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_the_end_of_quiet_is_ahead_and_not_far(minutes: int, zone: str, start: int, length: int) -> None:
    """Also where clocks are changed."""
    end = (start + length) % 1440
    hours = quiet(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}", zone)
    now = at(0, month=1, day=1) + timedelta(minutes=minutes)
    over = hours.end_of_quiet(now)
    if over is not None:
        assert now < over <= now + timedelta(hours=25)


@pytest.mark.parametrize("text", ["", "22-7", "22:00", "25:00-07:00", "07:00-07:00", "22:00-7:00"])
def test_quiet_hours_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        quiet(text)


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ScheduleError, match="no time zone"):
        quiet("22:00-07:00", "Europe/Berln")


def test_a_plan_names_each_day_or_grows() -> None:
    listed = WarmUp.parse("2026-11-23: 50 100 200")
    assert listed == WarmUp(since=date(2026, 11, 23), per_day=(50, 100, 200))
    assert WarmUp.parse("2026-11-23: 50 x1.5 4").per_day == (50, 75, 112, 169)
    assert [listed.limit_on(date(2026, 11, day)) for day in (22, 23, 25, 26)] == [0, 50, 200, None]


@pytest.mark.parametrize(
    "text",
    ["", "50 100", "2026-11-23", "2026-11-23:", "2026-11-23: 0", "2026-11-23: many", "2026-11-23: 50 x2 -1", "x: 1"],
)
def test_a_plan_that_cannot_be_read_is_quoted(text: str) -> None:
    with pytest.raises(ScheduleError, match="warm-up plan"):
        WarmUp.parse(text)
