from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import links_of, plain_text
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


# Author, date, tags and other lines above and below the text


@pytest.mark.parametrize(
    "head",
    [
        "A Title\nBy Ida Crane\nMay 4, 2026",
        "A Title\n\nBy Ida Crane, 4 May 2026",
        "4 May 2026\n\nBy Ida Crane\n\nA Title",
        "A Title\n\nIda Crane | 2026-05-04",
        "A Title\nAuthor: Ida Crane <ida@a.example>\nDate: 2026-05-04",
        "Date: 2026-05-04\n\nTitle: A Title\n\nAuthor: Ida Crane",
        "Titel: A Title\nAutorin: Ida Crane\nDatum: 4. Mai 2026",
        "De : Ida Crane\nObjet : A Title\nDate : 4 mai 2026",
        "From: Ida Crane <ida@a.example>\nReceived: one\nReceived: two\nDate: 4 May 2026\nSubject: A Title",
        "A Title\n\nHamburg, 4 May 2026\n\nVon Ida Crane",
        # A day with a dot looks like the number of an item.
        "A Title\nVon Ida Crane\n4. Mai 2026",
        "A Title\n\n4. maj 2026 kl. 10.00\n\nAf Ida Crane",
        "A Title\nAv Ida Crane\n4. mai 2026",
        "A Title\nAutor: Ida Crane\n4. května 2026",
        "A Title\nKirjoittanut Ida Crane\n4. toukokuuta 2026 klo 10.00",
    ],
)
def test_lines_about_the_author_and_the_date_are_not_in_the_text(head: str) -> None:
    manuscript = parse(f"{head}\n\n{PROSE}")

    assert (manuscript.title, manuscript.author) == ("A Title", "Ida Crane")
    assert manuscript.published_at is not None
    assert manuscript.published_at.date().isoformat() == "2026-05-04"
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]
    assert manuscript.summary == PROSE


def test_author_and_tags_may_stand_at_the_end() -> None:
    manuscript = parse(f"A Title\n\n{PROSE}\n\nTags: a, b\nAuthor: Ida Crane")

    assert (manuscript.author, [tag.label for tag in manuscript.tags]) == ("Ida Crane", ["a", "b"])
    assert outline(f"{PROSE}\n\n4. Mai 2026") == [f"p {PROSE}"]
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]


@pytest.mark.parametrize(
    "heads", [("By Train", "By Bus"), ("Von Berlin", "Nach Bonn"), ("By Night Train", "By Slow Bus")]
)
def test_a_heading_that_begins_like_a_byline_names_no_author(heads: tuple[str, str]) -> None:
    manuscript = parse(f"A Title\n\n{heads[0]}\n\n{PROSE}\n\n{heads[1]}\n\n{PROSE}\n\nBy Foot")

    assert manuscript.author == ""
    assert list(outline_of_blocks(manuscript.body)) == [
        f"h2 {heads[0]}", f"p {PROSE}", f"h2 {heads[1]}", f"p {PROSE}", "p By Foot",
    ]  # fmt: skip


def test_an_author_that_only_by_tells_is_named_where_it_is_not_below_the_title() -> None:
    assert parse(f"A Title\n\n{PROSE}\n\nBy Night Train").warnings[0] == "left out: By Night Train"
    assert parse(f"A Title\nBy Ida\n4 May 2026\n\n{PROSE}").author == "Ida"


@pytest.mark.parametrize(
    "head", ["By Ida Crane\nStaff writer", "By Ida Crane\n\nStaff writer", "4 May 2026\nIda Crane"]
)
def test_a_name_or_a_role_directly_below_a_byline_is_no_heading(head: str) -> None:
    assert outline(f"{head}\n\n{PROSE}") == [f"p {head.splitlines()[-1]}", f"p {PROSE}"]
    assert outline(f"By Ida Crane\n\nEarly Days\n\n{PROSE}") == ["h2 Early Days", f"p {PROSE}"]


