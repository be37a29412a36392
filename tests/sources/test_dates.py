from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import ScheduleError
from distributor.sources.dates import read_date

MAY = datetime(2026, 5, 4, tzinfo=UTC)
TEN = datetime(2026, 5, 4, 10, tzinfo=UTC)


def read(text: str, *, zone: str = "UTC", language: str = "en") -> datetime:
    return read_date(text, zone=zone, language=language)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04", MAY),
        ("2026-5-4", MAY),
        ("2026/05/04", MAY),
        ("2026.05.04", MAY),
        ("20260504", MAY),
        ("2026-05-04 10:00", TEN),
        ("2026-05-04T10:00:00.123456789", TEN.replace(microsecond=123456)),
        ("2026-05-04 12:00:00 +0200", TEN),
        ("2026-05-04T12:00:00+02:00", TEN),
        ("2026-05-04T10:00:00Z", TEN),
        ("2026-05-04 10:00 UTC", TEN),
        ("2026-05-04 04:30 -05:30", TEN),
        ("Mon, 04 May 2026 12:00:00 +0200", TEN),
        ("Monday, May 4th, 2026 at 10:00 am", TEN),
        ("May 4, 2026", MAY),
        ("4 May 2026", MAY),
        ("Sept. 4, 2026", datetime(2026, 9, 4, tzinfo=UTC)),
        ("4. Mai 2026", MAY),
        ("4 mai 2026", MAY),
        ("4 de mayo de 2026", MAY),
        ("4 maja 2026", MAY),
        ("2026年5月4日", MAY),
        ("04.05.2026", MAY),
        ("14/05/2026", datetime(2026, 5, 14, tzinfo=UTC)),
        ("05/14/2026", datetime(2026, 5, 14, tzinfo=UTC)),
        ("05/05/2026", datetime(2026, 5, 5, tzinfo=UTC)),
        ("1777888800", TEN),
        ("1777888800000", TEN),
    ],
)
def test_dates_are_understood_as_people_and_programs_write_them(text: str, expected: datetime) -> None:
    assert read(text) == expected
    assert read(f"  {text} ") == expected


def test_a_date_is_midnight_in_the_zone_unless_it_has_an_offset_of_its_own() -> None:
    assert read("2026-05-04", zone="Europe/Berlin") == datetime(2026, 5, 3, 22, tzinfo=UTC)
    assert read("May 4, 2026", zone="Europe/Berlin") == datetime(2026, 5, 3, 22, tzinfo=UTC)
    assert read("2026-05-04 10:00 Z", zone="Europe/Berlin") == TEN


def test_an_order_of_day_and_month_that_is_not_certain_is_refused_in_english_and_known_elsewhere() -> None:
    for text in ("04/05/2026", "04-05-2026"):
        with pytest.raises(ScheduleError, match="day/month or month/day"):
            read(text)
        assert read(text, language="de-AT") == MAY


@pytest.mark.parametrize(
    "text",
    ["", "soon", "yesterday", "May 2026", "2026", "12.5", "1.2.3", "2026-02-30", "2026-13-01", "{{ date }}", "x" * 500],
)
def test_what_is_no_date_is_refused_in_words(text: str) -> None:
    with pytest.raises(ScheduleError, match="date"):
        read(text)


@settings(deadline=None)
@given(st.text("0123456789-/.: TZ+ayMJune年", max_size=30))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    try:
        found = read(text)
    except ScheduleError:
        return
    assert found.tzinfo is not None
