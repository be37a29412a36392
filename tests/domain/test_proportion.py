"""Wilson intervals, against values from the literature, and against what they must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.proportion import Proportion


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # What the reference of the web app says of 30 clicks of 1,000.
        (30, 1000, 0.0211, 0.0425),
    ],
)
def test_known_values(part: int, whole: int, low: float, high: float):
    interval = Proportion(part, whole).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=0.00006)


def test_of_nothing_there_is_neither_a_value_nor_an_interval():
    assert Proportion(0, 0).value is None
    assert Proportion(0, 0).interval is None


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (-1, 5), (6, 5)])
def test_more_than_all_is_no_proportion(part: int, whole: int):
    with pytest.raises(ValueError, match="not a part"):
        Proportion(part, whole)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_interval_holds_the_value_and_stays_between_none_and_all(part: int, whole: int):
    proportion = Proportion(min(part, whole), whole)
    assert proportion.interval is not None
    assert proportion.value is not None
    low, high = proportion.interval
    assert 0 <= low <= proportion.value <= high <= 1
    # More of the same kind makes it narrower; none and all are one picture.
    more = Proportion(proportion.part * 4, whole * 4).interval
    assert more is not None
    assert more[1] - more[0] < high - low
    mirrored = Proportion(whole - proportion.part, whole).interval
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)
