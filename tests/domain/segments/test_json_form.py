"""Conditions as JSON: nothing is lost, and what is wrong is named by its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from distributor.domain.errors import SegmentError
from distributor.domain.segments.json_form import condition_from_json, condition_to_json
from distributor.domain.segments.limits import DEEPEST, MOST_CONDITIONS
from distributor.domain.segments.parser import parse
from tests.domain.segments.strategies import conditions

EVERYONE = {"kind": "everyone"}


@given(conditions)
@settings(deadline=None, derandomize=True, max_examples=500)
def test_a_condition_comes_back_from_json_as_the_same(condition: Any) -> None:
    assert condition_from_json(json.loads(json.dumps(condition_to_json(condition)))) == condition


def test_what_is_usual_may_be_left_out_or_null() -> None:
    short = {"kind": "engaged", "action": "clicked"}
    assert condition_to_json(parse("clicked")) == short
    assert condition_from_json(short | {"at_least": None, "link": None, "when": None}) == parse("clicked")


def test_what_joins_one_condition_is_that_condition() -> None:
    assert condition_from_json({"all": [{"any": [EVERYONE]}]}) == parse("everyone")


def test_values_are_brought_into_the_form_they_are_kept_in() -> None:
    plain = {"kind": "field", "field": "email", "is": ["Ada@EXAMPLE.org"]}
    assert condition_from_json(plain) == parse("email = ada@example.org")


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = EVERYONE
    for _ in range(levels):
        inner = {"not": inner}
    return inner


@pytest.mark.parametrize(
    ("plain", "path", "reason"),
    [
        (3, "$", "expected an object but found 3"),
        (None, "$", "expected an object but found null"),
        ({}, "$", 'expected an object with "kind"'),
        ({"kind": None}, "$", "null"),
        ({"kind": "tagg"}, "$.kind", "did you mean tag?"),
        ({"kind": ["tag"]}, "$.kind", "found a list"),
        ({"kind": "tag"}, "$", "'is' is missing"),
        ({"kind": "tag", "is": "a"}, "$.is", "expected a list"),
        ({"kind": "tag", "is": []}, "$.is", "the list is empty"),
        ({"kind": "tag", "is": ["a", 3]}, "$.is[1]", "expected a text but found 3"),
        ({"kind": "tag", "is": ["a\0"]}, "$.is[0]", "NUL"),
        ({"kind": "tag", "is": ["\ud800"]}, "$.is[0]", "surrogate"),
        ({"kind": "tag", "is": ["a"], "not": EVERYONE}, "$", "'kind' has no meaning here"),
        ({"kind": "everyone", "colour": 1}, "$", "'colour' has no meaning here"),
        ({"all": []}, "$.all", "the list is empty"),
        ({"all": EVERYONE}, "$.all", "expected a list but found an object"),
        ({"any": [EVERYONE, {"not": {"kind": "status", "is": ["activ"]}}]}, "$.any[1].not.is[0]", "active"),
        ({"kind": "field", "field": "zone", "is": ["Mars"]}, "$.is[0]", "no time zone"),
        ({"kind": "attribute_compares", "path": ["a"], "order": "<", "number": True}, "$.number", "expected a number"),
        ({"kind": "attribute_compares", "path": ["a"], "order": "<", "number": 1e300}, "$.number", "beyond"),
        (
            {"kind": "attribute_compares", "path": ["a"], "order": "<", "number": float("nan")},
            "$.number",
            "not finite",
        ),
        ({"kind": "attribute_is_set", "path": []}, "$.path", "empty"),
        ({"kind": "attribute_has", "path": ["a"], "value": None}, "$", "'value' is missing"),
        ({"kind": "attribute_has", "path": ["a"], "value": {}}, "$.value", "found an object"),
        ({"kind": "created", "when": {}}, "$.when", "a window needs"),
        ({"kind": "created", "when": {"since": "yesterday"}}, "$.when.since", "yesterday"),
        ({"kind": "created", "when": {"since": {"ago": True, "unit": "days"}}}, "$.when.since.ago", "whole number"),
        ({"kind": "created", "when": {"since": {"ago": 3, "unit": "moons"}}}, "$.when.since.unit", "months"),
        ({"kind": "created", "when": {"until": "2026-01-01"}}, "$.when", "'until'"),
        ({"kind": "engaged", "action": "opened", "link": "x"}, "$", "only a click has a link"),
        ({"kind": "engaged", "action": "opened", "at_least": 0}, "$.at_least", "a number from 1"),
        (
            {"kind": "engaged_with_last", "action": "opened", "bound": "at least", "count": 6, "last": 5},
            "$",
            "6 of the last 5",
        ),
        (
            {"kind": "engaged_with_last", "action": "mailed", "bound": "at least", "count": 1, "last": 5},
            "$",
            "name another action",
        ),
        (
            {"kind": "engaged_with_last", "action": "opened", "bound": "at least", "count": 0, "last": 5},
            "$",
            "everyone",
        ),
        (nested(DEEPEST + 1), "$" + ".not" * (DEEPEST + 1), "deep"),
        ({"any": [EVERYONE] * (MOST_CONDITIONS + 1)}, "$", "conditions"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(plain: Any, path: str, reason: str) -> None:
    with pytest.raises(SegmentError) as caught:
        condition_from_json(plain)
    assert caught.value.path == path
    assert reason in str(caught.value)


def test_a_bomb_of_ten_thousand_levels_is_refused() -> None:
    with pytest.raises(SegmentError, match="deep"):
        condition_from_json(nested(10_000))
