"""A manuscript as an outline that is readable in a diff, and golden files of outlines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Code, Divider, Heading, Image, List, Paragraph, Quote, Run, Runs, Table

_FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, manuscript: Manuscript) -> None:
    """The outline equals the golden file. UPDATE_GOLDEN=1 rewrites the file; check the diff."""
    file, outline = _FOLDER / name, outline_of(manuscript)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(outline, encoding="utf-8")
    assert outline == file.read_text(encoding="utf-8")


def outline_of(manuscript: Manuscript) -> str:
    lines = [
        f"title: {manuscript.title}",
        f"summary: {manuscript.summary}",
        f"author: {manuscript.author}",
        f"language: {manuscript.language}",
        f"slug: {manuscript.slug}",
        f"published: {manuscript.published_at}",
        f"image: {manuscript.image.src} ({manuscript.image.alt})" if manuscript.image else "image: none",
        *(f"tag: {' = '.join((tag.label, *tag.synonyms))}" for tag in manuscript.tags),
        *(f"warning: {warning}" for warning in manuscript.warnings),
        "",
        *outline_of_blocks(manuscript.body),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def outline_of_blocks(blocks: Sequence[Block]) -> Iterator[str]:
    """One line for each block, those inside lists and quotes indented below it."""
    for block in blocks:
        match block:
            case Heading(level=level, runs=runs):
                yield f"h{level} {_spell(runs)}"
            case Paragraph(runs=runs):
                yield f"p {_spell(runs)}"
            case List(items=items):
                for number, item in enumerate(items, block.start):
                    yield f"{number}." if block.ordered else "*"
                    yield from _indented(outline_of_blocks(item.blocks))
            case Quote(blocks=inner):
                yield "quote"
                yield from _indented(outline_of_blocks(inner))
            case Image(src=src, alt=alt, caption=caption):
                yield f"image {src} ({alt}) {_spell(caption)}".rstrip()
            case Code(text=text, language=language):
                yield f"code {language}".rstrip()
                yield from _indented(iter(text.split("\n")))
            case Table():
                yield f"table {' '.join(block.alignments)}"
                yield from _indented(" | ".join(map(_spell, row)) for row in (block.header, *block.rows))
            case Divider():
                yield "divider"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in lines)


def _spell(runs: Runs) -> str:
    return "".join(map(_spell_run, runs))


def _spell_run(run: Run) -> str:
    if run.image is not None:
        return f"({run.image.src}: {run.text}{f' → {run.href}' if run.href else ''})"
    text = run.text.replace("\n", "⏎")
    marks = " ".join(sorted(run.marks))
    target = f" → {run.href}" if run.href else ""
    return f"[{marks}: {text}{target}]".replace("[: ", "[") if marks or target else text
