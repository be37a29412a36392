"""Renders blocks as plain text, for the text/plain part of a mail."""

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
from distributor.rendering.sanitize import Resolve, link_target, printable

WIDTH = 72

# RFC 1855, section 2.1.1, for the first two; the others are common usage.
_DELIMITER_OF_MARK = {Mark.STRONG: "*", Mark.EMPHASIS: "_", Mark.STRIKE: "~~", Mark.CODE: "`"}
_UNDERLINES = {1: "=", 2: "-"}
_SPACES = re.compile(r"[ \t]+")


def text_of_blocks(blocks: Sequence[Block], *, resolve: Resolve | None = None, width: int = WIDTH) -> str:
    """The blocks as lines of at most `width` columns, without a final newline.

    Only what cannot be broken is longer: a URL, a line of code, a word. `resolve` makes URLs absolute.
    """
    return "\n".join(line.rstrip() for line in _Writer(resolve=resolve, width=width).blocks(blocks))


def columns(text: str) -> int:
    """The width of `text` in columns: two for a wide character (Unicode annex 11), none for a combining one."""
    return sum(map(_columns_of, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    resolve: Resolve | None
    width: int

    def blocks(self, blocks: Iterable[Block]) -> list[str]:
        return _separated(self.block(block) for block in blocks)

    def block(self, block: Block) -> list[str]:
        match block:
            case Heading(level=level, runs=runs):
                lines = self.paragraph(runs)
                underline = _UNDERLINES.get(level, "~")
                return [*lines, underline * min(max(map(columns, lines)), self.width)] if lines else []
            case Paragraph(runs=runs):
                return self.paragraph(runs)
            case List():
                return self.listing(block)
            case Quote(blocks=inner):
                return [f"> {line}" for line in self.narrower(2).blocks(inner)]
            case Image(alt=alt, caption=caption):
                named = self.wrapped(_image_text(alt))
                return [*named, *self.paragraph(caption)]
            case Code(text=text):
                return [f"    {line}" for line in printable(text).strip("\n").expandtabs(4).split("\n")]
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
        join = _separated if any(_is_loose(item) for item in block.items) else _joined
        writer = self.narrower(room)
        items = [join(map(writer.block, item.blocks)) or [""] for item in block.items]
        labels = [f"{block.start + place}." if block.ordered else "•" for place in range(len(items))]
        return join(_indented(lines, label.ljust(room), " " * room) for label, lines in zip(labels, items, strict=True))

    def table(self, block: Table) -> list[str]:
        header = [self.cell(runs) for runs in block.header]
        rows = [[self.cell(runs) for runs in row] for row in block.rows]
        widths = [max(map(columns, column)) for column in zip(header, *rows, strict=True)]
        if sum(widths) + 2 * (len(widths) - 1) > self.width:
            return (
                _separated(self.record(header, row) for row in rows)
                if rows
                else self.record(header, [""] * len(header))
            )
        ruled = [[*header], ["-" * width for width in widths]] if any(header) else []
        return [_aligned(row, widths, block.alignments) for row in [*ruled, *rows]]

    def record(self, header: Sequence[str], row: Sequence[str]) -> list[str]:
        """One row of a table that is wider than the page, with a line for each cell."""
        named = (f"{name}: {cell}" if name else cell for name, cell in zip(header, row, strict=True))
        return [line for text in named for line in _indented(self.narrower(2).wrapped(text), "", "  ")]

    def cell(self, runs: Runs) -> str:
        return _one_line(self.runs(runs))

    def runs(self, runs: Runs) -> str:
        return "".join(self.link(href, tuple(group)) for href, group in groupby(runs, key=lambda run: run.href))

    def link(self, href: str | None, runs: Runs) -> str:
        text = _marked(runs, tuple(_DELIMITER_OF_MARK))
        # A line of text has no place that a link could lead to.
        target = link_target(href, self.resolve) if href and not href.startswith("#") else None
        if target is None or _shows_target(text_of(runs), target):
            return text
        return f"{text} <{target}>" if text.strip() else f"<{target}>"


def _marked(runs: Sequence[Run], marks: Sequence[Mark]) -> str:
    """The text of the runs with delimiters for `marks`; the first is outermost, and adjacent runs share delimiters."""
    if not marks:
        return "".join(_image_text(run.text) if run.image else _leaf(run) for run in runs)
    mark, *others = marks
    return "".join(
        _enclosed(_marked(list(group), others), _DELIMITER_OF_MARK[mark]) if has_mark else _marked(list(group), others)
        for has_mark, group in groupby(runs, key=lambda run: mark in run.marks)
    )


def _leaf(run: Run) -> str:
    """The text of a run; a number above the line, or of a note, is told apart from the number before it."""
    text = printable(run.text)
    if Mark.NOTE in run.marks:
        return f"[{text}]"
    return f"^{text}" if Mark.SUPERSCRIPT in run.marks and text.isdigit() else text


def _image_text(alt: str) -> str:
    """What stands for an image; nothing for a decorative one."""
    return f"[Image: {_one_line(printable(alt))}]" if alt else ""


def _enclosed(text: str, delimiter: str) -> str:
    """The text between delimiters; spaces around the text stay outside of them."""
    bare = text.strip()
    return text.replace(bare, f"{delimiter}{bare}{delimiter}", 1) if bare else text


def _shows_target(text: str, target: str) -> bool:
    return text.strip().rstrip("/") in (target.rstrip("/"), target.removeprefix("mailto:").removeprefix("tel:"))


def _one_line(text: str) -> str:
    return " ".join(_SPACES.sub(" ", text.replace("\n", " ")).split(" ")).strip()


def _separated(groups: Iterable[Sequence[str]]) -> list[str]:
    """All lines, with an empty line between the groups."""
    lines: list[str] = []
    for group in filter(None, groups):
        lines.extend(["", *group] if lines else group)
    return lines


def _joined(groups: Iterable[Sequence[str]]) -> list[str]:
    return [line for group in groups for line in group]


def _is_loose(item: ListItem) -> bool:
    """Whether the item holds more than one paragraph with nested lists."""
    return any(not isinstance(block, List) for block in item.blocks[1:])


def _indented(lines: Sequence[str], first: str, others: str) -> list[str]:
    return [(others if place else first) + line for place, line in enumerate(lines)]


def _aligned(cells: Sequence[str], widths: Sequence[int], alignments: Sequence[Alignment]) -> str:
    return "  ".join(_padded(*each) for each in zip(cells, widths, alignments, strict=True))


def _padded(cell: str, width: int, alignment: Alignment) -> str:
    free = width - columns(cell)
    before = {Alignment.LEFT: 0, Alignment.CENTER: free // 2, Alignment.RIGHT: free}[alignment]
    return " " * before + cell + " " * (free - before)


def _filled(text: str, width: int) -> list[str]:
    """Wraps one line of text at spaces and between wide characters."""
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
    """The unbreakable parts, each with the space before it on the same line, which may be empty."""
    for word in _SPACES.split(text):
        gap = " "
        for piece in _parts_of(word):
            yield gap, piece
            gap = ""


def _parts_of(word: str) -> Iterator[str]:
    """A word split between wide characters (Chinese has no spaces), but not before closing punctuation."""
    part = ""
    for character in word:
        is_wide_pair = part and _columns_of(part[-1]) == _columns_of(character) == 2
        if is_wide_pair and not _forbids_break(part[-1], character):
            yield part
            part = ""
        part += character
    if part:
        yield part


def _forbids_break(before: str, after: str) -> bool:
    return unicodedata.category(before) in ("Ps", "Pi") or unicodedata.category(after) in ("Pe", "Pf", "Po")


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