@pytest.mark.parametrize(
    ("line", "is_taken"), [("Time: 10:00\nPlace: Hall", False), ("Author: Ida Crane\nPhoto: Bo Li\n---", True)]
)
def test_the_date_of_an_event_is_not_that_of_the_article(line: str, is_taken: bool) -> None:
    assert (parse(f"A Title\n\nDate: 5 May 2026\n{line}\n\n{PROSE}").published_at is not None) is is_taken


def test_front_matter_decides_over_lines_of_the_text() -> None:
    manuscript = parse(f"---\nauthor: Bo Li\n---\nA Title\n\nBy Ida Crane\n\n{PROSE}")

    assert manuscript.author == "Bo Li"


@pytest.mark.parametrize(
    "line", ["By the sea", "Date: soon", "Von der Kunst, nichts zu tun", "13/14/2026", "From: 9 to 5"]
)
def test_a_line_that_says_something_else_stays_in_the_text(line: str) -> None:
    manuscript = parse(f"A Title\n\n{line}\n\n{PROSE}")

    assert line in plain_text(manuscript.body)
    assert (manuscript.author, manuscript.published_at) == ("", None)


def test_a_first_line_that_could_be_a_byline_is_the_title_where_there_is_no_other() -> None:
    assert parse(f"By Any Means\n\n{PROSE}").title == "By Any Means"
    assert parse(f"May 4, 2026\n\n{PROSE}").title == "May 4, 2026"
    assert parse(f"Minutes, 4 May 2026\n\nPresent: Ida\nAbsent: Bo\n\n{PROSE}").title == "Minutes, 4 May 2026"


def test_what_is_for_the_press_is_left_out_and_named() -> None:
    manuscript = parse(
        "FOR IMMEDIATE RELEASE\n\nMedia contact:\nIda Crane\n+49 40 123456\n\nA Title\n\n"
        f"HAMBURG, May 4, 2026 — {PROSE}\n\n###\n\nAbout us\n\nWe are a magazine.\n\nContact: a@b.example\n\n- ENDS -"
    )

    assert manuscript.title == "A Title"
    assert list(outline_of_blocks(manuscript.body)) == [
        f"p HAMBURG, May 4, 2026 — {PROSE}", "divider", "h2 About us", "p We are a magazine.",
    ]  # fmt: skip
    assert manuscript.summary == PROSE
    assert manuscript.published_at is not None
    assert manuscript.warnings[0] == (
        "left out: FOR IMMEDIATE RELEASE; Media contact:; Ida Crane; +49 40 123456; Contact: a@b.example"
    )


@pytest.mark.parametrize(
    "notice",
    [
        "PRESS RELEASE",
        "Press release no. 12/2026",
        "Pressemitteilung",
        "COMMUNIQUÉ DE PRESSE – POUR DIFFUSION IMMÉDIATE",
        "*** Nota de prensa ***",
        "Comunicato stampa",
        "Persbericht",
    ],
)
def test_a_notice_of_a_release_is_not_the_title(notice: str) -> None:
    manuscript = parse(f"{notice}\n\nA Title\n\n{PROSE}")

    assert (manuscript.title, list(outline_of_blocks(manuscript.body))) == ("A Title", [f"p {PROSE}"])


@pytest.mark.parametrize(
    "mark", ["###", "# # #", "-30-", "– 30 –", "ENDS", "(Ende)", "*** FIN ***", "* * *", "■", "ENDE"]
)
def test_an_end_mark_is_left_out(mark: str) -> None:
    assert outline(f"{PROSE}\n\n{mark}") == [f"p {PROSE}"]


@pytest.mark.parametrize("title", ["FIN", "ENDE", "Contact", "Press office"])
def test_a_title_is_no_notice(title: str) -> None:
    manuscript = parse(f"{title}\n\n{PROSE}\n\n{PROSE}")

    assert (manuscript.title, list(outline_of_blocks(manuscript.body))) == (title, [f"p {PROSE}"] * 2)


