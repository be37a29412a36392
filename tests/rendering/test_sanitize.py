"""Text and URLs are cleaned before they are written."""

from __future__ import annotations

import pytest

from distributor.rendering.sanitize import printable


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_every_line_end_becomes_lf(line_end: str) -> None:
    assert printable(f"a{line_end}{line_end}b") == "a\n\nb"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\x7f", "\x9f", "\ud800", "\udfff", "\ufffe", "\uffff"])
def test_control_characters_and_surrogates_are_removed(character: str) -> None:
    assert printable(f"a{character}b") == "ab"


@pytest.mark.parametrize("text", ["\t tab", "a\u00a0b", "e\u0301", "👨\u200d👩", "\u200fשלום", "\U0010ffff", "~ÿ"])
def test_printable_characters_stay(text: str) -> None:
    assert printable(text) == text
