from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import links_of
from distributor.domain.errors import SourceError
from distributor.sources.formats import parse_manuscript

from .outline import outline_of_blocks

PROSE = "Prose that goes on for a while and ends with a full stop."
LONG = "A paragraph that its author wrote on one line, however long it may become, and never broke. " * 3


def parse(text: str) -> Manuscript:
    return parse_manuscript(text.encode(), name="a.txt")


def outline(body: str) -> list[str]:
    return list(outline_of_blocks(parse(f"Title\n\n{body}").body))


# The title


@pytest.mark.parametrize(
    "beginning",
    ["A Title", "\n\n  A Title", "Title: A Title", "# A Title", "A Title\n=======", "=======\nA Title\n======="],
)
def test_the_first_line_is_the_title_and_not_in_the_body(beginning: str) -> None:
    manuscript = parse(f"{beginning}\n\n{PROSE}")

    assert manuscript.title == "A Title"
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]


def test_the_title_of_front_matter_takes_precedence_and_the_first_line_stays() -> None:
    manuscript = parse(f"---\ntitle: Mine\n---\nTheirs\n\n{PROSE}")

    assert manuscript.title == "Mine"
    assert list(outline_of_blocks(manuscript.body)) == ["h2 Theirs", f"p {PROSE}"]


def test_a_first_line_that_repeats_the_title_of_front_matter_is_left_out() -> None:
    assert list(outline_of_blocks(parse(f"---\ntitle: Mine\n---\nMINE\n\n{PROSE}").body)) == [f"p {PROSE}"]


@pytest.mark.parametrize("title", ["This is a sentence, and no title.", "So long " * 20])
def test_a_title_that_reads_like_text_gives_a_warning(title: str) -> None:
    assert parse(f"{title}\n\n{PROSE}").warnings[0].startswith("the title reads like a sentence of the text")


def test_a_title_alone_is_not_an_article() -> None:
    with pytest.raises(SourceError, match="there is no text besides the title"):
        parse("Title\n\n---\n")


# Headings


@pytest.mark.parametrize(
    "line",
    [
        "A Section",
        "5 ways to dig",
        "Why dig?",
        "“Digging” explained",
        "Élan",
        "園芸",
        "🌱 Getting started",
        "ALL CAPS!",
    ],
)
def test_a_single_short_line_above_text_is_a_section(line: str) -> None:
    assert outline(f"{PROSE}\n\n{line}\n\n{PROSE}") == [f"p {PROSE}", f"h2 {line}", f"p {PROSE}"]


@pytest.mark.parametrize(
    "line",
    [
        "It rained.",
        "Some things to know:",
        "Dear readers,",
        "And then…",
        "He said “no.”",
        "iron and other things",
        "A line with far too many words for any heading that a reader could want to see here",
        "www.example.org",
        "someone@example.org",
        "#gardening #soil",
        "2024. We learned much.",
        "3.5 million people came.",
    ],
)
def test_a_line_of_another_shape_is_a_paragraph(line: str) -> None:
    kinds = [each.split(" ")[0] for each in outline(f"{PROSE}\n\n{line}\n\n{PROSE}")]

    assert kinds == ["p", "p", "p"]


def test_a_short_line_with_nothing_below_is_a_paragraph() -> None:
    assert outline(f"{PROSE}\n\nBest wishes\n\nJane") == [f"p {PROSE}", "p Best wishes", "p Jane"]


def test_of_several_short_lines_only_the_last_is_a_heading() -> None:
    assert outline(f"{PROSE}\n\nApples\n\nPears\n\nPlums\n\n{PROSE}")[1:] == [
        "p Apples",
        "p Pears",
        "h2 Plums",
        f"p {PROSE}",
    ]


@pytest.mark.parametrize(
    "line", ["By Jane Doe", "by Jane van Dyke and Bo Li", "12 March 2026", "March 3rd, 2026", "2026-03-12"]
)
def test_a_name_or_date_directly_below_the_title_is_not_a_heading(line: str) -> None:
    assert outline(f"{line}\n\n{PROSE}") == [f"p {line}", f"p {PROSE}"]


