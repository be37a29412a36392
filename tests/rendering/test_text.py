from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    Mark,
    Quote,
    Table,
    runs_of,
    walk,
)
from distributor.rendering.sanitize import resolver_for
from distributor.rendering.text import columns, text_of_blocks
from tests.rendering.sample_blocks import WORDS, all_blocks, item, paragraph, run, squashed

LONG = "The wardens of the island count birds every morning and write the number down in a book."


def lines(*blocks: Block, width: int = 40) -> list[str]:
    return text_of_blocks(blocks, width=width).split("\n")


def test_paragraphs_are_wrapped_and_separated_by_empty_lines() -> None:
    assert lines(paragraph(LONG), paragraph("Next.")) == [
        "The wardens of the island count birds",
        "every morning and write the number down",
        "in a book.",
        "",
        "Next.",
    ]


def test_lines_have_72_columns_by_default() -> None:
    assert max(map(len, text_of_blocks([paragraph("word " * 99)]).split("\n"))) == 69


def test_headings_are_underlined_by_level() -> None:
    headings = [Heading(level, (run("Birds"),)) for level in (1, 2, 3)]
    assert lines(*headings) == ["Birds", "=====", "", "Birds", "-----", "", "Birds", "~~~~~"]


def test_a_url_is_never_broken() -> None:
    url = "https://example.org/" + "long/" * 20
    assert lines(paragraph("see ", run("the file", href=url), " there")) == ["see the file", f"<{url}>", "there"]


def test_a_url_that_is_its_own_link_text_is_written_once() -> None:
    linked = paragraph(
        run("https://example.org", href="https://example.org/"), " ", run("a@b.org", href="mailto:a@b.org")
    )
    assert lines(linked) == ["https://example.org a@b.org"]


def test_the_number_of_a_note_and_an_exponent_stand_apart_and_links_within_the_text_are_text() -> None:
    noted = paragraph("10", run("3", Mark.SUPERSCRIPT), " or", run("2", Mark.NOTE, href="#fn2"), ", see ")
    assert lines(noted, paragraph(run("below", href="#end"), run(" H", Mark.HIGHLIGHT), run("2", Mark.SUBSCRIPT))) == [
        "10^3 or[2], see",
        "",
        "below H2",
    ]


def test_urls_become_absolute() -> None:
    text = text_of_blocks([paragraph(run("x", href="b"))], resolve=resolver_for("https://example.org/a"))
    assert text == "x <https://example.org/b>"


def test_a_link_with_an_unsafe_scheme_leaves_its_text() -> None:
    assert lines(paragraph(run("x", href="javascript:alert(1)"))) == ["x"]


def test_delimiters_of_marks_touch_the_words() -> None:
    marked = paragraph("so ", run("very ", Mark.STRONG), run("good", Mark.EMPHASIS), run(" `x`", Mark.CODE))
    assert lines(marked) == ["so *very* _good_ ``x``"]


def test_adjacent_runs_with_the_same_mark_share_delimiters() -> None:
    neighbours = paragraph(run("a ", Mark.STRONG), run("b", Mark.STRONG, Mark.CODE), run(" c", Mark.STRONG), " d")
    assert lines(neighbours) == ["*a `b` c* d"]


def test_struck_out_text_is_marked() -> None:
    assert lines(paragraph(run("100 €", Mark.STRIKE), " 50 €")) == ["~~100 €~~ 50 €"]


def test_list_items_are_indented_below_their_bullets() -> None:
    nested = List((item(LONG, List((item("deep"),))), item("two")))
    assert lines(nested) == [
        "• The wardens of the island count birds",
        "  every morning and write the number",
        "  down in a book.",
        "  • deep",
        "• two",
    ]


def test_numbers_begin_with_the_start_of_the_list_and_are_aligned() -> None:
    assert lines(List((item("a"), item("b")), ordered=True, start=9)) == ["9.  a", "10. b"]


def test_items_of_several_paragraphs_are_separated_by_empty_lines() -> None:
    assert lines(List((item("a", "b"), item("c")))) == ["• a", "", "  b", "", "• c"]


def test_quotes_are_marked_on_every_line() -> None:
    assert lines(Quote((paragraph("a"), Quote((paragraph("b"),))))) == ["> a", ">", "> > b"]


def test_code_is_indented_and_never_broken() -> None:
    assert lines(Code("\nif x:\n\treturn 'a text that is longer than the page is wide'\n")) == [
        "    if x:",
        "        return 'a text that is longer than the page is wide'",
    ]


def test_an_image_is_named_unless_it_is_decorative() -> None:
    assert lines(Image("/i.png", "a map", (run("by me"),)), Image("/j.png")) == ["[Image: a map]", "by me"]


def test_a_narrow_table_has_columns() -> None:
    header = ((run("Bird"),), (run("Count"),))
    rows = (((run("Knot"),), (run("7"),)), ((run("鴫 shigi"),), (run("1200"),)))
    assert lines(Table(header, rows, (Alignment.LEFT, Alignment.RIGHT))) == [
        "Bird      Count",
        "--------  -----",
        "Knot          7",
        "鴫 shigi   1200",
    ]


def test_a_wide_table_has_a_line_for_each_cell() -> None:
    header = ((run("Bird"),), (run("Remark"),))
    rows = (((run("Knot"),), (run(LONG),)), ((run("Dunlin"),), ()))
    assert lines(Table(header, rows, (Alignment.LEFT, Alignment.LEFT))) == [
        "Bird: Knot",
        "Remark: The wardens of the island",
        "  count birds every morning and write",
        "  the number down in a book.",
        "",
        "Bird: Dunlin",
        "Remark:",
    ]


def test_a_divider_is_centred() -> None:
    assert lines(Divider(), width=11) == ["   * * *"]


def test_text_without_spaces_is_broken_between_wide_characters_but_not_before_a_full_stop() -> None:
    assert lines(paragraph("日本語の文章はスペースがない。次の文。"), width=28) == [
        "日本語の文章はスペースがな",
        "い。次の文。",
    ]


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("a\u200db", 2)])
def test_columns_are_those_of_a_terminal(text: str, width: int) -> None:
    assert columns(text) == width


@settings(deadline=None, derandomize=True, max_examples=60)
@given(all_blocks(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)))
def test_no_word_is_lost(blocks: tuple[Block, ...]) -> None:
    text = squashed(text_of_blocks(blocks, width=40))
    for block in walk(blocks):
        written = [each.text for runs in runs_of(block) for each in runs] + [getattr(block, "text", "")]
        assert [word for words in written for word in words.split() if word not in text] == []


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), st.integers(min_value=10, max_value=72))
def test_a_line_is_only_too_wide_if_it_is_a_single_word(words: list[str], width: int) -> None:
    written = lines(paragraph(" ".join(words)), width=width)
    assert " ".join(written).split() == words
    assert [line for line in written if columns(line) > width and " " in line] == []


def test_no_markup_is_left_over() -> None:
    blocks: list[Block] = [paragraph(run("a", Mark.STRONG, href="/x?a=1&b=2")), Image("/i.png", "<i>"), Code("&amp;")]
    assert re.findall(r"</?\w+>|&\w+;", text_of_blocks(blocks)) == ["<i>", "&amp;"]