def test_a_contact_without_contact_data_stays_in_a_release() -> None:
    film = parse(f"Contact\n\nPress release\n\nContact: the film that changed us\n\n{PROSE}")
    assert film.title == "Contact"
    assert "Contact: the film that changed us" in plain_text(film.body)

    release = f"Press release\n\nA Title\n\n{PROSE}\n\nContact\n\n"
    assert list(outline_of_blocks(parse(release + PROSE).body)) == [f"p {PROSE}", "h2 Contact", f"p {PROSE}"]
    assert list(outline_of_blocks(parse(release + "Ida Crane, a@b.example").body)) == [f"p {PROSE}"]


def test_the_end_of_an_embargo_is_the_date_of_the_article() -> None:
    manuscript = parse(f"Sperrfrist: 4. Mai 2027, 9 Uhr\n\nA Title\n\nVon Ida Kran, 3. Mai 2027\n\n{PROSE}")

    assert manuscript.published_at is not None
    assert manuscript.published_at.isoformat() == "2027-05-04T09:00:00+00:00"
    assert manuscript.publish is None


def test_an_embargo_without_an_end_keeps_the_article_a_draft() -> None:
    manuscript = parse(f"UNDER EMBARGO\n\nA Title\n\n{PROSE}")

    assert manuscript.publish is False
    assert any("embargo" in warning for warning in manuscript.warnings)
    assert parse(f"Embargo: a history\n\n{PROSE}").title == "Embargo: a history"


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


def test_sections_are_numbered_in_every_way_and_nested_by_their_numbers() -> None:
    text = (
        "1 Quay\n\n1.1 History\n\nOld.\n\n2 Work\n\n2.1 Soon\n\nNow.\n\n"
        "IV. COSTS\n\nA. Stone\n\nDear.\n\nB. Lime\n\nToo."
    )
    heads = [line for line in outline(text) if line.startswith("h")]

    assert heads == [
        "h2 1 Quay",
        "h3 1.1 History",
        "h2 2 Work",
        "h3 2.1 Soon",
        "h2 IV. COSTS",
        "h3 A. Stone",
        "h3 B. Lime",
    ]


def test_underlines_of_any_kind_make_headings_whose_levels_follow_the_signs() -> None:
    text = f"One\n===\n\n{PROSE}\n\nTwo\n~~~~~\n\n{PROSE}\n\n*****\nThree\n*****\n\n{PROSE}\n\n== Four ==\n\n{PROSE}"

    assert outline(text)[::2] == ["h2 One", "h3 Two", "h3 Three", "h2 Four"]
    assert outline(f"Why it ends\n~~~~~~~~~~~\n\n{PROSE}\n\nWhat next\n---------\n\n{PROSE}")[::2] == [
        "h2 Why it ends",
        "h2 What next",
    ]


@pytest.mark.parametrize("line", ["WHY IT ENDS", "2.1 Why it ends", "II. Why it ends"])
def test_capitals_or_a_number_make_a_heading_directly_above_its_text(line: str) -> None:
    assert outline(f"{PROSE}\n\n{line}\n{PROSE}")[1:] == [f"h{3 if line[0] == '2' else 2} {line}", f"p {PROSE}"]


def test_numbered_parts_may_follow_one_another_without_empty_lines() -> None:
    assert outline(f"1. Dig\n{PROSE}\n2. Sow\n{PROSE}")[::2] == ["h2 1. Dig", "h2 2. Sow"]
    assert outline(f"{PROSE}\n\nStep 1: Dig\n{PROSE}")[1:] == ["h2 Step 1: Dig", f"p {PROSE}"]