def test_a_line_directly_above_a_list_is_a_section() -> None:
    assert outline(f"{PROSE}\n\nIngredients\n• flour\n• salt")[1] == "h2 Ingredients"


def test_marked_headings_are_always_headings() -> None:
    text = f"Under\n-----\n{PROSE}\n\n### Three\n{PROSE}\n\n## Last words"

    assert outline(text) == ["h2 Under", f"p {PROSE}", "h3 Three", f"p {PROSE}", "h2 Last words"]


def test_a_single_numbered_line_above_prose_is_a_subsection_that_keeps_its_number() -> None:
    text = f"Section\n\n{PROSE}\n\n1. Setup\n\n{PROSE}\n\n1.1 Tools\n\n{PROSE}\n\n2) Work\n\n• dig\n• water"

    assert outline(text) == [
        "h2 Section", f"p {PROSE}", "h3 1. Setup", f"p {PROSE}", "h4 1.1 Tools", f"p {PROSE}", "h3 2) Work",
        "*", "    p dig", "*", "    p water",
    ]  # fmt: skip


def test_numbered_headings_are_sections_where_there_are_no_others() -> None:
    assert outline(f"1. Setup\n\n{PROSE}\n\n2. Work\n\n{PROSE}") == [
        "h2 1. Setup",
        f"p {PROSE}",
        "h2 2. Work",
        f"p {PROSE}",
    ]


def test_a_short_line_below_a_numbered_heading_is_its_text() -> None:
    text = f"1. Tools\n\nBring a hammer\n\n2. Wood\n\n{PROSE}"

    assert outline(text) == ["h2 1. Tools", "p Bring a hammer", "h2 2. Wood", f"p {PROSE}"]


def test_a_single_numbered_sentence_is_a_paragraph_that_keeps_its_number() -> None:
    text = f"1. Dig, and do not stop.\n\n{PROSE}\n\n12. November was cold."

    assert outline(text) == ["p 1. Dig, and do not stop.", f"p {PROSE}", "p 12. November was cold."]


# Lists


@pytest.mark.parametrize("bullet", "•‣◦▪●–-*")
def test_every_bullet_makes_a_list(bullet: str) -> None:
    assert outline(f"Buy:\n  {bullet} apples\n\n  {bullet} pears") == [
        "p Buy:",
        "*",
        "    p apples",
        "*",
        "    p pears",
    ]


def test_deeper_bullets_are_nested() -> None:
    assert outline("• a\n    • b\n        - c\n    • d\n • e") == [
        "*", "    p a", "    *", "        p b", "        *", "            p c", "    *", "        p d", "*", "    p e",
    ]  # fmt: skip


def test_nesting_is_limited() -> None:
    lines = outline("\n".join(f"{'  ' * depth}• item {depth}" for depth in range(300)))

    assert sum(line.endswith("*") for line in lines) == 300
    assert max(len(line) - len(line.lstrip()) for line in lines) == 4 * 8


def test_an_indented_line_continues_its_item_and_an_indented_paragraph_too() -> None:
    assert outline("• a long\n  item\n\n  with a paragraph\n\n• b\n\nAfter.") == [
        "*", "    p a long item", "    p with a paragraph", "*", "    p b", "p After.",
    ]  # fmt: skip


def test_a_list_ends_where_text_begins() -> None:
    assert outline("Buy:\n- apples\n- pears\nThat is all.") == [
        "p Buy:",
        "*",
        "    p apples",
        "*",
        "    p pears",
        "p That is all.",
    ]


def test_numbered_lines_without_prose_between_are_a_list_that_keeps_its_start() -> None:
    assert outline("3. a\n4. b\n\n5. c\n\nEnd.") == ["3.", "    p a", "4.", "    p b", "5.", "    p c", "p End."]


def test_a_number_that_is_not_the_next_starts_a_new_list() -> None:
    assert outline("1. a\n2. b\n7. c\n8. d") == ["1.", "    p a", "2.", "    p b", "7.", "    p c", "8.", "    p d"]


def test_numbers_and_bullets_are_nested_in_each_other() -> None:
    assert outline("1. a\n   • b\n   • c\n2. d") == [
        "1.", "    p a", "    *", "        p b", "    *", "        p c", "2.", "    p d",
    ]  # fmt: skip


