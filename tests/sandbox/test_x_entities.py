"""What X finds in a text, against twitter-text's own conformance suite."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.sandbox.x.text import find_entities, short_link, weighted_length
from tests.rendering.conformance import conformance_cases


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, *case.values, id=case.id, marks=case.marks)
        for group, kind in [
            ("hashtags", "hashtag"),
            ("hashtags_from_astral", "hashtag"),
            ("cashtags", "cashtag"),
            ("mentions", "mention"),
            ("urls", "url"),
        ]
        for case in conformance_cases("extract.yml", group)
    ],
)
def test_entities_are_those_of_the_conformance_suite(kind: str, case: dict[str, Any]) -> None:
    assert [entity.value for entity in find_entities(case["text"]) if entity.kind == kind] == case["expected"]


@pytest.mark.parametrize(
    ("kind", "name", "case"),
    [
        pytest.param(kind, name, *case.values, id=case.id, marks=case.marks)
        for group, kind, name in [
            ("hashtags_with_indices", "hashtag", "hashtag"),
            ("cashtags_with_indices", "cashtag", "cashtag"),
            ("mentions_with_indices", "mention", "screen_name"),
            ("urls_with_indices", "url", "url"),
        ]
        for case in conformance_cases("extract.yml", group)
    ],
)
def test_entities_are_where_the_conformance_suite_has_them(kind: str, name: str, case: dict[str, Any]) -> None:
    found = [
        {name: entity.value, "indices": [entity.start, entity.end]}
        for entity in find_entities(case["text"])
        if entity.kind == kind
    ]
    assert found == case["expected"]


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, *case.values, id=case.id, marks=case.marks)
        for group, kind in [("hashtags", "hashtag"), ("usernames", "mention")]
        for case in conformance_cases("validate.yml", group)
    ],
)
def test_only_what_is_valid_is_an_entity_as_a_whole(kind: str, case: dict[str, Any]) -> None:
    found = [case["text"][entity.start : entity.end] for entity in find_entities(case["text"]) if entity.kind == kind]
    assert (found == [case["text"]]) == case["expected"]


@pytest.mark.parametrize("case", conformance_cases("validate.yml", "WeightedTweetsWithDiscountedEmojiCounterTest"))
def test_weights_are_those_of_the_conformance_suite(case: dict[str, Any]) -> None:
    assert weighted_length(case["text"]) == case["expected"]["weightedLength"]


def test_a_link_has_one_short_form_of_23_characters() -> None:
    assert short_link("https://example.com/a") == short_link("https://example.com/a")
    assert short_link("https://example.com/a") != short_link("https://example.com/b")
    assert len(short_link("https://example.com/a")) == 23