@pytest.mark.parametrize("block", ["NASA OFFICE\n1 Quay Street\n12345 Saltmarsh", "Roses are red\nViolets are blue."])
def test_the_first_line_of_an_address_or_of_verse_is_no_heading(block: str) -> None:
    assert outline(f"{PROSE}\n\n{block}")[1:] == [f"p {block.replace(chr(10), '⏎')}"]


def test_a_single_numbered_sentence_is_a_paragraph_that_keeps_its_number() -> None:
    text = f"1. Dig, and do not stop.\n\n{PROSE}\n\n12. November was cold."

    assert outline(text) == ["p 1. Dig, and do not stop.", f"p {PROSE}", "p 12. November was cold."]


# Lists


@pytest.mark.parametrize("bullet", [*"•‣◦▪●–—-*+·→■✓", "->"])
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


@pytest.mark.parametrize(
    "text",
    [
        "1) a\n2) b",
        "(1) a\n(2) b",
        "① a\n② b",
        "a) a\nb) b",
        "(a) a\n(b) b",
        "A. a\nB. b",
        "i. a\nii. b",
        "(I) a\n(II) b",
        "1、a\n2、b",
    ],
)
def test_numbers_and_letters_of_every_kind_make_a_list(text: str) -> None:
    assert outline(f"Buy:\n{text}")[1:] == ["1.", "    p a", "2.", "    p b"]


def test_items_without_indents_are_nested_where_the_outer_list_goes_on() -> None:
    assert outline("1. a\na) b\nb) c\n2. d\n- e\n3. f") == [
        "1.", "    p a", "    1.", "        p b", "    2.", "        p c",
        "2.", "    p d", "    *", "        p e", "3.", "    p f",
    ]  # fmt: skip


def test_items_with_more_than_one_number_keep_them() -> None:
    assert outline("1. Quay\n2. Crane\n   2.1 Chain\n   2.2 Hook\n3. Fee")[2:] == [
        "2.", "    p Crane", "    *", "        p 2.1 Chain", "    *", "        p 2.2 Hook", "3.", "    p Fee",
    ]  # fmt: skip


def test_letters_go_on_where_roman_numerals_could_begin() -> None:
    letters = [f"{letter}) {letter}" for letter in "abcdefghij"]

    assert outline("Buy:\n" + "\n".join(letters))[1::2] == [f"{number}." for number in range(1, 11)]


@pytest.mark.parametrize("line", ["A. Lincoln came at nine.", "I. think not", "o rato roeu a rolha.", "+49 40 123456"])
def test_a_single_letter_or_sign_before_words_is_no_marker(line: str) -> None:
    assert outline(f"{PROSE}\n\n{line}")[1:] == [f"p {line}"]


def test_what_is_ticked_and_what_is_crossed_can_still_be_told_apart() -> None:
    assert outline("✓ cheap\n✓ safe")[1::2] == ["    p cheap", "    p safe"]
    assert outline("✓ cheap\n✗ slow")[1::2] == ["    p ✓ cheap", "    p ✗ slow"]
    assert outline("[x] done\n[ ] open")[1::2] == ["    p ☑ done", "    p ☐ open"]
    assert outline("- [x] done\n- [ ] open")[1::2] == ["    p ☑ done", "    p ☐ open"]


# Tables and quotes


def test_lines_with_the_same_number_of_tabs_are_a_table_with_a_header() -> None:
    assert outline("Name\tRole\tSince\nIda\tChair\t2019\nBo\tClerk") == [
        "table left left left", "    Name | Role | Since", "    Ida | Chair | 2019", "    Bo | Clerk |",
    ]  # fmt: skip
    assert outline("Name\t\tRole\nAlexandra\tChair")[1:] == ["    Name | Role", "    Alexandra | Chair"]


@pytest.mark.parametrize("text", ["Phone:\t040 12\nMail:\ta@b.example", "one\ttwo", "a\tb\tc\nd\te\tf\tg"])
def test_contact_data_and_uneven_lines_are_no_table(text: str) -> None:
    assert outline(text) == [f"p {text.replace(chr(9), ' ').replace(chr(10), '⏎')}"]


