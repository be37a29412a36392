"""The page about segments is correct: every example is a condition, equals its JSON, and all kinds are there."""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest

from distributor.domain.errors import SegmentError
from distributor.domain.segments.condition import Action, And, Leaf, Not, Or, leaves
from distributor.domain.segments.json_form import condition_from_json, condition_to_json
from distributor.domain.segments.limits import (
    DEEPEST,
    DEEPEST_EXPANDED,
    MOST_CONDITIONS,
    MOST_CONDITIONS_EXPANDED,
    MOST_VALUES,
    MOST_VALUES_EXPANDED,
)
from distributor.domain.segments.parser import parse
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "segments.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(?P<text>[^`]+)` \| (?P<meaning>.*?) *\|", PAGE, re.MULTILINE)
PAIRS = re.findall(r"^\| `([^`]+)` \| `(\{.*\})` \|$", PAGE, re.MULTILINE)
IN_SHELL = re.findall(r"^distributor segment (?:count|sample|save '[^']+') '([^']+)'", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", [text for text, _ in ROWS] + IN_SHELL)
def test_every_example_is_a_condition(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(("text", "plain"), PAIRS)
def test_every_example_in_json_says_the_same(text: str, plain: str) -> None:
    assert condition_to_json(parse(text)) == json.loads(plain)
    assert condition_from_json(json.loads(plain)) == parse(text)


def test_every_kind_of_condition_is_shown_in_words_and_in_json() -> None:
    kinds = {*get_args(Leaf)}
    assert {type(leaf) for text, _ in ROWS for leaf in leaves(parse(text))} == kinds
    assert {type(parse(text)) for text, _ in PAIRS} == kinds | {And, Or, Not}
    assert [action for action in Action if not re.search(rf"`[^`]*\b{action}\b", PAGE)] == []


def test_the_example_of_an_error_is_what_is_shown() -> None:
    found = re.search(r"^```text\n(?P<message>line .*)\n  (?P<text>.*)\n(?P<pointer> +\^+)\n```$", PAGE, re.MULTILINE)
    assert found is not None
    with pytest.raises(SegmentError) as caught:
        parse(found["text"])
    assert str(caught.value) == found["message"]
    assert caught.value.column == found["pointer"].index("^") - 1
    assert caught.value.length == found["pointer"].count("^")


def test_the_limits_are_those_that_hold() -> None:
    words = " ".join(PAGE.split())
    assert f"nested {DEEPEST} deep and have {MOST_CONDITIONS} parts and {MOST_VALUES:,} values" in words
    assert f"refers to, {DEEPEST_EXPANDED} deep, {MOST_CONDITIONS_EXPANDED:,} parts" in words
    assert f"parts and {MOST_VALUES_EXPANDED:,} values" in words
