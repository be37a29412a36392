from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import (
    GRACE,
    find_zone,
    format_time,
    parse_instant,
    parse_local_time,
    parse_start_times,
    short_time,
    zone_named,
)

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


@pytest.mark.parametrize(
    ("name", "stored", "hour"),
    [
        ("+10:00", "UTC+10:00", 22),
        ("UTC+2", "UTC+02:00", 14),
        ("gmt-3", "UTC-03:00", 9),
        ("GMT+10", "UTC+10:00", 22),
        ("UTC +5:30", "UTC+05:30", 17),
        ("-0930", "UTC-09:30", 2),
        ("UTC−4", "UTC-04:00", 8),
        ("UTC+0", "UTC", 12),
        ("Europe/Berlin", "Europe/Berlin", 13),
        ("Etc/GMT+10", "Etc/GMT+10", 2),
    ],
)
def test_a_zone_is_an_iana_name_or_an_offset_from_utc(name: str, stored: str, hour: int) -> None:
    zone = zone_named(name)
    assert (str(zone), NOW.astimezone(zone).hour) == (stored, hour)
    assert str(zone_named(str(zone))) == stored


@pytest.mark.parametrize("name", ["GMT+15", "UTC-13", "Etc/GMT+15", "GMT+100", "gmt+10:75", "Etc/GMT10", "GTM+10"])
def test_a_name_whose_sign_is_reversed_is_never_suggested(name: str) -> None:
    assert find_zone(name) is None
    with pytest.raises(ScheduleError) as caught:
        zone_named(name)
    assert "Etc/GMT+" not in str(caught.value).replace(repr(name), "")
    assert "Etc/GMT-" not in str(caught.value)


def test_a_delay_of_a_channel_counts_from_the_time_of_the_campaign() -> None:
    start = parse_start_times("2027-03-01 09:00", {"x": "+2h", "feed": "now"}, zone="Europe/Berlin", now=NOW)
    assert start.starts_at == datetime(2027, 3, 1, 8, tzinfo=UTC)
    assert start.times == {"x": datetime(2027, 3, 1, 10, tzinfo=UTC), "feed": NOW}
    assert parse_start_times("+1d", {"x": "+2h"}, zone=None, now=NOW).times == {"x": NOW + timedelta(hours=26)}
    with pytest.raises(ScheduleError, match="time for x: 'soon' cannot be understood"):
        parse_start_times("now", {"x": "soon"}, zone=None, now=NOW)


def test_a_wall_clock_time_that_occurs_twice_is_the_first_and_both_are_named() -> None:
    start = parse_start_times("2027-10-31 02:30", {}, zone="Europe/Berlin", now=NOW)
    assert start.starts_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert start.notes == (
        "there are two times 2027-10-31 02:30 in Europe/Berlin, where clocks are set back: "
        "2027-10-31T02:30+02:00 and 2027-10-31T02:30+01:00; the first one is taken",
    )
    again = parse_start_times("+1h", {"x": "2027-10-31 02:30"}, zone="Europe/Berlin", now=NOW)
    assert again.notes == start.notes
    assert parse_start_times("2027-10-31 02:30+01:00", {}, zone="Europe/Berlin", now=NOW).notes == ()


def test_what_a_reversed_sign_means_is_said() -> None:
    notes = parse_start_times("2027-03-01 09:00", {"x": "+1h"}, zone="Etc/GMT+10", now=NOW).notes
    assert notes == ("Etc/GMT+10 is UTC-10:00: these names have the reverse sign; write the offset, as in UTC+10:00",)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "2026-11-22 13:00:00 Europe/Berlin (UTC+01:00)"),
        ("UTC", "2026-11-22 12:00:00 UTC"),
        ("+10", "2026-11-22 22:00:00 UTC+10:00"),
    ],
)
def test_a_time_is_shown_with_its_zone(zone: str, shown: str) -> None:
    assert format_time(NOW.astimezone(zone_named(zone))) == shown


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "1 Dec 2026, 08:00 UTC"),
        ("Europe/Berlin", "1 Dec 2026, 09:00 CET"),
        ("America/Sao_Paulo", "1 Dec 2026, 05:00 UTC-03:00"),
        ("UTC+05:30", "1 Dec 2026, 13:30 UTC+05:30"),
    ],
)
def test_a_time_on_a_page_has_the_short_name_of_its_zone_or_its_offset(zone: str, shown: str) -> None:
    assert short_time(datetime(2026, 12, 1, 8, 0, tzinfo=UTC), zone_named(zone)) == shown
