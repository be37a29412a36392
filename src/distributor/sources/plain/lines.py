"""Analyses the lines of plain text: markers, headings, rules, lists, and how the author uses line breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias

import regex

_RULE = regex.compile(r"(?:([-=*_~#–—])[ ]*+)(?:\1[ ]*+){2,}")
_BULLET = regex.compile(r"(?:(?P<bullet>[•‣◦▪●])\s*|(?P<dash>[–*-])\s+)(?P<rest>\S.*)")
_NUMBER = regex.compile(r"(?P<number>0|[1-9][0-9]?)[.)]\s+(?P<rest>\S.*)")
_HEADING = regex.compile(r"(?P<hashes>#{1,6})\s+(?P<text>\S.*?)(?:\s#+)?")
_UNDERLINES = frozenset("=-")
_MAX_UNDERLINED = 80
_BROKEN_WORD = regex.compile(r"\p{L}-$")
_AFTER_SUSPENDED_HYPHEN = regex.compile(r"(?:and|or|to|und|oder|bis|et|ou|y|o)\b")  # pre- and postnatal
_TAB_WIDTH = 4
# Text editors wrap mostly at column 60 to 80, seldom up to 120.
_MIN_WRAP_COLUMN = 55
_MAX_WRAP_COLUMN = 125
# Bullets that always begin a list item; the others (- – *) need a second item.
PLAIN_BULLETS = frozenset("•‣◦▪●")
_MAX_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank. `indent` counts leading spaces; `text` is stripped and has single spaces.

    If the line starts with a list marker, `bullet` or `number` is set and `rest` is the text after the marker. `level`
    is set for a heading marked with # or underlined.
    """

    indent: int
    text: str
    rest: str = ""
    bullet: str | None = None
    number: int | None = None
    level: int | None = None
    is_rule: bool = False

    @property
    def is_marked(self) -> bool:
        return self.bullet is not None or self.number is not None

    @property
    def content_column(self) -> int:
        """The column of the text after the marker, if one space follows it."""
        return self.indent + len(self.text) - len(self.rest)


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
        """Whether the break between these two lines was inserted by an editor."""
        return self.breaks is LineBreak.WRAPPED and (below.text[0].islower() or self.fills(line, below))

    def fills(self, line: Line, below: Line) -> bool:
        """Whether the text is wrapped and the first word of the next line did not fit on this one."""
        return self.breaks is LineBreak.WRAPPED and _is_full(line, below, self.width)

    def join(self, lines: Sequence[Line]) -> str:
        """The text of a paragraph; the newlines left in it are intended by the author."""
        parts = [lines[0].text]
        for line, below in pairwise(lines):
            parts += (separator_between(line.text, below.text) if self.continues(line, below) else "\n", below.text)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Prose:
    """Lines of text. `opens`: they are at the start or follow an empty line."""

    lines: tuple[Line, ...]
    opens: bool = True


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A list item: the line with the marker, and the lines that continue it."""

    head: Line
    more: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Consecutive list items; prose between them is another paragraph of the previous item."""

    members: tuple[ListEntry | Prose, ...]


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """A line marked as a heading by the author."""

    line: Line


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A horizontal rule."""


Piece: TypeAlias = Prose | Listing | HeadingLine | RuleLine


def read_line_groups(text: str) -> list[LineGroup]:
    """The groups of consecutive lines of a text, in order."""
    line_groups: list[LineGroup] = []
    lines: list[Line] = []
    for raw in [*text.split("\n"), ""]:
        if raw.strip():
            _add(_read_line(raw), lines)
        elif lines:
            line_groups.append(tuple(lines))
            lines = []
    return line_groups


def detect_line_break_style(line_groups: Sequence[LineGroup]) -> LineBreakStyle:
    """What line breaks mean in this text, judged by the lines that are directly followed by another one."""
    if _has_a_paragraph_on_each_line(line_groups):
        return LineBreakStyle(LineBreak.PARAGRAPH)
    pairs = [pair for line_group in line_groups for pair in _prose_pairs(line_group)]
    lengths = sorted(_length(line) for line, _ in pairs)
    width = lengths[(len(lengths) - 1) * 9 // 10] if lengths else 0  # a few longer lines hold URLs
    full = sum(_length(line) for line, below in pairs if _is_full(line, below, width))
    if _MIN_WRAP_COLUMN <= width <= _MAX_WRAP_COLUMN and full * 10 >= sum(lengths) * 7:
        return LineBreakStyle(LineBreak.WRAPPED, width)
    return LineBreakStyle(LineBreak.KEPT)


def find_pieces(line_groups: Sequence[LineGroup], style: LineBreakStyle) -> list[Piece]:
    """The text as pieces.

    A list continues across empty lines while more items follow, or paragraphs indented like the text of its items.
    """
    return list(_join_lists(piece for line_group in line_groups for piece in _split(line_group, style)))


def separator_between(above: str, below: str) -> str:
    """What joins two lines: nothing after a hyphenated word, else a space."""
    broken = _BROKEN_WORD.search(above) and below[0].islower() and not _AFTER_SUSPENDED_HYPHEN.match(below)
    return "" if broken else " "


def _has_a_paragraph_on_each_line(line_groups: Sequence[LineGroup]) -> bool:
    """Whether long lines are mostly followed by more text, and not by an empty line or by a list they introduce."""
    adjacent = separated = 0
    for line_group in line_groups:
        for line, below in pairwise([*line_group, None]):
            if line and not line.is_marked and _length(line) > _MAX_WRAP_COLUMN and not line.text.endswith(":"):
                adjacent += below is not None and below.bullet is None
                separated += below is None
    return adjacent >= separated and adjacent > 0


def _add(line: Line, lines: list[Line]) -> None:
    """Add the line to its group; a rule directly below a first line makes that line a heading."""
    above = lines[0] if len(lines) == 1 else None
    underlines = line.is_rule and line.text[0] in _UNDERLINES
    if above and underlines and not (above.is_rule or above.is_marked) and len(above.text) <= _MAX_UNDERLINED:
        lines[0] = replace(above, level=above.level or 2)
    else:
        lines.append(line)


def _read_line(raw: str) -> Line:
    expanded = raw.expandtabs(_TAB_WIDTH)
    text = " ".join(expanded.split())
    indent = len(expanded) - len(expanded.lstrip())
    if heading := _HEADING.fullmatch(text):
        return Line(indent, heading["text"], level=max(2, len(heading["hashes"])))
    if _RULE.fullmatch(text):
        return Line(indent, text, is_rule=True)
    if item := _BULLET.fullmatch(text):
        return Line(indent, text, rest=item["rest"], bullet=item["bullet"] or item["dash"])
    if number := _NUMBER.fullmatch(text):
        return Line(indent, text, rest=number["rest"], number=int(number["number"]))
    return Line(indent, text)


def _prose_pairs(line_group: LineGroup) -> Iterator[tuple[Line, Line]]:
    for line, below in pairwise(line_group):
        if not (line.is_rule or line.level or below.is_rule or below.is_marked or below.level):
            yield line, below


def _is_full(line: Line, below: Line, width: int) -> bool:
    """Whether the first word of the next line did not fit on this one."""
    return _length(line) + 1 + len(below.text.partition(" ")[0]) > width


def _length(line: Line) -> int:
    return line.indent + len(line.text)


def _join_lists(pieces: Iterator[Piece]) -> Iterator[Piece]:
    open_list: _OpenList | None = None
    for piece in pieces:
        if open_list is not None and open_list.accept(piece):
            continue
        if open_list is not None:
            yield open_list.close()
        open_list = None
        if isinstance(piece, Listing):
            open_list = _OpenList(piece)
        else:
            yield piece
    if open_list is not None:
        yield open_list.close()


class _OpenList:
    """A list that the next piece may continue."""

    def __init__(self, listing: Listing) -> None:
        self._members: list[ListEntry | Prose] = []
        self._columns: set[int] = set()
        self._number: int | None = None
        self._margin = _head_of(listing).indent
        self._add(listing)

    def accept(self, piece: Piece) -> bool:
        """Add the piece if it belongs to this list; returns whether it does."""
        match piece:
            case Listing() if self._is_nested(_head_of(piece)) or self._is_next(_head_of(piece)):
                self._add(piece)
            case Prose(lines=lines, opens=True) if lines[0].indent > 0 and lines[0].indent in self._columns:
                self._members.append(piece)
            case _:
                return False
        return True

    def close(self) -> Listing:
        return Listing(tuple(self._members))

    def _add(self, listing: Listing) -> None:
        self._members.extend(listing.members)
        for member in listing.members:
            if isinstance(member, ListEntry):
                self._columns.add(member.head.content_column)
                if not self._is_nested(member.head):
                    self._number = member.head.number

    def _is_nested(self, head: Line) -> bool:
        return head.indent > self._margin + 1

    def _is_next(self, head: Line) -> bool:
        """Whether it has the next number, or both are bullets."""
        return head.number is None if self._number is None else head.number == self._number + 1


def _head_of(listing: Listing) -> Line:
    first = listing.members[0]
    return first.head if isinstance(first, ListEntry) else first.lines[0]


class _Role(Enum):
    TEXT = "text"
    LISTED = "list item or its continuation"
    HEADING = "heading"
    RULE = "rule"


def _split(line_group: LineGroup, style: LineBreakStyle) -> Iterator[Piece]:
    """The pieces of one group of lines, in order."""
    opens = True
    for role, group in groupby(_assign_roles(line_group, style), key=itemgetter(0)):
        lines = tuple(line for _, line in group)
        match role:
            case _Role.LISTED:
                yield Listing(tuple(_entries(lines)))
            case _Role.HEADING:
                yield from map(HeadingLine, lines)
            case _Role.RULE:
                yield from (RuleLine() for _ in lines)
            case _ if style.breaks is LineBreak.PARAGRAPH:
                yield from (Prose((line,)) for line in lines)
            case _:
                yield Prose(lines, opens)
        opens = role in (_Role.HEADING, _Role.RULE)


def _assign_roles(line_group: LineGroup, style: LineBreakStyle) -> Iterator[tuple[_Role, Line]]:
    role, head = _Role.RULE, None
    for at, line in enumerate(line_group):
        if line.is_rule:
            role = _Role.RULE
        elif line.level:
            role = _Role.HEADING
        elif line.is_marked and _begins_item(line_group, at, role, style):
            role, head = _Role.LISTED, line
        elif not (role is _Role.LISTED and head and _continues_item(head, line_group[at - 1], line, style)):
            role = _Role.TEXT
        yield role, line


def _begins_item(line_group: LineGroup, at: int, above: _Role, style: LineBreakStyle) -> bool:
    """Whether a line with a marker is a list item, and not prose that happens to start like one."""
    line = line_group[at]
    in_prose = above is _Role.TEXT and style.breaks is not LineBreak.PARAGRAPH
    if above is _Role.LISTED:
        return True
    if line.indent > _MAX_MARGIN:
        return False
    if not in_prose or line.bullet in PLAIN_BULLETS or line_group[at - 1].text.endswith(":"):
        return True
    below = line_group[at + 1] if at + 1 < len(line_group) else None
    return line.number == 1 if line.number is not None else below is not None and below.bullet == line.bullet


def _continues_item(head: Line, above: Line, line: Line, style: LineBreakStyle) -> bool:
    return not line.is_marked and (line.indent > head.indent or style.continues(above, line))


def _entries(lines: Sequence[Line]) -> Iterator[ListEntry]:
    heads = [at for at, line in enumerate(lines) if line.is_marked]
    for at, end in pairwise([*heads, len(lines)]):
        yield ListEntry(lines[at], tuple(lines[at + 1 : end]))
