"""The days of a calendar, and the same time on another day, in every zone and over every change of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.calendar import CalendarView, moved_along, period_around, same_time_on, start_of_day
from distributor.domain.errors import ScheduleError

# Zones whose clocks change at midnight, by half an hour, twice in a Ramadan, or over a whole day.
ZONES = [
    ZoneInfo(name)
    for name in (
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo"),
        *("America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "UTC"),
    )
]
zones = st.sampled_from(ZONES)
days = st.dates(date(2005, 1, 1), date(2040, 12, 31))
EARLIEST, LATEST = datetime.fromisoformat("2005-01-01"), datetime.fromisoformat("2040-12-31")
moments = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))


@settings(deadline=None)
@given(moments, days, zones)
def test_what_is_moved_to_a_day_keeps_its_time_of_day_or_is_refused(moment: datetime, day: date, zone: ZoneInfo):
    before = moment.astimezone(zone)
    try:
        moved = same_time_on(moment, day, zone)
    except ScheduleError as error:
        # Clocks skip that time on that day: no instant shows it.
        wall = datetime.combine(day, before.time())
        assert wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall
        assert "clocks are set forward" in str(error)
        return
    after = moved.astimezone(zone)
    assert moved.tzinfo is UTC
    assert (after.date(), after.time()) == (day, before.time())


@settings(deadline=None)
@given(moments, zones)
def test_what_is_moved_to_its_own_day_stays(moment: datetime, zone: ZoneInfo):
    assert same_time_on(moment, moment.astimezone(zone).date(), zone) == moment


@settings(deadline=None)
@given(moments, moments, moments, zones)
def test_what_moves_along_keeps_its_distance_on_the_clocks(
    moment: datetime, before: datetime, after: datetime, zone: ZoneInfo
):
    def wall(one: datetime) -> datetime:
        return one.astimezone(zone).replace(tzinfo=None)

    try:
        moved = moved_along(moment, before=before, after=after, zone=zone)
    except (ScheduleError, OverflowError):
        return
    assert wall(moved) - wall(moment) == wall(after) - wall(before)


@settings(deadline=None)
@given(days, zones)
def test_a_day_begins_with_the_first_instant_that_its_clocks_show(day: date, zone: ZoneInfo):
    start = start_of_day(day, zone)
    assert start.astimezone(zone).date() >= day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day


@settings(deadline=None)
@given(days, zones)
def test_days_follow_each_other_without_a_gap(day: date, zone: ZoneInfo):
    assert start_of_day(day, zone) <= start_of_day(day + timedelta(days=1), zone)


@settings(deadline=None)
@given(st.sampled_from(CalendarView), st.dates())
def test_a_period_holds_the_day_it_is_asked_for_and_leads_on_both_ways(view: CalendarView, day: date):
    period = period_around(view, day)
    assert period.day in period.days
    assert period.shows(period.day)
    assert [one - period.days[0] for one in period.days] == [
        timedelta(days=number) for number in range(len(period.days))
    ]
    if view in (CalendarView.MONTH, CalendarView.WEEK):
        assert period.days[0].weekday() == 0
        assert len(period.days) % 7 == 0
    if date(1991, 1, 1) <= day <= date(2199, 1, 1):
        assert period.day == day
        following = period_around(view, period.following)
        assert following.days[0] > period.days[0]
        assert following.shows(following.previous) is False
        # Every day belongs to exactly one period.
        last = max(one for one in period.days if period.shows(one))
        assert min(one for one in following.days if following.shows(one)) == last + timedelta(days=1)


@pytest.mark.parametrize(
    ("view", "first", "last"),
    [
        (CalendarView.MONTH, date(2027, 3, 1), date(2027, 4, 4)),
        (CalendarView.WEEK, date(2027, 3, 29), date(2027, 4, 4)),
        (CalendarView.DAY, date(2027, 3, 31), date(2027, 3, 31)),
        (CalendarView.LIST, date(2027, 3, 1), date(2027, 3, 31)),
    ],
)
def test_the_periods_of_a_day(view: CalendarView, first: date, last: date):
    days = period_around(view, date(2027, 3, 31)).days
    assert (days[0], days[-1]) == (first, last)
