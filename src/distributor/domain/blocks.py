"""The body of an article: typed blocks that hold inline runs. Every renderer reads these and nothing else.

A run's text is literal: no markup is hidden in it. A newline inside a run is a hard line break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias


class Mark(StrEnum):
    """The formatting of a run of text."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    CODE = "code"
    STRIKE = "strike"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text with the same marks and the same link target."""

    text: str
    marks: frozenset[Mark] = frozenset()
    href: str | None = None


Runs: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside the body. Level 2 is a section; the title of the article is level 1 and never in the body."""

    level: int
    runs: Runs


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: Runs


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item: usually a single paragraph, then perhaps nested lists or more blocks."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class List:
    items: tuple[ListItem, ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """An image on a line of its own. An empty `alt` means that it is decorative."""

    src: str
    alt: str = ""
    caption: Runs = ()


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    language: str = ""


class Alignment(StrEnum):
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; every row has as many cells as the header, and `alignments` as many entries."""

    header: tuple[Runs, ...]
    rows: tuple[tuple[Runs, ...], ...]
    alignments: tuple[Alignment, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    pass


Block: TypeAlias = Heading | Paragraph | List | Quote | Image | Code | Table | Divider


def text_of(runs: Iterable[Run]) -> str:
    """The text of the runs without formatting."""
    return "".join(run.text for run in runs)


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Every block in reading order, those inside lists and quotes too."""
    for block in blocks:
        yield block
        match block:
            case List(items=items):
                for item in items:
                    yield from walk(item.blocks)
            case Quote(blocks=inner):
                yield from walk(inner)


def runs_of(block: Block) -> Iterator[Runs]:
    """The runs that a block itself holds, without those of blocks inside it."""
    match block:
        case Heading(runs=runs) | Paragraph(runs=runs) | Image(caption=runs):
            yield runs
        case Table(header=header, rows=rows):
            yield from header
            for row in rows:
                yield from row
        case _:
            pass


def plain_text(blocks: Sequence[Block]) -> str:
    """The text of all blocks without formatting, one line per block or cell."""
    lines: list[str] = []
    for block in walk(blocks):
        lines.extend(text_of(runs) for runs in runs_of(block))
        if isinstance(block, Code):
            lines.append(block.text)
    return "\n".join(line for line in lines if line)


def links_of(blocks: Sequence[Block]) -> list[str]:
    """The link targets in reading order, each once."""
    found: dict[str, None] = {}
    for block in walk(blocks):
        for runs in runs_of(block):
            for run in runs:
                if run.href:
                    found.setdefault(run.href)
    return list(found)


def replace_images(blocks: Sequence[Block], change: Callable[[Image], Image]) -> tuple[Block, ...]:
    """The same blocks with every image changed, those inside lists and quotes too."""

    def changed(block: Block) -> Block:
        match block:
            case Image():
                return change(block)
            case Quote(blocks=inner):
                return Quote(replace_images(inner, change))
            case List(items=items):
                return replace(block, items=tuple(ListItem(replace_images(one.blocks, change)) for one in items))
            case _:
                return block

    return tuple(changed(block) for block in blocks)
