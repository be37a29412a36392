"""The lines of plain text: their markers, headings and rules, and what the author's line breaks mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import TypeAlias

import regex

from distributor.sources.plain.markers import LETTER_BULLET, Marker, Numbering, find_letter, find_marker

_RULE = regex.compile(r"(?:([-=*_~#–—])[ ]*+)(?:\1[ ]*+){2,}|--")
_UNDERLINE = regex.compile(r"""([-=*_~#^+"'.:])\1{2,}""")
# They underline a line of any length; another sign could be a divider or an ellipsis.
_USUAL_UNDERLINES = frozenset("=-")
_MAX_UNDERLINED = 80
_HEADING = regex.compile(r"(?P<hashes>#{1,6})\s+(?P<text>\S.*?)(?:\s#+)?")
_FRAMED = regex.compile(
    r"(?P<sign>[=*~#]|-(?=--))(?P=sign){1,5}\s*(?P<text>[^\s=*~#-](?:.*[^\s=*~#-])?)\s*(?P=sign){2,6}"
)
_WORD_LIKE_CIRCLE = regex.compile(r"\s*o(?:\t| {2})")
_BROKEN_WORD = regex.compile(r"\p{L}-$")
_AFTER_SUSPENDED_HYPHEN = regex.compile(r"(?:and|or|to|und|oder|bis|et|ou|y|o)\b")  # pre- and postnatal
_TAB_WIDTH = 4
# Text editors wrap mostly at column 60 to 80, seldom up to 120.
MIN_WRAP_COLUMN = 55
MAX_WRAP_COLUMN = 125
# How many groups of lines may lie between one letter of a sequence and the next.
_MAX_BETWEEN_LETTERS = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank. `indent` counts leading spaces; `text` is stripped and has single spaces.

    If the line starts with a list marker, `bullet` or `number` is set and `rest` is the text after the marker. `level`
    is set for a heading marked with # or underlined, in which case `underline` is the sign. `cells` are what tabs
    separate, if there are any.
    """

    indent: int
    text: str
    rest: str = ""
    bullet: str | None = None
    number: int | None = None
    numbering: Numbering | None = None
    level: int | None = None
    underline: str = ""
    is_rule: bool = False
    cells: tuple[str, ...] = ()

    @property
    def is_marked(self) -> bool:
        return self.bullet is not None or self.number is not None

    @property
    def content_column(self) -> int:
        """The column of the text after the marker, if one space follows it."""
        return self.indent + len(self.text) - len(self.rest)

    @property
    def length(self) -> int:
        """The column at which it ends."""
        return self.indent + len(self.text)

    def with_marker(self, marker: Marker) -> Line:
        return replace(self, rest=marker.rest, bullet=marker.bullet, number=marker.number, numbering=marker.numbering)


# Consecutive lines without an empty line between them.
LineGroup: TypeAlias = tuple[Line, ...]


class LineBreak(Enum):
    """What a line break within a group of lines means."""

    KEPT = "intended by the author"
    WRAPPED = "inserted by an editor at the end of a full line"
    PARAGRAPH = "ends a paragraph; there are no empty lines"


@dataclass(frozen=True, slots=True)
class LineBreakStyle:
    """What the line breaks of a text mean; `width` is the column that an editor wrapped at."""

    breaks: LineBreak
    width: int = 0

    def continues(self, line: Line, below: Line) -> bool:
        """Whether the break between these two lines was inserted by an editor: the first word below did not fit."""
        return self.breaks is LineBreak.WRAPPED and (_is_full(line, below, self.width) or _breaks_word(line, below))

    def join(self, lines: Sequence[Line]) -> str:
        """The text of a paragraph; the newlines left in it are intended by the author."""
        parts = [lines[0].text]
        for line, below in pairwise(lines):
            parts += (separator_between(line.text, below.text) if self.continues(line, below) else "\n", below.text)
        return "".join(parts)


def read_line_groups(text: str) -> list[LineGroup]:
    """The groups of consecutive lines of a text, in order."""
    line_groups: list[list[Line]] = [[]]
    for raw in text.split("\n"):
        if raw.strip():
            _add(_read_line(raw), line_groups[-1])
        elif line_groups[-1]:
            line_groups.append([])
    _settle_letters(line_groups)
    return [tuple(map(_without_doubt, [None, *lines], lines, [*lines[1:], None])) for lines in line_groups if lines]


def detect_line_break_style(line_groups: Sequence[LineGroup]) -> LineBreakStyle:
    """What line breaks mean in this text, judged by the lines that are directly followed by another one.

    Blocks of short lines only, such as addresses and verse, say nothing about the others.
    """
    if _has_a_paragraph_on_each_line(line_groups):
        return LineBreakStyle(LineBreak.PARAGRAPH)
    by_group = [list(_prose_pairs(line_group)) for line_group in line_groups]
    pairs = [pair for group in by_group if any(line.length >= MIN_WRAP_COLUMN for line, _ in group) for pair in group]
    lengths = sorted(line.length for line, _ in pairs)
    width = lengths[(len(lengths) - 1) * 9 // 10] if lengths else 0  # a few longer lines hold URLs
    full = sum(line.length for line, below in pairs if _is_full(line, below, width))
    if MIN_WRAP_COLUMN <= width <= MAX_WRAP_COLUMN and full * 10 >= sum(lengths) * 7:
        return LineBreakStyle(LineBreak.WRAPPED, width)
    return LineBreakStyle(LineBreak.KEPT)


def separator_between(above: str, below: str) -> str:
    """What joins two lines: nothing after a hyphenated word, else a space."""
    broken = _BROKEN_WORD.search(above) and below[0].islower() and not _AFTER_SUSPENDED_HYPHEN.match(below)
    return "" if broken else " "


def _has_a_paragraph_on_each_line(line_groups: Sequence[LineGroup]) -> bool:
    """Whether long lines are mostly followed by more text, and not by an empty line or by a list they introduce."""
    adjacent = separated = 0
    for line_group in line_groups:
        for line, below in pairwise([*line_group, None]):
            if line and not line.is_marked and line.length > MAX_WRAP_COLUMN and not line.text.endswith(":"):
                adjacent += below is not None and below.bullet is None
                separated += below is None
    return adjacent >= separated and adjacent > 0


def _add(line: Line, lines: list[Line]) -> None:
    """Add the line to its group; below the first one it may be an underline, which makes that one a heading."""
    above = lines[-1] if lines and (len(lines) == 1 or _is_framed(line, lines)) else None
    if above and _underlines(line, above):
        lines[:] = [replace(above, level=above.level or 2, underline=line.text[0])]
    else:
        lines.append(line)


def _is_framed(line: Line, lines: list[Line]) -> bool:
    """Whether this line would be the second of two rules around a single line."""
    return len(lines) == 2 and lines[0].is_rule and line.is_rule and lines[0].text[0] == line.text[0]


def _underlines(line: Line, above: Line) -> bool:
    sign = _UNDERLINE.fullmatch(line.text)
    if not sign or above.is_rule or above.bullet is not None or len(above.text) > _MAX_UNDERLINED:
        return False
    return line.text[0] in _USUAL_UNDERLINES or len(line.text) * 2 >= len(above.text)


def _read_line(raw: str) -> Line:
    expanded = raw.expandtabs(_TAB_WIDTH)
    text = " ".join(expanded.split())
    indent = len(expanded) - len(expanded.lstrip())
    if _RULE.fullmatch(text):
        return Line(indent, text, is_rule=True)
    if heading := _HEADING.fullmatch(text):
        return Line(indent, heading["text"], level=max(2, len(heading["hashes"])))
    if len(text) <= _MAX_UNDERLINED and (heading := _FRAMED.fullmatch(text)):
        return Line(indent, heading["text"], level=2)
    cells = tuple(" ".join(cell.split()) for cell in raw.strip().split("\t")) if "\t" in raw.strip() else ()
    line = Line(indent, text, cells=cells)
    marker = find_marker(text)
    if marker is None:
        return line
    if marker.bullet == LETTER_BULLET and _WORD_LIKE_CIRCLE.match(raw):
        marker = replace(marker, bullet="◦")
    return line.with_marker(marker)


def _settle_letters(line_groups: Sequence[list[Line]]) -> None:
    """Lines that start with the letters or Roman numerals of a sequence get their markers; a single "A." is a word."""
    last: dict[Numbering, tuple[Marker, int, int]] = {}
    for at, lines in enumerate(line_groups):
        for place, line in enumerate(lines):
            if line.is_marked or line.is_rule or line.level:
                continue
            marker = find_letter(line.text, above={each: found[0].number or 0 for each, found in last.items()})
            if marker is None or marker.numbering is None:
                continue
            above = last.get(marker.numbering)
            last[marker.numbering] = (marker, at, place)
            if above and above[0].number == (marker.number or 0) - 1 and at - above[1] <= _MAX_BETWEEN_LETTERS:
                lines[place] = line.with_marker(marker)
                line_groups[above[1]][above[2]] = line_groups[above[1]][above[2]].with_marker(above[0])


def _without_doubt(above: Line | None, line: Line, below: Line | None) -> Line:
    """The line, without a bullet that is rather a word: there is no other one beside it, or an editor wrapped here."""
    if line.bullet != LETTER_BULLET:
        return line
    is_wrapped = above is not None and above.length >= MIN_WRAP_COLUMN
    beside = [one for one in (above, below) if one is not None]
    is_one_of_many = any(one.bullet == LETTER_BULLET for one in beside) or (
        above is not None and all(one.is_marked for one in beside)
    )
    return line if is_one_of_many and not is_wrapped else replace(line, bullet=None, rest="")


def _prose_pairs(line_group: LineGroup) -> Iterator[tuple[Line, Line]]:
    for line, below in pairwise(line_group):
        if not (line.is_rule or line.level or below.is_rule or below.is_marked or below.level):
            yield line, below


def _is_full(line: Line, below: Line, width: int) -> bool:
    """Whether the first word of the next line did not fit on this one."""
    return line.length + 1 + len(below.text.partition(" ")[0]) > width


def _breaks_word(line: Line, below: Line) -> bool:
    return _BROKEN_WORD.search(line.text) is not None and below.text[0].islower()
