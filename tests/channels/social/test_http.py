"""Times that servers name, in the several ways they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.social.http import parse_retry_at

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["2026-11-22T09:05:00.000000Z", "2026-11-22T10:05:00+01:00", "2026-11-22T09:05:00", "1795338300", " 300 "],
)
def test_a_time_is_understood_however_it_is_written(value: str) -> None:
    assert parse_retry_at(value, now=NOW) == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    "value", [None, "", "soon", "2027-01-01T00:00:00Z", "2026-11-22T08:59:59Z", "0", "9" * 30, "-5", "Sun, 22 Nov 2026"]
)
def test_what_is_no_time_past_or_far_away_is_left_to_the_schedule(value: str | None) -> None:
    assert parse_retry_at(value, now=NOW) is None


@settings(deadline=None, derandomize=True)
@given(value=st.text(max_size=30))
def test_no_header_is_too_strange(value: str) -> None:
    moment = parse_retry_at(value, now=NOW)
    assert moment is None or NOW < moment <= NOW + timedelta(days=2)
