from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import Heading, List, ListItem, Paragraph, Run
from distributor.sources.summary import MAX_SUMMARY, summarise


def paragraph(text: str) -> Paragraph:
    return Paragraph((Run(text),))


def test_a_short_first_paragraph_is_the_summary() -> None:
    assert (
        summarise([Heading(2, (Run("No"),)), paragraph("First\nparagraph."), paragraph("Second.")])
        == "First paragraph."
    )


def test_a_long_first_paragraph_is_cut_after_a_sentence() -> None:
    first = "This is the first sentence, which is long enough to be a summary on its own, or nearly. "

    assert summarise([paragraph(first * 3)]) == (first * 2).strip()


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    summary = summarise([paragraph("Short. " + "word, " * 100)])

    assert summary.endswith("word…")
    assert 180 < len(summary) <= MAX_SUMMARY


def test_a_text_without_spaces_is_cut_between_graphemes() -> None:
    summary = summarise([paragraph("👩\u200d👩\u200d👧" * 100)])

    assert summary.rstrip("…").replace("👩\u200d👩\u200d👧", "") == ""
    assert len(summary) <= MAX_SUMMARY


def test_chinese_sentences_end_without_a_space() -> None:
    assert summarise([paragraph("花" * 99 + "。" + "園" * 200)]) == "花" * 99 + "。"


def test_without_a_paragraph_the_rest_of_the_text_is_used() -> None:
    assert summarise([List((ListItem((paragraph("One"),)), ListItem((paragraph("Two"),))))]) == "One Two"


@pytest.mark.parametrize("alphabet", [None, "a. ", "字。"])
@given(data=st.data())
@settings(deadline=None, derandomize=True)
def test_a_summary_is_a_part_of_the_text_and_never_too_long(alphabet: str | None, data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet or st.characters(), max_size=400))
    summary = summarise([paragraph(text)])

    assert len(summary) <= MAX_SUMMARY
    assert summary.removesuffix("…") in " ".join(text.split())


@pytest.mark.parametrize(
    ("paragraphs", "summary"),
    [
        # What names, dates, greets, credits or announces says nothing.
        (["By Ida Crane", "May 4, 2026", "The quay is closed until the end of May."], "The quay is closed until the"),
        (["Dear all,", "the rope walk opens on Saturday."], "the rope walk opens on Saturday."),
        (["4. maj 2026 kl. 10.00", "Kajen er lukket indtil maj."], "Kajen er lukket indtil maj."),
        (["Sehr geehrte Damen und Herren,", "die Halle ist wieder offen."], "die Halle ist wieder offen."),
        (["Photo: Ida Crane", "Autor: Ida Kran", "Nobody knows what the crane weighs."], "Nobody knows what the crane"),
        (["What you need:", "A line is spliced in ten minutes."], "A line is spliced in ten minutes."),
        (["THE LAST FERRY", "It left at nine in the evening."], "It left at nine in the evening."),
        (["https://example.org/a", "It left at nine in the evening."], "It left at nine in the evening."),
        # A dateline stays in the text.
        (["HAMBURG, May 4, 2026 — The rope walk opens on Saturday."], "The rope walk opens on Saturday."),
        # A definition gives way to a promise that follows it, and to nothing else.
        (["A splice is a join of two ropes. In this guide you learn to make one."], "In this guide you learn to make"),
        (["Ein Spleiß ist eine Verbindung von Seilen.", "Wir zeigen, wie man ihn macht."], "Wir zeigen, wie man ihn"),
        (["A splice is a join of two ropes. It is older than any book."], "A splice is a join of two ropes. It is"),
        # The first sentence wins over what comes later.
        (["The quay is old and nobody cares. You can learn why in this article."], "The quay is old and nobody cares."),
        (["最后一班渡轮晚上九点离开了港口。船上有四个人。"], "最后一班渡轮晚上九点离开了港口。"),
    ],
)
def test_the_summary_begins_with_the_first_sentence_that_says_something(paragraphs: list[str], summary: str) -> None:
    assert summarise([paragraph(text) for text in paragraphs]).startswith(summary)


def test_where_nothing_is_a_sentence_the_whole_text_is_used() -> None:
    assert summarise([paragraph("Clothes:"), paragraph("oilskins"), paragraph("Tools:")]) == "Clothes: oilskins Tools:"