def test_a_number_inside_a_paragraph_starts_no_list() -> None:
    assert outline("It was on the\n12. November that it rained.") == ["p It was on the⏎12. November that it rained."]


@pytest.mark.parametrize(
    "speech",
    [
        "– Where are you going?\n– Home.\n– Why?",
        "– Hello.\n\n– Goodbye.",
        "- Hello - he said.\n- Goodbye - she answered.",
    ],
)
def test_dialogue_is_not_a_list(speech: str) -> None:
    assert outline(f"{PROSE}\n\n{speech}") == [f"p {PROSE}", *(f"p {line}" for line in speech.split("\n") if line)]


def test_sentences_with_dashes_below_a_heading_are_a_list() -> None:
    assert outline("What to Do\n\n– Dig in May.\n– Water in June.") == [
        "h2 What to Do", "*", "    p Dig in May.", "*", "    p Water in June.",
    ]  # fmt: skip


def test_a_dash_that_starts_a_line_of_a_paragraph_makes_no_list() -> None:
    assert outline("It rained in the north\n– and in the south too.") == [
        "p It rained in the north⏎– and in the south too."
    ]


@pytest.mark.parametrize("line", ["– Albert Einstein", "* Results may vary.", "- and so on"])
def test_a_single_line_with_a_dash_or_asterisk_keeps_it(line: str) -> None:
    assert outline(f"{PROSE}\n\n{line}") == [f"p {PROSE}", f"p {line}"]


# Line breaks


def test_line_breaks_of_an_editor_are_joined_and_those_of_the_author_stay() -> None:
    wrapped = (
        "The quick brown fox jumps over the lazy dog and then it goes on to\n"
        "jump over some more lazy dogs until at last all of them are well-\n"
        "known to it, and pre-\nand postnatal dogs are no exception to that.\n"
        "\n* an item that is long enough to be wrapped by the editor onto the\n"
        "next line, without any indentation\n* last one\n"
        "\nRoses are red\nViolets are blue"
    )

    assert outline(wrapped) == [
        "p The quick brown fox jumps over the lazy dog and then it goes on to jump over some more lazy dogs until at "
        "last all of them are well-known to it, and pre- and postnatal dogs are no exception to that.",
        "*",
        "    p an item that is long enough to be wrapped by the editor onto the next line, without any indentation",
        "*",
        "    p last one",
        "p Roses are red⏎Violets are blue",
    ]


def test_line_breaks_in_short_lines_stay() -> None:
    assert outline("Roses are red\nViolets are blue") == ["p Roses are red⏎Violets are blue"]


def test_line_breaks_in_long_lines_that_are_not_full_stay() -> None:
    lines = [
        "Of all that grows in gardens when the summer is at its very height",
        "The climbing bean is what I like the best",
        "It takes the pole I give it, and it asks for nothing but the light",
        "And does not even mind the heat",
        "Or crowds of other beans that want to rest",
        "A little higher up",
    ]

    assert outline("\n".join(lines)) == [f"p {'⏎'.join(lines)}"]


def test_a_text_without_empty_lines_has_a_paragraph_on_each_line() -> None:
    long = LONG.strip()
    manuscript = parse(f"Title\nFirst Part\n{long}\n{long}\nSecond Part\n{long}\nTags: a, b")

    assert list(outline_of_blocks(manuscript.body)) == [
        "h2 First Part",
        f"p {long}",
        f"p {long}",
        "h2 Second Part",
        f"p {long}",
    ]
    assert manuscript.warnings == (
        "there are no empty lines between paragraphs, so every line was read as a paragraph",
    )


def test_a_text_without_empty_lines_has_numbered_headings_too() -> None:
    long = LONG.strip()
    kinds = [line[:7] for line in outline(f"1. Dig\n{long}\n2. Sow\n{long}\n3. Reap\n{long}")]

    assert kinds == ["h2 1. D", "p A par", "h2 2. S", "p A par", "h2 3. R", "p A par"]


