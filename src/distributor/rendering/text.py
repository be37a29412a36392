"""Blocks as plain text: the part of a mail for those who read it without HTML, complete and pleasant to read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import assert_never

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
    text_of,
)
from distributor.rendering.legible import legible
from distributor.rendering.urls import Resolve, link_target

WIDTH = 72

# RFC 1855, section 2.1.1, for the first two; the others are as common.
_SIGN_OF_MARK = {Mark.STRONG: "*", Mark.EMPHASIS: "_", Mark.STRIKE: "~~", Mark.CODE: "`"}
_UNDERLINES = {1: "=", 2: "-"}
_SPACES = re.compile(r"[ \t]+")


def text_of_blocks(blocks: Sequence[Block], *, resolve: Resolve | None = None, width: int = WIDTH) -> str:
    """The blocks as lines of at most `width` columns, without a final newline.

    Only what must not be broken is longer: an address, a line of code, a word. `resolve` makes addresses absolute.
    """
    return "\n".join(line.rstrip() for line in _Writer(resolve=resolve, width=width).blocks(blocks))


def columns(text: str) -> int:
    """How many columns `text` takes in a terminal: wide signs (Unicode annex 11) two, combining ones none."""
    return sum(_columns_of(sign) for sign in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    resolve: Resolve | None
    width: int

    def blocks(self, blocks: Iterable[Block]) -> list[str]:
        return _apart(self.block(block) for block in blocks)

    def block(self, block: Block) -> list[str]:
        match block:
            case Heading(level=level, runs=runs):
                lines = self.paragraph(runs)
                sign = _UNDERLINES.get(level, "~")
                return [*lines, sign * min(max(map(columns, lines)), self.width)] if lines else []
            case Paragraph(runs=runs):
                return self.paragraph(runs)
            case List():
                return self.listing(block)
            case Quote(blocks=inner):
                return [f"> {line}" for line in self.narrower(2).blocks(inner)]
            case Image(alt=alt, caption=caption):
                named = self.wrapped(f"[Image: {_one_line(legible(alt))}]") if alt else []
                return [*named, *self.paragraph(caption)]
            case Code(text=text):
                return [f"    {line}" for line in legible(text).strip("\n").expandtabs(4).split("\n")]
            case Table():
                return self.table(block)
            case Divider():
                return ["* * *".center(self.width)]
            case _:
                assert_never(block)

    def narrower(self, by: int) -> _Writer:
        # Deep nesting must still leave room for a few words.
        return replace(self, width=max(self.width - by, 24))

    def paragraph(self, runs: Runs) -> list[str]:
        return self.wrapped(self.runs(runs))

    def wrapped(self, text: str) -> list[str]:
        return [line for part in text.split("\n") for line in _filled(part, self.width)]

    def listing(self, block: List) -> list[str]:
        last = block.start + len(block.items) - 1
        room = max(len(str(block.start)), len(str(last))) + 2 if block.ordered else 2
        join = _apart if any(_is_loose(item) for item in block.items) else _together
        writer = self.narrower(room)
        items = [join(map(writer.block, item.blocks)) or [""] for item in block.items]
        labels = [f"{block.start + place}." if block.ordered else "•" for place in range(len(items))]
        return join(_hung(lines, label.ljust(room), " " * room) for label, lines in zip(labels, items, strict=True))

    def table(self, block: Table) -> list[str]:
        header = [self.cell(runs) for runs in block.header]
        rows = [[self.cell(runs) for runs in row] for row in block.rows]
        widths = [max(map(columns, column)) for column in zip(header, *rows, strict=True)]
        if sum(widths) + 2 * (len(widths) - 1) > self.width:
            return _apart(self.record(header, row) for row in rows) if rows else self.record(header, [""] * len(header))
        ruled = [[*header], ["-" * width for width in widths]] if any(header) else []
        return [_aligned(row, widths, block.alignments) for row in [*ruled, *rows]]

    def record(self, header: Sequence[str], row: Sequence[str]) -> list[str]:
        """One row of a table too wide for the page, a line per cell."""
        named = (f"{name}: {cell}" if name else cell for name, cell in zip(header, row, strict=True))
        return [line for text in named for line in _hung(self.narrower(2).wrapped(text), "", "  ")]

    def cell(self, runs: Runs) -> str:
        return _one_line(self.runs(runs))

    def runs(self, runs: Runs) -> str:
        return "".join(self.link(href, tuple(group)) for href, group in groupby(runs, key=lambda run: run.href))

    def link(self, href: str | None, runs: Runs) -> str:
        text = _marked(runs, tuple(_SIGN_OF_MARK))
        target = link_target(href, self.resolve) if href else None
        if target is None or _says_it_already(text_of(runs), target):
            return text
        return f"{text} <{target}>" if text.strip() else f"<{target}>"


def _marked(runs: Sequence[Run], marks: Sequence[Mark]) -> str:
    """The runs with signs for `marks`, the first of them outermost and around neighbours that share it."""
    if not marks:
        return "".join(legible(run.text) for run in runs)
    mark, *others = marks
    return "".join(
        _enclosed(_marked(list(group), others), _SIGN_OF_MARK[mark]) if has_mark else _marked(list(group), others)
        for has_mark, group in groupby(runs, key=lambda run: mark in run.marks)
    )


def _enclosed(text: str, sign: str) -> str:
    """The text between signs that stand close to its words, spaces staying outside."""
    bare = text.strip()
    return text.replace(bare, f"{sign}{bare}{sign}", 1) if bare else text


def _says_it_already(text: str, target: str) -> bool:
    return text.strip().rstrip("/") in (target.rstrip("/"), target.removeprefix("mailto:").removeprefix("tel:"))


def _one_line(text: str) -> str:
    return " ".join(_SPACES.sub(" ", text.replace("\n", " ")).split(" ")).strip()


def _apart(groups: Iterable[Sequence[str]]) -> list[str]:
    """The groups of lines with an empty line between each two."""
    lines: list[str] = []
    for group in filter(None, groups):
        lines.extend(["", *group] if lines else group)
    return lines


def _together(groups: Iterable[Sequence[str]]) -> list[str]:
    return [line for group in groups for line in group]


def _is_loose(item: ListItem) -> bool:
    """Whether the item is more than a line of text with lists below it."""
    return any(not isinstance(block, List) for block in item.blocks[1:])


def _hung(lines: Sequence[str], first: str, others: str) -> list[str]:
    return [(others if place else first) + line for place, line in enumerate(lines)]


def _aligned(cells: Sequence[str], widths: Sequence[int], alignments: Sequence[Alignment]) -> str:
    return "  ".join(_padded(*each) for each in zip(cells, widths, alignments, strict=True))


def _padded(cell: str, width: int, alignment: Alignment) -> str:
    free = width - columns(cell)
    before = {Alignment.LEFT: 0, Alignment.CENTER: free // 2, Alignment.RIGHT: free}[alignment]
    return " " * before + cell + " " * (free - before)


def _filled(text: str, width: int) -> list[str]:
    """One line of text broken at spaces, and between wide signs, so that each part fits if it can."""
    lines: list[str] = []
    line = ""
    for gap, piece in _pieces(text):
        if line and columns(line) + len(gap) + columns(piece) > width:
            lines.append(line)
            line = piece
        else:
            line = line + gap + piece if line else piece
    return [*lines, line] if line else lines


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What must not be broken, each with what stands before it on the same line: a space, or nothing."""
    for word in _SPACES.split(text):
        gap = " "
        for piece in _parts_of(word):
            yield gap, piece
            gap = ""


def _parts_of(word: str) -> Iterator[str]:
    """A word cut between wide signs (Chinese, Japanese, Korean have no spaces), never before closing punctuation."""
    part = ""
    for sign in word:
        if part and _columns_of(part[-1]) == _columns_of(sign) == 2 and not _clings(part[-1], sign):
            yield part
            part = ""
        part += sign
    if part:
        yield part


def _clings(before: str, sign: str) -> bool:
    return unicodedata.category(before) in ("Ps", "Pi") or unicodedata.category(sign) in ("Pe", "Pf", "Po")


def _columns_of(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in ("W", "F") else 1
