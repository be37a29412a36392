"""The articles that come with the project, and the one it is accepted with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from distributor.domain.blocks import Alignment, Code, Heading, Image, List, Mark, Quote, Table, links_of, runs_of, walk
from distributor.sources import read_manuscript
from distributor.sources.decoding import normalize_text
from tests.paths import ROOT

from .outline import assert_golden
from .words import words_in, words_of

_CONTENT = ROOT / "content"
_SAMPLES = sorted(path.name for path in _CONTENT.iterdir() if path.is_file())


@pytest.mark.parametrize("name", _SAMPLES)
def test_a_sample_article_is_read_as_its_golden_outline(name: str) -> None:
    assert_golden(f"{name}.outline", read_manuscript(_CONTENT / name))


def test_the_golden_article_holds_every_kind_of_block_and_the_common_marks() -> None:
    body = read_manuscript(_CONTENT / "golden.md").body
    blocks = list(walk(body))
    runs = [run for block in blocks for each in runs_of(block) for run in each]

    assert {type(block).__name__ for block in blocks} == {
        "Heading", "Paragraph", "List", "Quote", "Image", "Code", "Table", "Divider",
    }  # fmt: skip
    assert {block.level for block in blocks if isinstance(block, Heading)} == {2, 3, 4}
    assert frozenset({Mark.STRONG, Mark.EMPHASIS, Mark.STRIKE, Mark.CODE}) in {run.marks for run in runs}
    assert {block.start for block in blocks if isinstance(block, List) and block.ordered} == {3}
    assert any(not block.alt for block in blocks if isinstance(block, Image))
    assert any(block.alt and block.caption for block in blocks if isinstance(block, Image))
    assert [set(block.alignments) for block in blocks if isinstance(block, Table)] == [set(Alignment)]
    assert [type(inner).__name__ for quote in blocks if isinstance(quote, Quote) for inner in quote.blocks] == [
        "Paragraph", "Paragraph", "List",
    ]  # fmt: skip
    assert all(sign in block.text for block in blocks if isinstance(block, Code) for sign in "<&`")
    assert any("\n" in run.text for run in runs)


def test_the_images_of_the_samples_are_beside_them() -> None:
    for name in _SAMPLES:
        manuscript = read_manuscript(_CONTENT / name)
        sources = [block.src for block in walk(manuscript.body) if isinstance(block, Image)]
        for src in [*sources, *([manuscript.image.src] if manuscript.image else [])]:
            assert (_CONTENT / src).stat().st_size < 20_000


def test_the_acceptance_article_keeps_its_structure(acceptance_article: Path) -> None:
    manuscript = read_manuscript(acceptance_article)
    blocks = list(walk(manuscript.body))

    assert manuscript.title == "Stem Cell Therapy for Autoimmune Diseases: A New Hope for Healing"
    assert [(block.level, block.runs[0].text) for block in blocks if isinstance(block, Heading)] == [
        (2, "Understanding Stem Cells and Autoimmune Disorders"),
        (2, "How Stem Cell Therapy Works for Autoimmune Diseases"),
        (3, "1. Hematopoietic Stem Cell Transplantation (HSCT)"),
        (3, "2. Mesenchymal Stem Cell Therapy (MSC)"),
        (2, "What the Research Says"),
        (2, "Risks and Challenges"),
        (2, "A Glimpse into the Future"),
    ]
    assert [len(block.items) for block in blocks if isinstance(block, List)] == [2, 7, 5, 4, 5]
    assert not any(block.ordered for block in blocks if isinstance(block, List))
    assert links_of(manuscript.body) == ["https://www.nestfact.com"]
    assert manuscript.warnings == ()


def test_the_tags_of_the_acceptance_article_are_its_last_line(acceptance_article: Path) -> None:
    last_line = acceptance_article.read_text(encoding="utf-8").splitlines()[-1]
    manuscript = read_manuscript(acceptance_article)

    assert len(manuscript.tags) == 30
    assert [tag.label for tag in manuscript.tags] == last_line.split(", ")


def test_no_word_of_the_acceptance_article_is_lost_or_doubled(acceptance_article: Path) -> None:
    written: Counter[str] = words_in(normalize_text(acceptance_article.read_text(encoding="utf-8")))

    assert words_of(read_manuscript(acceptance_article)) == written