@pytest.mark.parametrize("below", ["• one\n• two", "1. one\n2. two"])
def test_a_long_line_directly_above_its_list_does_not_decide_about_line_breaks(below: str) -> None:
    manuscript = parse(f"Title\n\n{LONG.strip()[:-1]}:\n{below}\n\nRoses are red\nViolets are blue\n\nTags: a")

    assert manuscript.warnings == ()
    assert list(outline_of_blocks(manuscript.body))[-1] == "p Roses are red⏎Violets are blue"


# Everything else


def test_nothing_in_a_plain_text_is_markup() -> None:
    text = "Stars *stay*, so do _underscores_, `ticks`, <b>tags</b>, [brackets](x) and &amp;."

    assert outline(text) == [f"p {text}"]


def test_bare_urls_become_links() -> None:
    body = parse("T\n\nSee www.a.example, (https://b.example/x_(y)), and\nhttp://c.example/d_e_f.").body

    assert links_of(body) == ["https://www.a.example", "https://b.example/x_(y)", "http://c.example/d_e_f"]


def test_rules_are_dividers_between_parts() -> None:
    assert outline(f"{PROSE}\n\n* * *\n\n{PROSE}\n\n______") == [f"p {PROSE}", "divider", f"p {PROSE}", "divider"]


@pytest.mark.parametrize(
    "end", ["a, b, c, d, e, f", "Tags: a, b", "Tags:\n\na, b", "---\n\n#a #b\n\n---", "# a, b, c, d, e, f"]
)
def test_tags_at_the_end_are_not_in_the_body(end: str) -> None:
    manuscript = parse(f"Title\n\n{PROSE}\n\n{end}")

    assert [tag.label for tag in manuscript.tags][:2] == ["a", "b"]
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]


def test_labelled_tags_may_follow_the_last_line() -> None:
    manuscript = parse(f"Title\n\n{PROSE}\nTags: a, b")

    assert [tag.label for tag in manuscript.tags] == ["a", "b"]
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]


def test_a_list_of_words_in_the_middle_is_text() -> None:
    assert outline(f"a, b, c, d, e, f\n\n{PROSE}") == ["p a, b, c, d, e, f", f"p {PROSE}"]


def test_a_text_that_is_only_a_list_of_words_has_no_tags() -> None:
    assert outline("a, b, c, d, e, f") == ["p a, b, c, d, e, f"]


def test_tags_of_front_matter_precede_those_of_the_text() -> None:
    tags = parse(f"---\ntags: [z, b]\n---\nTitle\n\n{PROSE}\n\na, b, c, d, e, f").tags

    assert [tag.label for tag in tags] == ["z", "b", "a", "c", "d", "e", "f"]


def test_a_text_without_tags_gives_a_warning() -> None:
    assert parse(f"Title\n\n{PROSE}").warnings == (
        "there are no tags: end the text with a line of them, or list them in front matter",
    )


# Size

_SHAPES = {
    "prose": f"{PROSE}\n\n",
    "one line": "word ",
    "bullets": "• a\n",
    "spaced bullets": "• a\n\n",
    "numbers": "1. a\n",
    "one long item": "  more\n",
    "headings": "Head\n\n",
    "rules": "---\n\n",
    "stairs": "".join(f"{' ' * depth}- a\n" for depth in range(40)),
    "commas": "a, ",
    "addresses": "https://a.example/x(y). ",
    "hashes": "# a #### ",
    "quotes": "\"'” ",
}


@pytest.mark.parametrize("shape", _SHAPES)
def test_work_grows_no_faster_than_the_text(shape: str) -> None:
    def work(size: int) -> int:
        unit = _SHAPES[shape]
        return _count_calls(lambda: parse("Title\n\n• a\n" + unit * (size // len(unit))))

    work(100)  # the first call in a process also compiles patterns
    assert work(20_000) < 5 * work(5_000)


def test_a_megabyte_is_read() -> None:
    text = f"Section\n\n{PROSE}\n{PROSE}\n\n  • one\n  • two\n\n1. Part\n\n{PROSE}\n\n"
    manuscript = parse("Title\n\n" + text * (1_000_000 // len(text)))

    assert len(manuscript.body) > 20_000


def _count_calls(do: Callable[[], object]) -> int:
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
    return calls
