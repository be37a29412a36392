"""Suggested tags: existing ones in the text first, then phrases that it repeats and others do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, Paragraph, Run
from distributor.domain.hashtags import compared_words
from distributor.domain.tag_suggestions import SuggestedTag, TextToTag, suggest_tags, words_of_text
from distributor.domain.tags import Tag
from distributor.sources.formats import parse_manuscript
from tests.paths import ROOT

WORDS = "a an and are as at be by for has in is it not of on or that the this to was we which with"
STOP_WORDS = frozenset(WORDS.split())
CONTENT = ("compost_in_a_small_yard.txt", "golden.md", "the_quiet_feed.md", "why_we_still_send_letters.md")


def text(*paragraphs: str, title: str = "A title", language: str = "en") -> TextToTag:
    body = tuple(Paragraph((Run(words),)) for words in paragraphs)
    return TextToTag(title=title, summary="", body=body, language=language)


def labels(written: TextToTag, *known: Tag, others: tuple[frozenset[str], ...] = ()) -> list[str]:
    return [one.label for one in suggest_tags(written, known, stop_words=STOP_WORDS, others=others)]


def test_existing_tags_and_their_synonyms_in_the_text_come_first_by_how_often_it_names_them() -> None:
    written = text(
        "Sourdough bread needs time.", "Sourdough bread and rye. JS once. Sourdough bread, for which we wait."
    )
    known = (Tag("JavaScript", ("JS",)), Tag("Rye"), Tag("sour dough bread"), Tag("sourdough breads"), Tag("time zone"))
    found = suggest_tags(written, known, stop_words=STOP_WORDS, others=())
    assert found[:3] == (
        SuggestedTag("sourdough breads", is_known=True),
        SuggestedTag("JavaScript", is_known=True),
        SuggestedTag("Rye", is_known=True),
    )
    assert all(not one.is_known for one in found[3:])


def test_a_tag_that_is_a_stop_word_is_not_found_everywhere() -> None:
    assert labels(text("It is what it is."), Tag("IT"), Tag("what it is")) == ["what it is"]


def test_a_tag_is_found_in_a_text_without_spaces() -> None:
    assert labels(text("新しい幹細胞の治療です。", language="ja"), Tag("幹細胞"), Tag("医学")) == ["幹細胞"]


def test_phrases_that_are_repeated_are_suggested_as_they_are_written_within_sentences() -> None:
    written = text(
        "Vector clocks order events. The events have vector clocks.",
        "With vector clocks a Lamport timestamp is not needed. We say Lamport timestamp.",
        title="Why Vector Clocks Matter",
    )
    assert labels(written)[:2] == ["vector clocks", "Lamport timestamp"]


def test_no_phrase_goes_over_punctuation_or_begins_with_a_stop_word() -> None:
    written = text("We like peas, beans and the leeks. We like peas, beans and the leeks. Peas, beans and the leeks.")
    assert not [label for label in labels(written) if "peas beans" in label or "the" in label.split()]


def test_a_word_that_other_articles_use_too_says_less() -> None:
    written = text("Garden and lichen. " * 5)
    everywhere = tuple(frozenset({"garden", str(number)}) for number in range(20))
    assert labels(written, others=everywhere)[0] == "lichen"


def test_a_part_of_a_phrase_is_not_suggested_beside_it() -> None:
    assert "clocks" not in labels(text("Vector clocks here. Vector clocks there. Vector clocks, vector clocks."))


@pytest.mark.parametrize("written", [text(), text(title=""), text("1 2 3 4. 1 2 3 4."), text("…"), text("a. a. a. a.")])
def test_a_text_that_says_nothing_has_no_suggestions(written: TextToTag) -> None:
    assert labels(written) == []


def manuscripts() -> dict[str, Manuscript]:
    return {name: parse_manuscript((ROOT / "content" / name).read_bytes(), name=name) for name in CONTENT}


def test_our_own_articles_get_tags_that_their_authors_gave_them() -> None:
    """Their tags are taken away, and those of all are known: what is suggested first are mostly those of the author."""
    read = manuscripts()
    known = [tag for one in read.values() for tag in one.tags]
    texts = {
        name: TextToTag(title=one.title, summary=one.summary, body=one.body, language=one.language)
        for name, one in read.items()
    }
    hits: dict[str, int] = {}
    for name, one in read.items():
        others = [words_of_text(other) for title, other in texts.items() if title != name]
        suggested = suggest_tags(texts[name], known, stop_words=STOP_WORDS, others=others)
        assert 0 < len(suggested) <= 10
        own = {tag.key for tag in one.tags}
        hits[name] = sum(1 for each in suggested if Tag(each.label).key in own)
    assert hits[CONTENT[0]] >= 3, hits
    assert all(hits.values()), hits


@pytest.mark.parametrize(
    ("name", "phrase"),
    [(CONTENT[0], "compost"), (CONTENT[2], "feed"), (CONTENT[3], "letter")],
)
def test_what_our_own_articles_are_about_is_found_without_any_tag(name: str, phrase: str) -> None:
    one = manuscripts()[name]
    written = TextToTag(title=one.title, summary=one.summary, body=one.body, language=one.language)
    assert compared_words(phrase) in [compared_words(label) for label in labels(written)[:3]]


@given(st.lists(st.text(max_size=80), max_size=4), st.lists(st.text(min_size=1, max_size=10), max_size=4))
@settings(deadline=None, derandomize=True)
def test_whatever_is_written_suggestions_are_few_and_each_is_a_tag(paragraphs: list[str], known: list[str]) -> None:
    written = TextToTag(
        title="",
        summary="",
        body=(*(Paragraph((Run(words),)) for words in paragraphs), Heading(2, (Run("x"),))),
        language="en",
    )
    found = suggest_tags(written, map(Tag, known), stop_words=STOP_WORDS, others=(), most=5)
    assert len(found) <= 5
    assert all(Tag(one.label).key for one in found)
