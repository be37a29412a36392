"""Groups the lines of plain text into pieces: prose, lists, tables, quotes, headings and rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias

import regex

from distributor.sources.plain.lines import (
    MAX_WRAP_COLUMN,
    Line,
    LineBreak,
    LineBreakStyle,
    LineGroup,
)
from distributor.sources.plain.markers import PLAIN_BULLETS
from distributor.sources.plain.shapes import has_heading_shape, is_capitals, is_named_part, numbering_of

_MAX_MARGIN = 8
_QUOTED = regex.compile(r">(?!=)")
_SENTENCE_END = regex.compile(r"[.!?…。][\"'”’»)]*$")
# A line of so many characters is text, even if it does not end like a sentence.
_MIN_PROSE = 40
# A cell of a label, as in "Phone:", makes a line of contact data, not the row of a table.
_LABEL_END = (":", "：")
_LEAST_CELLS = 2
# The kind of the items 2.1, 2.2 …
_PART = "1.1"


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
class Rows:
    """Consecutive lines that make a table; `cells_of_rows` has its cells."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Lines that begin with ">", as mail programs quote."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """A line marked as a heading by the author."""

    line: Line


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A horizontal rule."""


Piece: TypeAlias = Prose | Listing | Rows | Quoted | HeadingLine | RuleLine


def find_pieces(line_groups: Sequence[LineGroup], style: LineBreakStyle) -> list[Piece]:
    """The text as pieces.

    A list continues across empty lines while more items follow, or paragraphs indented like the text of its items.
    """
    return list(_join_lists(piece for line_group in line_groups for piece in _split(line_group, style)))


def lines_of(piece: Piece | ListEntry) -> Sequence[Line]:
    """The lines of a piece, of a list those of its first member."""
    match piece:
        case Prose(lines=lines) | Rows(lines=lines) | Quoted(lines=lines):
            return lines
        case HeadingLine(line=line):
            return (line,)
        case ListEntry(head=head, more=more):
            return (head, *more)
        case Listing(members=members):
            return lines_of(members[0])
        case _:
            return ()


def single_entry(piece: Piece) -> ListEntry | None:
    """The only item of a list with one item of one line; else None."""
    match piece:
        case Listing(members=(ListEntry(more=()) as entry,)):
            return entry
        case _:
            return None


def cells_of_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """The cells of a table, in each row as many as in the first; none if these lines are no table.

    Several tabs may set one cell apart; cells at the end of a row may be missing.
    """
    if len(lines) == 1:
        return []
    raw = [line.cells for line in lines]
    filled = [tuple(cell for cell in cells if cell) for cells in raw]
    size = len(raw[0])
    if all(len(cells) == size for cells in raw):
        return raw
    if all(len(cells) == len(filled[0]) for cells in filled):
        return filled if len(filled[0]) >= _LEAST_CELLS else []
    return [(*cells, *[""] * (size - len(cells))) for cells in raw] if all(len(cells) <= size for cells in raw) else []


def ends_like_a_sentence(line: Line) -> bool:
    return _SENTENCE_END.search(line.text) is not None


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
        self._last: Line = _head_of(listing)
        self._margin = self._last.indent
        self._add(listing)

    def accept(self, piece: Piece) -> bool:
        """Add the piece if it belongs to this list; returns whether it does."""
        match piece:
            case Listing() if self._is_nested(_head_of(piece)) or is_next_item(self._last, _head_of(piece)):
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
                    self._last = member.head

    def _is_nested(self, head: Line) -> bool:
        return head.indent > self._margin + 1


def is_next_item(above: Line, head: Line) -> bool:
    """Whether an item follows the one above it in the same list: both are bullets, or it has the next number."""
    if above.number is None or head.number is None:
        return above.number is head.number
    return head.number == above.number + 1 and head.numbering is above.numbering


def _head_of(listing: Listing) -> Line:
    first = listing.members[0]
    return first.head if isinstance(first, ListEntry) else first.lines[0]


class _Role(Enum):
    TEXT = "text"
    LISTED = "list item or its continuation"
    ROW = "row of a table"
    QUOTED = "quoted text"
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
            case _Role.ROW:
                yield Rows(lines)
            case _Role.QUOTED:
                yield Quoted(lines)
            case _Role.HEADING:
                yield from map(HeadingLine, lines)
            case _Role.RULE:
                yield from (RuleLine() for _ in lines)
            case _ if style.breaks is LineBreak.PARAGRAPH:
                yield from (Prose((line,)) for line in lines)
            case _:
                yield from _paragraphs(lines, style, opens=opens)
        opens = role in (_Role.HEADING, _Role.RULE)


def _paragraphs(lines: tuple[Line, ...], style: LineBreakStyle, *, opens: bool) -> Iterator[Prose]:
    """The lines of one paragraph; a heading directly above it, and paragraphs that are set apart by indents, too."""
    if opens and _stands_above_its_text(lines, style):
        yield Prose(lines[:1])
        lines, opens = lines[1:], False
    start = 0
    for at, (above, line) in enumerate(pairwise(lines), 1):
        if style.breaks is LineBreak.WRAPPED and line.indent > above.indent + 1 and _is_indented_once(lines, at):
            yield Prose(lines[start:at], opens or start > 0)
            start = at
    yield Prose(lines[start:], opens or start > 0)


def _is_indented_once(lines: Sequence[Line], at: int) -> bool:
    """Whether only the first line of a paragraph is indented."""
    return at + 1 < len(lines) and lines[at + 1].indent < lines[at].indent - 1


def _stands_above_its_text(lines: Sequence[Line], style: LineBreakStyle) -> bool:
    """Whether the first line is a heading without an empty line below it."""
    if len(lines) == 1 or not has_heading_shape(lines[0].text) or style.continues(*lines[:2]):
        return False
    first, below = lines[:2]
    if ends_like_a_sentence(first):
        return False
    if is_capitals(first.text) or is_named_part(first.text) or numbering_of(first.text) is not None:
        is_text = len(below.text) >= _MIN_PROSE or ends_like_a_sentence(below)
        return is_text and not is_capitals(below.text) and numbering_of(below.text) is None
    is_wrapped = len(lines) > 2 and style.breaks is LineBreak.WRAPPED and style.continues(*lines[1:3])
    return below.length > MAX_WRAP_COLUMN or (is_wrapped and not below.text[0].islower())


def _assign_roles(line_group: LineGroup, style: LineBreakStyle) -> Iterator[tuple[_Role, Line]]:
    role, head = _Role.RULE, None
    rows = _rows_in(line_group)
    for at, line in enumerate(line_group):
        if line.is_rule:
            role = _Role.RULE
        elif line.level:
            role = _Role.HEADING
        elif at in rows:
            role = _Role.ROW
        elif _QUOTED.match(line.text) and (role is not _Role.TEXT or line_group[at - 1].text.endswith(":")):
            role = _Role.QUOTED
        elif line.is_marked and (_begins_item(line_group, at, role, style) or _goes_on(head, line_group[at - 1], line)):
            role, head = _Role.LISTED, line
        elif role is _Role.LISTED and head and line.indent > head.indent and _is_part(line):
            line = replace(line, bullet=_PART, rest=line.text)
        elif not (role is _Role.LISTED and head and _continues_item(head, line_group[at - 1], line, style)):
            role = _Role.TEXT
        yield role, line


def _rows_in(line_group: LineGroup) -> frozenset[int]:
    """The positions of the lines that make tables."""
    found: set[int] = set()
    for is_row, group in groupby(enumerate(line_group), key=lambda each: _may_be_row(each[1])):
        places = [at for at, _ in group]
        if is_row and cells_of_rows([line_group[at] for at in places]):
            found.update(places)
    return frozenset(found)


def _may_be_row(line: Line) -> bool:
    """Whether it has cells, and is neither a list item nor a label with its value, as in contact data."""
    is_item = line.is_marked and len(line.cells) == _LEAST_CELLS
    return bool(line.cells) and not (line.level or line.is_rule or is_item or line.cells[0].endswith(_LABEL_END))


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


def _goes_on(head: Line | None, above: Line, line: Line) -> bool:
    """Whether an item follows one whose text was not indented."""
    return head is not None and head.number is not None and is_next_item(head, line) and ends_like_a_sentence(above)


def _is_part(line: Line) -> bool:
    """Whether it is an item such as "2.1 Tools", inside item 2; its number stays in its text."""
    number = numbering_of(line.text)
    return number is not None and number.depth > 1


def _continues_item(head: Line, above: Line, line: Line, style: LineBreakStyle) -> bool:
    return not line.is_marked and (line.indent > head.indent or style.continues(above, line))


def _entries(lines: Sequence[Line]) -> Iterator[ListEntry]:
    heads = [at for at, line in enumerate(lines) if line.is_marked]
    for at, end in pairwise([*heads, len(lines)]):
        yield ListEntry(lines[at], tuple(lines[at + 1 : end]))
