from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import GRACE, parse_instant, parse_local_time, zone_named

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("now", None, NOW),
        (" NOW ", None, NOW),
        ("+10m", None, NOW + timedelta(minutes=10)),
        ("+2h", "Asia/Tokyo", NOW + timedelta(hours=2)),
        ("+1h30m", None, NOW + timedelta(minutes=90)),
        ("+1d 12h", None, NOW + timedelta(hours=36)),
        ("+2W", None, NOW + timedelta(weeks=2)),
        ("2026-12-24T09:00:00Z", None, datetime(2026, 12, 24, 9, tzinfo=UTC)),
        ("2026-12-24 09:00+01:00", None, datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("2026-12-24T09:00 -0530", None, datetime(2026, 12, 24, 14, 30, tzinfo=UTC)),
        ("2026-12-24 09:00", "Europe/Berlin", datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("2027-06-24 09:00", "Europe/Berlin", datetime(2027, 6, 24, 7, tzinfo=UTC)),
        ("2026-12-24 09:00:30.5", "UTC", datetime(2026, 12, 24, 9, 0, 30, 500_000, tzinfo=UTC)),
        ("2026-12-24T09:00Z", "America/Lima", datetime(2026, 12, 24, 9, tzinfo=UTC)),
    ],
)
def test_a_time_is_parsed(text: str, zone: str | None, expected: datetime) -> None:
    parsed = parse_local_time(text, zone=zone, now=NOW)

    assert parsed == expected
    assert parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "9:00", "24.12.2026 09:00", "2026-W52-1T09:00", "20261224T0900", "2026-12-24x09:00",
     "٢٠٢٦-١٢-٢٤ ٠٩:٠٠", "+", "+h", "+5", "-2h", "+2y", "now!"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(ScheduleError, match=r"it is not a time; write it as .*, as \+2h, or as now$"):
        parse_local_time(text, zone="UTC", now=NOW)


@pytest.mark.parametrize("text", ["2026-02-30 09:00", "2026-13-01 09:00", "2026-12-24 24:30", "0001-01-01T00:00+01:00"])
def test_a_time_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="is not a date and time of the calendar"):
        parse_local_time(text, zone="UTC", now=NOW)


def test_a_date_alone_is_refused() -> None:
    with pytest.raises(ScheduleError, match="a time of day is missing after the date"):
        parse_local_time("2026-12-24", zone="UTC", now=NOW)


def test_a_wall_clock_time_needs_a_zone() -> None:
    with pytest.raises(ScheduleError, match="'2026-12-24 09:00' names no time zone: add an offset such as"):
        parse_local_time("2026-12-24 09:00", zone=None, now=NOW)


def test_a_time_that_clocks_skip_is_refused_and_the_next_one_named() -> None:
    with pytest.raises(ScheduleError, match=r"there is no 02:30 on 2027-03-28 in Europe/Berlin: .* from 03:30 on"):
        parse_local_time("2027-03-28 02:30", zone="Europe/Berlin", now=NOW)


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    first = parse_local_time("2027-10-31 02:30", zone="Europe/Berlin", now=NOW)

    assert first == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [("2026-11-22T11:30Z", "30 minutes"), ("2026-11-21T12:00Z", "24 hours"), ("2026-11-01T12:00Z", "21 days")],
)
def test_a_time_in_the_past_is_refused(text: str, ago: str) -> None:
    with pytest.raises(ScheduleError, match=f"is in the past: it was {ago} ago; choose a later time or now"):
        parse_local_time(text, zone=None, now=NOW)


def test_the_minute_that_a_form_takes_to_fill_in_is_forgiven() -> None:
    assert parse_local_time("2026-11-22T11:59Z", zone=None, now=NOW) == NOW - GRACE
    with pytest.raises(ScheduleError, match="in the past"):
        parse_local_time("2026-11-22T11:58:59Z", zone=None, now=NOW)


def test_an_instant_may_lie_in_the_past() -> None:
    assert parse_instant("1999-12-31 23:00", zone="UTC") == datetime(1999, 12, 31, 23, tzinfo=UTC)


def test_a_delay_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ScheduleError, match="further away than the calendar reaches"):
        parse_local_time("+999999w", zone=None, now=NOW)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin or "),
        ("europe/berlin", r"did you mean Europe/Berlin\?"),
        ("New York", "did you mean America/New_York"),
        ("Berlin", "did you mean Europe/Berlin"),
        ("Europe", "use an IANA name such as Europe/Berlin or UTC"),
        ("../../etc/passwd", "use an IANA name"),
        ("", "use an IANA name"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ScheduleError, match=hint):
        zone_named(name)


@pytest.mark.parametrize("text", ["now", "+2h", "2026-12-24T09:00Z"])
def test_a_wrong_zone_is_refused_even_where_it_is_not_needed(text: str) -> None:
    with pytest.raises(ScheduleError, match="there is no time zone 'Mars/Olympus'"):
        parse_local_time(text, zone="Mars/Olympus", now=NOW)


@given(
    wall=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(sorted(available_timezones())),
)
@settings(deadline=None, derandomize=True)
def test_clocks_at_home_show_what_was_asked_for(wall: datetime, zone: str) -> None:
    minute = wall.replace(second=0, microsecond=0)
    try:
        parsed = parse_instant(f"{minute:%Y-%m-%d %H:%M}", zone=zone)
    except ScheduleError as error:
        assert "clocks are set forward" in str(error)
    else:
        assert parsed.astimezone(zone_named(zone)).replace(tzinfo=None) == minute


@given(text=st.text(alphabet="0123456789-+:TZ .,nowmhdsé٣", max_size=30))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_nothing_but_a_schedule_error_is_raised(text: str) -> None:
    try:
        parsed = parse_local_time(text, zone="Europe/Paris", now=NOW)
    except ScheduleError as error:
        assert "\n" not in str(error)
    else:
        assert parsed >= NOW - GRACE
