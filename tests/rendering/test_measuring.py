"""Lengths as the networks count them, held against twitter-text's own cases where those are at hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.rendering.measuring import (
    grapheme_boundaries,
    graphemes,
    mastodon_length,
    url_spans,
    utf8_bytes,
    weighted_length,
)
from tests.rendering.conformance import cases_of, conformance_cases

FAMILY = "👩‍👩‍👧‍👦"
# Cases for a configuration that adds up the code points of an emoji: version 3 counts 2 for each emoji.
EMOJI_COUNTED_OTHERWISE = {
    "Count a mix of single byte single word, and double word unicode characters": "joined emoji are one",
    "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers": "so do skin tones",
}


@pytest.mark.parametrize(
    "case",
    conformance_cases(
        "validate.yml", "WeightedTweetsWithDiscountedEmojiCounterTest", "UnicodeDirectionalMarkerCounterTest"
    ),
)
def test_texts_weigh_what_twitter_text_says(case: dict[str, Any]) -> None:
    assert weighted_length(case["text"]) == case["expected"]["weightedLength"]


@pytest.mark.parametrize("case", conformance_cases("validate.yml", "WeightedTweetsCounterTest"))
def test_texts_without_sequences_of_emoji_weigh_the_same_in_either_configuration(case: dict[str, Any]) -> None:
    same = weighted_length(case["text"]) == case["expected"]["weightedLength"]
    assert same == (case["description"] not in EMOJI_COUNTED_OTHERWISE)


@pytest.mark.parametrize(
    "case", conformance_cases("extract.yml", "urls", "urls_with_directional_markers", "tco_urls_with_params")
)
def test_addresses_are_found_where_twitter_text_finds_them(case: dict[str, Any]) -> None:
    found = [case["text"][start:end] for start, end in url_spans(case["text"])]
    expected = [one["url"] if isinstance(one, dict) else one for one in case["expected"]]
    # What is found beyond that has a scheme and merely no known domain, or goes on where X stops.
    missing = [url for url in expected if not any(url in one for one in found)]
    beyond = [one for one in found if "://" not in one and one not in expected]
    assert (missing, beyond) == ([], [])


@pytest.mark.parametrize("group", ["country", "generic"])
def test_a_domain_of_every_kind_is_an_address(group: str) -> None:
    cases = cases_of("tlds.yml", group)
    found = [[case["text"][start:end] for start, end in url_spans(case["text"])] for case in cases]
    assert found == [case["expected"] for case in cases]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("plain", 5),
        ("日本語", 6),
        (FAMILY, 2),
        ("cafe\u0301", 4),
        ("https://www.example.org/a/long/path/that/goes/on/and/on", 23),
        ("see example.com.", 4 + 23 + 1),
        ("http://127.0.0.1:8000/articles/x", 32),
        ("©®™", 4),
        ("©\ufe0f☺☺\ufe0f⌚\ufe0f", 8),
        ("7\ufe0f\u20e3#\u20e3", 4),
        ("☝🏽👍🏿", 4),
        ("🇳🇴🇸🇪", 4),
        ("🇭🇪🇱🇱🇴", 2 * 5),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 2),
        ("👩🏽‍❤️‍💋‍👨🏽🏳️‍🌈🐦‍🔥", 6),
        ("“Zitat” – 1\u20ac", 13),
    ],
)
def test_x_weighs_a_text(text: str, weight: int) -> None:
    assert weighted_length(text) == weight


def test_a_run_of_many_dots_is_searched_like_any_other() -> None:
    assert weighted_length("a." * 3000) == 6000
    assert weighted_length("bread " + "." * 5000) == 6 + 5000
    assert weighted_length("a." * 1000 + "com " + "." * 100) == 23 + 1 + 100


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("plain", 5),
        (FAMILY, 1),
        ("https://www.example.org/a/long/path/that/goes/on/and/on", 23),
        ("https://a.co https://b.co", 47),
        ("(https://www.example.org/page)", 25),
        ("example.org", 11),
        ("http://127.0.0.1:8000/", 22),
        ("@someone@social.example.org hello", len("@someone hello")),
        ("mail@social.example.org", 23),
    ],
)
def test_mastodon_counts_a_text(text: str, length: int) -> None:
    assert mastodon_length(text) == length


def test_an_instance_may_count_links_otherwise() -> None:
    assert mastodon_length("see https://example.org/page", characters_reserved_per_url=32) == 4 + 32


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("aé", 2), ("e\u0301", 1), (FAMILY * 2, 2), ("🇳🇴🇸🇪", 2), ("\r\n", 1)]
)
def test_graphemes_are_what_a_reader_sees(text: str, count: int) -> None:
    assert graphemes(text) == count


def test_bytes_are_those_of_utf8() -> None:
    assert [utf8_bytes(text) for text in ("a", "é", "日", "🙂")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("Read https://example.org/a_(b), then sleep.", ["https://example.org/a_(b)"]),
        ("(see www.example.org)", ["www.example.org"]),
        ("http://localhost:8000/x… and more", ["http://localhost:8000/x"]),
        ("mail me@example.org", []),
        ("https://example.org/日本語です", ["https://example.org/日本語です"]),
        ("“https://example.org”", ["https://example.org"]),
        ("archive.example.org/web/https://example.org/a!", ["archive.example.org/web/https://example.org/a"]),
    ],
)
def test_addresses_end_before_the_punctuation_of_the_sentence(text: str, urls: list[str]) -> None:
    assert [text[start:end] for start, end in url_spans(text)] == urls


_texts = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(["https://", "example.org", "/a", " ", ".", ",", "(", ")", "日", "…", "www.", "#tag", FAMILY]),
        max_size=14,
    ).map("".join),
)


@settings(deadline=None, derandomize=True)
@given(text=_texts)
def test_spans_of_addresses_are_in_order_and_apart(text: str) -> None:
    edges = [edge for span in url_spans(text) for edge in span]
    assert edges == sorted(edges)
    assert all(start < end for start, end in url_spans(text))


@settings(deadline=None, derandomize=True)
@given(text=_texts)
def test_the_boundaries_cut_a_text_into_its_graphemes(text: str) -> None:
    boundaries = grapheme_boundaries(text)
    assert len(boundaries) == graphemes(text)
    assert boundaries[-1:] == ([len(text)] if text else [])


@settings(deadline=None, derandomize=True)
@given(words=st.lists(_texts.filter(str.strip), max_size=4))
def test_words_apart_weigh_what_they_weigh_together(words: list[str]) -> None:
    """Addresses are told apart by the spaces between them, so no count depends on the rest of the text."""
    together = " ".join(words)
    assert weighted_length(together) == sum(map(weighted_length, together.split(" "))) + together.count(" ")
