"""What X finds in a text, against twitter-text's own conformance suite."""

from __future__ import annotations

import pytest
import yaml

from distributor.sandbox.x.text import find_entities, short_link, weighted_length
from tests.paths import SHARED

SUITE = SHARED / "data" / "twitter-text"


def _cases(file: str, group: str) -> list[dict[str, object]]:
    if not (SUITE / file).exists():
        pytest.skip("twitter-text's conformance suite is not beside this checkout")
    cases: list[dict[str, object]] = yaml.safe_load((SUITE / file).read_text())["tests"][group]
    return cases


@pytest.mark.parametrize(
    ("group", "kind"),
    [("hashtags", "hashtag"), ("cashtags", "cashtag"), ("mentions", "mention"), ("urls", "url")],
)
def test_entities_are_those_of_the_conformance_suite(group: str, kind: str) -> None:
    wrong = {}
    for case in _cases("extract.yml", group):
        found = [entity.value for entity in find_entities(str(case["text"])) if entity.kind == kind]
        if found != case["expected"]:
            wrong[case["text"]] = found
    assert wrong == {}


def test_weights_are_those_of_the_conformance_suite() -> None:
    cases = _cases("validate.yml", "WeightedTweetsWithDiscountedEmojiCounterTest")
    wrong = {}
    for case in cases:
        expected = case["expected"]
        assert isinstance(expected, dict)
        if weighted_length(str(case["text"])) != expected["weightedLength"]:
            wrong[case["text"]] = weighted_length(str(case["text"]))
    assert wrong == {}


def test_a_link_has_one_short_form_of_23_characters() -> None:
    assert short_link("https://example.com/a") == short_link("https://example.com/a")
    assert short_link("https://example.com/a") != short_link("https://example.com/b")
    assert len(short_link("https://example.com/a")) == 23