def test_lines_that_a_mail_program_marked_are_a_quote() -> None:
    assert outline("> When?\n> > Where?\n>\n> Why?\nAt nine.") == [
        "quote", "    p When?⏎Where?", "    p Why?", "p At nine.",
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


def test_short_lines_stay_apart_however_many_of_them_a_wrapped_text_has() -> None:
    wrapped = (
        "The quay was old when I was young, and what I know of it I was told\n"
        "by those who had worked there all their lives."
    )
    verse = ["roses are red", "violets are blue", "the quay is old", "and so are you", "Ida Crane", "1 Quay Street"]

    assert outline(f"{wrapped}\n\n" + "\n".join(verse * 4)) == [
        f"p {wrapped.replace(chr(10), ' ')}",
        f"p {'⏎'.join(verse * 4)}",
    ]


def test_an_indent_begins_a_paragraph_of_a_wrapped_text() -> None:
    wrapped = (
        "   The quay was old when I was young, and what I know of it I was told\n"
        "by those who had worked there all their lives, and who are gone now."
    )

    assert outline(f"{wrapped}\n{wrapped}") == [f"p {' '.join(wrapped.split())}"] * 2


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
    assert outline(f"{PROSE}\n\n* * *\n\n{PROSE}\n\n______") == [f"p {PROSE}", "divider", f"p {PROSE}"]


@pytest.mark.parametrize(
    "end",
    [
        "a, b, c, d, e, f",
        "a; b; c; d; e; f",
        "a | b | c | d | e | f",
        "Tags: a, b",
        "Tags: a | b",
        "[Tags: a · b]",
        "Tags:\n\na, b",
        "Tags:\n- a\n- b",
        "Keywords\n\n• a\n• b",
        "KEYWORDS:\na\nb",
        "Schlagworte: a; b",
        "Mots-clés : a, b",
        "Palabras clave: «a», «b»",
        "Parole chiave – a, b",
        "Trefwoorden: a / b",
        "Ключевые слова: a, b.",
        "标签：a、b",
        "Tags: a, b\n\n* * *",
        "---\n\n#a #b\n\n---",
        "#a\n#b",
        "- #a\n- #b",
        "# a, b, c, d, e, f",
    ],
)
def test_tags_at_the_end_are_not_in_the_body(end: str) -> None:
    manuscript = parse(f"Title\n\n{PROSE}\n\n{end}")

    assert [tag.label for tag in manuscript.tags][:2] == ["a", "b"]
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"]


@pytest.mark.parametrize("tags", ["Tags: a, b", "#a #b", "Keywords:\na\nb", "Schlagwörter:\n\n- a\n- b"])
def test_tags_may_stand_above_the_text(tags: str) -> None:
    manuscript = parse(f"Title\n{tags}\n\n{PROSE}\n\n{PROSE}")

    assert [tag.label for tag in manuscript.tags] == ["a", "b"]
    assert list(outline_of_blocks(manuscript.body)) == [f"p {PROSE}"] * 2


def test_tags_may_stand_above_a_footer() -> None:
    footer = "About the author: Ida Crane sails.\n\n© 2026 Harbour Notes"
    manuscript = parse(f"Title\n\n{PROSE}\n\nTags: a, b\n\n{footer}")

    assert [tag.label for tag in manuscript.tags] == ["a", "b"]
    assert "Tags" not in plain_text(manuscript.body)
    assert plain_text(manuscript.body).endswith("© 2026 Harbour Notes")


@pytest.mark.parametrize("line", ["Topic: the sea", "Tags: this is how you write them in a text", "Topics"])
def test_a_line_that_only_begins_like_tags_stays_in_the_text(line: str) -> None:
    assert line in plain_text(parse(f"Title\n\n{PROSE}\n\n{line}\n\n{PROSE}\n\n{PROSE}").body)


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
