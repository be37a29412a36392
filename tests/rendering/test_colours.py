"""Whatever accent a brand has, its links and buttons can be read."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributor.domain.brand import DEFAULT_ACCENT
from distributor.rendering.colours import button_on, contrast, ink_on, readable_on

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
LIGHT, DARK = ("#ffffff", "#f3f4f6"), ("#111418", "#1b1f25", "#272d35")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#1a56b8", "#1a56b8") == 1


@given(COLOURS)
@example("#ffff00")
@example("#000000")
@example("#ffffff")
def test_a_link_is_readable_on_light_and_on_dark_grounds(accent: str) -> None:
    for grounds in (LIGHT, DARK):
        link = readable_on(accent, *grounds)
        assert min(contrast(link, ground) for ground in grounds) >= 4.5


@given(COLOURS)
def test_what_is_written_on_a_button_is_readable_and_the_button_is_seen(accent: str) -> None:
    button = button_on(accent, LIGHT[0], DARK[1])
    assert contrast(ink_on(button), button) >= 4.5
    assert min(contrast(button, LIGHT[0]), contrast(button, DARK[1])) >= 1.5


def test_an_accent_that_is_readable_stays_as_it_is() -> None:
    assert readable_on(DEFAULT_ACCENT, *LIGHT) == DEFAULT_ACCENT
    assert button_on("#ff6600", LIGHT[0], DARK[1]) == "#ff6600"


def test_a_colour_keeps_its_hue_when_it_becomes_darker() -> None:
    red, green, blue = (int(readable_on("#ffd400", *LIGHT)[at : at + 2], 16) for at in (1, 3, 5))
    assert red > green > blue


def test_a_ground_that_nothing_is_readable_on_gets_the_most_readable_of_all() -> None:
    assert readable_on("#808080", "#000000", "#ffffff", ratio=10) in ("#000000", "#ffffff")
