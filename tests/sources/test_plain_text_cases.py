"""The plain texts of `shared/data/cases/txt`: what is about a text becomes its metadata, and no word of it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from distributor.domain.blocks import Heading, plain_text
from distributor.sources.formats import read_manuscript
from tests.paths import SHARED

CASES = SHARED / "data" / "cases" / "txt"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/data/cases/txt")

IDA = "Ida Crane"
ROPES = ("rope work", "splicing", "seamanship", "three-strand rope")
WALKS = ("walks", "winter", "dike life")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a text is read as; `summary` is how that begins, `shown` is some text that stays in the body."""

    title: str
    summary: str
    tags: tuple[str, ...] = ()
    author: str = ""
    day: date | None = None
    headings: tuple[str, ...] = ()
    shown: str = ""


EXPECTED = {
    "t02_tags_lines": Case(
        title="How to Splice a Line", author=IDA, day=date(2026, 5, 4), tags=ROPES, summary="A splice is stronger"
    ),
    "t03_semicolon_tags": Case(
        title="How to Splice a Line", tags=(*ROPES, "knots", "knives", "tape"), summary="A splice is stronger"
    ),
    "t05_hardwrap72": Case(
        title="The slow return of the wooden boat",
        tags=("wooden boats", "repair", "yards"),
        summary="Ten years ago you could count",
        headings=("1. WHAT IT COSTS", "2. WHERE TO LEARN", "About the author"),
        shown="She lives at the coast.",
    ),
    "t06_crlf_tabs": Case(
        title="Minutes of the harbour meeting",
        summary="The chair opened the meeting",
        headings=("Decisions",),
        shown="Clerk",
    ),
    "t09_numbered_sections": Case(
        title="A Plan for the Quay",
        summary="The quay is old.",
        headings=(
            "1 Introduction",
            "1.1 History",
            "1.2 State today",
            "2 What to do",
            "2.1 Short term",
            "IV. COSTS",
            "A. Materials",
        ),
    ),
    "t10_bullets": Case(title="What to pack for a week at sea", summary="Clothes:", shown="one of them wool"),
    "t11_allcaps": Case(
        title="THE LAST FERRY",
        summary="The last ferry of the season",
        headings=("IT LEFT AT NINE", "WHY IT ENDS", "WHAT COMES NEXT?"),
    ),
    "t12_underlined": Case(
        title="The Last Ferry",
        summary="Fuel has become dear",
        headings=("Why it ends", "What comes next"),
        shown="Harbour Notes",
    ),
    "t13_email_like": Case(
        title="The rope walk opens", author=IDA, day=date(2026, 5, 4), summary="the rope walk opens on Saturday"
    ),
    "t14_meta": Case(
        title="The rope walk opens",
        author=IDA,
        day=date(2026, 5, 4),
        tags=("museum", "rope"),
        summary="It opens on Saturday.",
    ),
    "t15_footer": Case(
        title="Tide tables explained",
        tags=("tides", "tables", "sea"),
        summary="A tide table says when",
        shown="© 2026 Harbour Notes.",
    ),
    "t16_hashtag_each_line": Case(
        title="A walk along the dike", tags=("walks", "winter", "dike"), summary="It was cold and bright"
    ),
    "t17_tags_bullets": Case(title="A walk along the dike", tags=WALKS, summary="It was cold and bright"),
    "t18_tags_top": Case(title="A walk along the dike", tags=WALKS, summary="It was cold and bright"),
    "t19_de_schlag": Case(
        title="Ein Gang am Deich", tags=("Deich", "Winter", "Spaziergang", "Tee"), summary="Es war kalt und hell"
    ),
    "t20_pipe_tags": Case(title="A walk along the dike", tags=WALKS, summary="It was cold and bright"),
}


@pytest.mark.parametrize(("name", "case"), EXPECTED.items(), ids=EXPECTED)
def test_a_text_is_read_as_it_is_meant(name: str, case: Case) -> None:
    found = read_manuscript(CASES / f"{name}.txt")
    assert (found.title, found.author) == (case.title, case.author)
    assert (found.published_at and found.published_at.date()) == case.day
    assert tuple(tag.label for tag in found.tags) == case.tags
    assert found.summary.startswith(case.summary)
    headings = [plain_text((block,)) for block in found.body if isinstance(block, Heading)]
    assert tuple(headings) == case.headings
    assert case.shown in plain_text(found.body)


def test_every_text_has_its_right_reading_here() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == set(EXPECTED)
