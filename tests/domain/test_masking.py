"""Addresses are masked wherever they stand in a text."""

from __future__ import annotations

import pytest

from distributor.domain.masking import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada@example.org", "a…@example.org"),
        ("550 5.1.1 <Ada.Lovelace+x@example.org>: unknown", "550 5.1.1 <A…@example.org>: unknown"),
        ("to=ada@a.example, bo@b.example", "t…@a.example, b…@b.example"),
        ("grüße@bücher.example", "g…@bücher.example"),
        ("(ada%40example.org) bo@b.example", "(a…@example.org) b…@b.example"),
        ("no address here @ all", "no address here @ all"),
        ("", ""),
    ],
)
def test_masked(text: str, shown: str):
    assert masked(text) == shown
