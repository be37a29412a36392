"""The settings of a brand, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.brand import (
    LOGO_HEIGHT,
    LOGO_WIDTH,
    FooterLink,
    parse_colour,
    parse_fonts,
    parse_footer_links,
    shown_size,
)


@pytest.mark.parametrize("written", ["#1A56B8", "1a56b8", " #1a56b8 "])
def test_a_colour_may_be_written_with_or_without_its_sign(written: str) -> None:
    assert parse_colour(written) == "#1a56b8"


def test_three_digits_of_a_colour_are_doubled() -> None:
    assert parse_colour("#a0F") == "#aa00ff"


@pytest.mark.parametrize("wrong", ["", "blue", "#12345", "#1a56b8; color: red", "#ggg", "١٢٣"])
def test_what_is_no_colour_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        parse_colour(wrong)


@pytest.mark.parametrize(
    ("written", "stack"),
    [
        ("Inter", "Inter, Arial, Helvetica, sans-serif"),
        ("Inter, Arial", "Inter, Arial, Helvetica, sans-serif"),
        ("Source Sans 3, sans-serif", "'Source Sans 3', Arial, Helvetica, sans-serif"),
        ('"Iowan Old Style", Charter', "'Iowan Old Style', Charter, Georgia, 'Times New Roman', serif"),
        ("Merriweather, serif", "Merriweather, Georgia, 'Times New Roman', serif"),
        ("JetBrains Mono", "'JetBrains Mono', Menlo, Consolas, 'Courier New', monospace"),
        ("-apple-system, system-ui", "-apple-system, system-ui, Arial, Helvetica, sans-serif"),
        ("游ゴシック", "'游ゴシック', Arial, Helvetica, sans-serif"),
        (" , ", ""),
    ],
)
def test_fonts_are_followed_by_fonts_that_every_system_has(written: str, stack: str) -> None:
    assert parse_fonts(written)[0] == stack


def test_the_end_of_a_font_stack_is_what_a_mail_program_without_the_others_shows() -> None:
    assert parse_fonts("Lora, serif")[1] == "Georgia, 'Times New Roman', serif"


@pytest.mark.parametrize("wrong", ["Inter; color: red", "Inter}", "a<b", "url(x)", "In\\ter", 'In"ter', "x" * 61])
def test_what_is_no_name_of_a_font_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no name of a font"):
        parse_fonts(wrong)


@given(st.text())
def test_no_font_stack_ends_its_declaration_or_its_attribute(written: str) -> None:
    try:
        stack, safe = parse_fonts(written)
    except ValueError:
        return
    assert not set('"<>&;{}()\\/\n') & set(stack + safe)
    assert stack.count("'") % 2 == 0


def test_footer_links_have_labels_and_urls() -> None:
    written = "Imprint=https://example.org/imprint, Über uns = /articles/about ; Write=mailto:us@example.org"
    assert parse_footer_links(written) == (
        FooterLink("Imprint", "https://example.org/imprint"),
        FooterLink("Über uns", "/articles/about"),
        FooterLink("Write", "mailto:us@example.org"),
    )


def test_each_footer_link_may_be_on_a_line_of_its_own() -> None:
    assert [link.label for link in parse_footer_links("A=https://a.example\nB=https://b.example\n")] == ["A", "B"]


def test_a_comma_in_the_url_of_a_footer_link_separates_nothing() -> None:
    url = "https://example.org/map?at=54.1,8.5&name=a,b=c"
    assert parse_footer_links(f"Map={url}, Home=https://example.org") == (
        FooterLink("Map", url),
        FooterLink("Home", "https://example.org"),
    )


@pytest.mark.parametrize(
    "wrong", ["Imprint", "=https://example.org", "Imprint=example.org", "Run=javascript:alert(1)", "A=https://a b"]
)
def test_what_is_no_footer_link_is_quoted_with_what_to_write(wrong: str) -> None:
    with pytest.raises(ValueError, match="LABEL=URL") as error:
        parse_footer_links(wrong)
    assert repr(wrong) in str(error.value)


def test_a_small_logo_keeps_its_size() -> None:
    assert shown_size(88, 31) == (88, 31)


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_large_logo_is_scaled_down_in_its_proportions(width: int, height: int) -> None:
    shown_width, shown_height = shown_size(width, height)
    assert shown_width is not None
    assert shown_height is not None
    assert 1 <= shown_width <= LOGO_WIDTH
    assert 1 <= shown_height <= LOGO_HEIGHT
    assert shown_height == 1 or shown_width == 1 or abs(shown_width * height - shown_height * width) <= width + height
