from __future__ import annotations

import pytest

from distributor.rendering.legible import legible


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_every_line_end_becomes_the_same(line_end: str) -> None:
    assert legible(f"a{line_end}{line_end}b") == "a\n\nb"


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\x7f", "\x9f", "\ud800", "\udfff", "\ufffe", "\uffff"])
def test_what_nobody_can_see_is_taken_out(sign: str) -> None:
    assert legible(f"a{sign}b") == "ab"


@pytest.mark.parametrize("text", ["\t tab", "a\u00a0b", "e\u0301", "👨\u200d👩", "\u200fשלום", "\U0010ffff", "~ÿ"])
def test_what_belongs_to_a_text_stays(text: str) -> None:
    assert legible(text) == text
