"""Fitting text: never over the limit, and URLs, hashtags, mentions and graphemes stay whole."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.rendering.fitting import Measure, beginnings, fit, split_thread
from distributor.rendering.measuring import grapheme_boundaries, graphemes, url_spans, utf8_bytes, weighted_length

FAMILY = "👩‍👩‍👧‍👦"
TAG_OR_MENTION = regex.compile(r"(?<![\p{L}\p{N}_])[#@][\p{L}\p{M}\p{N}_]+")
MEASURES: list[Measure] = [graphemes, weighted_length, utf8_bytes]

_words = st.sampled_from(
    [
        *["Bread", "rises", "because", "of", "yeast.", "“Really?”", "Dr.", "3.5", "end!", "—", "(aside)", "naïve"],
        *["https://example.org/a/b?c=d", "www.example.org,", "http://127.0.0.1:8000/x.", "#SourdoughBread", "@baker"],
        *["パンは膨らみます。", "なぜ？", "خبز", "الخميرة.", "रोटी", FAMILY, "🇳🇴", "e\u0301" * 3, "x" * 45],
    ]
)
_texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.tuples(_words, st.sampled_from([" ", " ", " ", "\n", "\n\n", ""])), max_size=25).map(
        lambda pairs: "".join(word + gap for word, gap in pairs)
    ),
)
_limits = st.integers(1, 90)
_measures = st.sampled_from(MEASURES)


def spans_that_stay_whole(text: str) -> list[tuple[int, int]]:
    return [*url_spans(text), *(match.span() for match in TAG_OR_MENTION.finditer(text))]


def kept_of(fitted: str) -> str:
    return fitted.removesuffix("…").rstrip()


@pytest.mark.parametrize(
    ("limit", "fitted"),
    [
        (200, "Bread rises. It rises because of yeast, and slowly."),
        (45, "Bread rises. It rises because of yeast, and…"),
        (40, "Bread rises. It rises because of yeast…"),
        (20, "Bread rises."),
        (12, "Bread rises."),
        (11, "Bread…"),
        (3, "Br…"),
        (1, "…"),
    ],
)
def test_a_text_is_cut_after_a_sentence_if_that_fills_much_of_the_room(limit: int, fitted: str) -> None:
    assert fit("Bread rises. It rises because of yeast, and slowly.", limit=limit, measure=graphemes) == fitted


def test_a_whole_sentence_gets_no_ellipsis_even_if_it_fills_little_of_the_room() -> None:
    assert fit("It rises. Supercalifragilistic", limit=25, measure=graphemes) == "It rises."


@pytest.mark.parametrize(
    "whole", ["https://example.org/bread/", "www.example.org", "http://127.0.0.1:8000/", "#SourdoughBread", "@baker"]
)
def test_a_url_stays_whole_or_is_removed(whole: str) -> None:
    text = f"Read {whole} before you bake anything else at all"
    for limit in range(1, len(text)):
        fitted = kept_of(fit(text, limit=limit, measure=graphemes))
        assert whole in fitted or len(fitted) <= len("Read")


def test_a_space_separates_the_ellipsis_from_a_url() -> None:
    fitted = fit("Go to https://example.org/bread and read on about it", limit=33, measure=graphemes)
    assert fitted == "Go to https://example.org/bread …"


def test_no_comma_dash_or_bracket_precedes_the_ellipsis() -> None:
    assert fit("Flour, water (and salt) — and time, of course", limit=14, measure=graphemes) == "Flour, water…"
    assert fit("Flour and water — and time, of course", limit=19, measure=graphemes) == "Flour and water…"


def test_a_script_without_spaces_is_cut_between_characters() -> None:
    assert fit("パンは酵母の働きでゆっくり膨らむものです", limit=21, measure=weighted_length) == "パンは酵母の働きで…"


def test_a_text_from_right_to_left_is_cut_between_words() -> None:
    assert fit("يرتفع الخبز ببطء بسبب الخميرة الطبيعية", limit=20, measure=graphemes) == "يرتفع الخبز ببطء…"


def test_an_emoji_sequence_is_not_cut() -> None:
    assert fit(FAMILY * 4, limit=5, measure=weighted_length) == FAMILY + "…"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Dr. Baker met J. R. Miller. They baked.", "Dr. Baker met J. R. Miller."),
        ("It weighs 3.5 kg. It is heavy.", "It weighs 3.5 kg."),
        ("“Is it done?” she asked. It was.", "“Is it done?” she asked."),
        ("It is “done.” It was.", "It is “done.”"),
        ("膨らみます。次に焼きます。", "膨らみます。"),
        ("ارتفع الخبز؟ نعم.", "ارتفع الخبز؟"),
        ("रोटी फूली। अच्छा।", "रोटी फूली।"),
        ("A line\nAnother line", "A line"),
        ("Visit example.org. Then bake.", "Visit example.org."),
        ("Rye, e.g. Danish rye, is dark. So it is.", "Rye, e.g. Danish rye, is dark."),
    ],
)
def test_sentence_ends_are_found(text: str, first: str) -> None:
    assert next(beginnings(text)) == first


def test_the_last_beginning_is_all_of_the_text() -> None:
    assert list(beginnings("One. Two. Three")) == ["One.", "One. Two.", "One. Two. Three"]
    assert list(beginnings("  ")) == []


@settings(deadline=None, derandomize=True)
@given(text=_texts, limit=_limits, measure=_measures)
def test_a_fitted_text_is_never_over_the_limit(text: str, limit: int, measure: Measure) -> None:
    assert measure(fit(text, limit=limit, measure=measure)) <= limit


@settings(deadline=None, derandomize=True)
@given(text=_texts, measure=_measures)
def test_a_text_that_fits_is_unchanged(text: str, measure: Measure) -> None:
    assert fit(text, limit=max(measure(text), 1), measure=measure) == text


@settings(deadline=None, derandomize=True, max_examples=300)
@given(text=_texts, limit=_limits, measure=_measures)
def test_a_fitted_text_is_a_prefix_with_every_entity_whole(text: str, limit: int, measure: Measure) -> None:
    fitted = fit(text, limit=limit, measure=measure)
    if fitted == text:
        return
    kept = kept_of(fitted)
    assert text.startswith(kept)
    assert len(kept) in [0, *grapheme_boundaries(text)]
    assert not [span for span in spans_that_stay_whole(text) if span[0] < len(kept) < span[1]]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(text=_texts, limit=st.integers(8, 90), measure=_measures)
def test_the_parts_of_a_thread_fit_and_lose_nothing_but_white_space(text: str, limit: int, measure: Measure) -> None:
    parts = split_thread(text, limit=limit, measure=measure)
    assert all(part and measure(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@settings(deadline=None, derandomize=True, max_examples=300)
@given(text=_texts, limit=st.integers(50, 90))
def test_a_thread_cuts_no_word_grapheme_or_url_that_fits_into_a_part(text: str, limit: int) -> None:
    parts = split_thread(text, limit=limit, measure=graphemes)
    place = 0
    boundaries = {0, *grapheme_boundaries(text)}
    for part in parts[:-1]:
        place = text.index(part, place) + len(part)
        assert place in boundaries
        assert not [
            (start, end)
            for start, end in spans_that_stay_whole(text)
            if start < place < end and graphemes(text[start:end]) <= limit
        ]


def test_a_thread_is_cut_between_paragraphs_first() -> None:
    text = "First sentence. Second one.\n\nA new paragraph. It goes on."
    assert split_thread(text, limit=45, measure=graphemes) == [
        "First sentence. Second one.",
        "A new paragraph. It goes on.",
    ]


def test_then_between_sentences_then_between_words() -> None:
    text = "A sentence that is short. A sentence that is too long for a single part of it."
    assert split_thread(text, limit=40, measure=graphemes) == [
        "A sentence that is short.",
        "A sentence that is too long for a single",
        "part of it.",
    ]


def test_a_text_that_fits_is_one_part_and_an_empty_text_is_none() -> None:
    assert split_thread(" One. ", limit=10, measure=graphemes) == ["One."]
    assert split_thread(" \n ", limit=10, measure=graphemes) == []


def test_a_url_longer_than_a_part_is_cut_rather_than_lost() -> None:
    parts = split_thread("https://example.org/" + "a" * 30, limit=20, measure=graphemes)
    assert "".join(parts) == "https://example.org/" + "a" * 30


def test_a_limit_too_small_for_a_character_is_an_error() -> None:
    with pytest.raises(ValueError, match="too small"):
        split_thread(FAMILY, limit=3, measure=utf8_bytes)
