"""Properties of the formats: no words are lost, and nothing but SourceError is raised."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from distributor.domain.errors import SourceError
from distributor.sources.decoding import normalize_text
from distributor.sources.formats import formats, parse_manuscript

from .words import words_in, words_of

_SUFFIXES = sorted({form.SUFFIXES[0] for form in formats().values()})

_WORDS = [
    "Soil",
    "we",
    "dig",
    "and",
    "Rain",
    "é漢",
    "12",
    "x_y",
    "a*b",
    "<b>",
    "https://a.de/x_(y).",
    "www.a.de,",
    "#tag",
]
_MARKERS = [
    *("", "", "", "• ", "- ", "– ", "* ", "1. ", "2. ", "3) ", "12. ", "2024. ", "1.2 ", "## ", "> ", "— "),
    *("+ ", "→ ", "·", "✓ ", "✗ ", "[ ] ", "(1) ", "IV. "),
]
_ENDS = ["", "", ".", ":", "?", ",", ";", "!", "…", "-", '."']
_RULES = ["", "", "", "---", "===", "~~~", "* * *", "###"]

_line = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "  ", "   ", "      ", "\t"]),
    st.sampled_from(_MARKERS),
    st.builds(str.join, st.sampled_from("   \t"), st.lists(st.sampled_from(_WORDS), min_size=1, max_size=14)),
    st.sampled_from(_ENDS),
)
_articles = st.lists(st.one_of(_line, _line, st.sampled_from(_RULES)), min_size=1, max_size=16).map("\n".join)
_keywords = st.lists(st.sampled_from(["soil", "Soil", "rain", "rain fall", "rain-fall", "x", "y", "z"]), min_size=6)


@given(text=_articles)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_every_word_of_a_plain_text_is_in_its_manuscript(text: str) -> None:
    words = words_in(normalize_text(text))
    try:
        manuscript = parse_manuscript(text.encode(), name="article.txt")
    except SourceError:
        reject()  # nothing but a title

    if manuscript.tags:  # tags that repeat themselves are one
        assert set(words_of(manuscript)) == set(words)
    else:
        assert words_of(manuscript) == words


@given(text=_articles, keywords=_keywords)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_a_line_of_tags_goes_to_the_tags_and_nothing_else_does(text: str, keywords: list[str]) -> None:
    below = f"{text}\n\nThe last paragraph, before the tags.\n\n{', '.join(keywords)}"
    manuscript = parse_manuscript(f"Title\n\n{below}".encode(), name="article.txt")

    assert {name for tag in manuscript.tags for name in (tag.label, *tag.synonyms)} <= set(keywords)
    found, written = words_of(manuscript), words_in(normalize_text(f"Title {below}"))
    assert {word.casefold() for word in found} == {word.casefold() for word in written}


@pytest.mark.parametrize("suffix", _SUFFIXES)
@given(text=st.text())
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_text_becomes_a_manuscript_or_a_source_error(suffix: str, text: str) -> None:
    _parse_or_refuse(f"A title\n\n{text}".encode(), suffix)


@pytest.mark.parametrize("suffix", _SUFFIXES)
@given(text=st.text(alphabet="#*_`~[]()<>!|-:\\ \n\ta1.&;\"'", max_size=200))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_markup_becomes_a_manuscript_or_a_source_error(suffix: str, text: str) -> None:
    _parse_or_refuse(f"# T\n\n{text}".encode(), suffix)


@pytest.mark.parametrize("suffix", _SUFFIXES)
@given(inside=st.text(alphabet="title:ags-[]{}&*!|>%@\"'# \n\\x0U2", max_size=120))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_front_matter_is_read_or_refused(suffix: str, inside: str) -> None:
    _parse_or_refuse(f"---\ntitle: T\n{inside}\n---\nBody.".encode(), suffix)


@pytest.mark.parametrize("suffix", _SUFFIXES)
@given(data=st.binary(max_size=300))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_bytes_become_a_manuscript_or_a_source_error(suffix: str, data: bytes) -> None:
    _parse_or_refuse(data, suffix)


def _parse_or_refuse(data: bytes, suffix: str) -> None:
    try:
        manuscript = parse_manuscript(data, name=f"article{suffix}")
    except SourceError as error:
        assert error.path == f"article{suffix}"
        assert error.reason
    else:
        assert manuscript.title
        assert manuscript.body
        assert len(manuscript.summary) <= 200
