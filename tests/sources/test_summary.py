from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import Heading, List, ListItem, Paragraph, Run
from distributor.sources.assembly import MAX_SUMMARY, summarise


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
def test_a_summary_is_the_beginning_of_the_text_and_never_too_long(alphabet: str | None, data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet or st.characters(), max_size=400))
    summary = summarise([paragraph(text)])

    assert len(summary) <= MAX_SUMMARY
    assert " ".join(text.split()).startswith(summary.removesuffix("…"))
