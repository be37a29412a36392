"""The body of an article: typed blocks that hold inline runs. Every renderer reads these and nothing else.

A run's text is literal: no markup is hidden in it. A newline inside a run is a hard line break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TypeAlias


class Mark(StrEnum):
    """The formatting of a run of text."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    CODE = "code"
    STRIKE = "strike"
    HIGHLIGHT = "highlight"
    SUPERSCRIPT = "superscript"
    SUBSCRIPT = "subscript"
    # The number of a note at the end of the article, which it links to.
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text with the same marks and the same link target.

    A small image among the text of a paragraph, such as a badge, is a run too: its `text` is the alternative text.
    `anchor` names the place where the run begins: links to "#" and this name, within the article, lead there.
    """

    text: str
    marks: frozenset[Mark] = frozenset()
    href: str | None = None
    image: Image | None = None
    anchor: str = ""


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
    """An image on a line of its own, or in a run. An empty `alt` means that it is decorative.

    Width and height are its own, in pixels; None if they are unknown, as of an image elsewhere on the web.
    """

    src: str
    alt: str = ""
    caption: Runs = ()
    width: int | None = None
    height: int | None = None

    @property
    def is_small(self) -> bool:
        """Whether it has its place in a line of text, as a badge or an icon has."""
        return self.width is not None and self.height is not None and self.width <= 260 and self.height <= 64


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
    """The text of the runs without formatting and without the numbers of notes.

    Images count by their alternative texts if there is text beside them.
    """
    runs = tuple(run for run in runs if Mark.NOTE not in run.marks)
    if any(run.image for run in runs) and not any(run.image is None and run.text.strip() for run in runs):
        return ""
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


def images_of(blocks: Sequence[Block]) -> Iterator[Image]:
    """Every image in reading order, those among text too."""
    for block in walk(blocks):
        if isinstance(block, Image):
            yield block
        yield from (run.image for runs in runs_of(block) for run in runs if run.image is not None)


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


def replace_blocks(blocks: Sequence[Block], change: Callable[[Block], Block]) -> tuple[Block, ...]:
    """The same blocks with each one changed in reading order; lists and quotes stay, and what is in them is changed."""

    def changed(block: Block) -> Block:
        inside = _with_inner(block, lambda inner: replace_blocks(inner, change))
        return change(block) if inside is block else inside

    return tuple(map(changed, blocks))


def replace_runs(blocks: Sequence[Block], change: Callable[[Runs], Runs]) -> tuple[Block, ...]:
    """The same blocks with all runs changed: of headings, paragraphs, captions and cells."""

    def changed(block: Block) -> Block:
        match block:
            case Heading(runs=runs) | Paragraph(runs=runs):
                return replace(block, runs=change(runs))
            case Image(caption=runs) if runs:
                return replace(block, caption=change(runs))
            case Table(header=header, rows=rows):
                return replace(
                    block, header=tuple(map(change, header)), rows=tuple(tuple(map(change, row)) for row in rows)
                )
            case _:
                return block

    return replace_blocks(blocks, changed)


def replace_images(blocks: Sequence[Block], change: Callable[[Image], Image]) -> tuple[Block, ...]:
    """The same blocks with every image changed, those inside lists and quotes and among text too."""

    def changed(block: Block) -> Block:
        match block:
            case Image():
                return change(block)
            case Paragraph(runs=runs):
                return Paragraph(tuple(replace(one, image=change(one.image)) if one.image else one for one in runs))
            case _:
                return block

    return replace_blocks(blocks, changed)


def on_its_own_line(image: Image, href: str | None) -> Image:
    """The image of a run as a block: a link around it moves to its caption."""
    return replace(image, caption=(Run(text_of(image.caption) or image.alt or href, href=href),)) if href else image


def set_large_images_apart(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The same blocks, with images among text that are known to be large on lines of their own between paragraphs."""

    def apart(block: Block) -> Iterator[Block]:
        if not isinstance(block, Paragraph) or not any(map(_is_large, block.runs)):
            yield _with_inner(block, set_large_images_apart)
            return
        for is_large, group in groupby(block.runs, key=_is_large):
            if is_large:
                yield from (on_its_own_line(run.image, run.href) for run in group if run.image)
            elif runs := _stripped(tuple(group)):
                yield Paragraph(runs)

    return tuple(each for block in blocks for each in apart(block))


def _is_large(run: Run) -> bool:
    return run.image is not None and run.image.width is not None and not run.image.is_small


def _stripped(runs: Runs) -> Runs:
    """The runs without white space at both ends, but that of code; empty if there is nothing else."""
    kept = [place for place, run in enumerate(runs) if run.image or Mark.CODE in run.marks or run.text.strip()]
    if not kept:
        return ()
    first, *others = runs[kept[0] : kept[-1] + 1]
    *others, last = (_trimmed(first, str.lstrip), *others)
    return (*others, _trimmed(last, str.rstrip))


def _trimmed(run: Run, strip: Callable[[str], str]) -> Run:
    return run if Mark.CODE in run.marks else replace(run, text=strip(run.text))


def _with_inner(block: Block, change: Callable[[Sequence[Block]], tuple[Block, ...]]) -> Block:
    """The block with the blocks inside it changed, if it is one that has any."""
    match block:
        case Quote(blocks=inner):
            return Quote(change(inner))
        case List(items=items):
            return replace(block, items=tuple(ListItem(change(one.blocks)) for one in items))
        case _:
            return block
