"""Pieces of raw text: prose, lists and dividers, told apart by what stands around each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias

from distributor.sources.plain_lines import Breaks, Habit, Line, Stanza

# Signs that begin a list item wherever they stand; the others (- – *) need company.
PLAIN_BULLETS = frozenset("•‣◦▪●")
_WIDEST_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Prose:
    """Lines of text. `opens` says that nothing or an empty line is above them."""

    lines: tuple[Line, ...]
    opens: bool = True


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A list item: its marked line, and the lines that continue it."""

    head: Line
    more: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """List items that follow one another; prose among them is a further paragraph of the item before."""

    members: tuple[ListEntry | Prose, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """A line that its author has marked as a heading."""

    line: Line


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line drawn between two parts."""


Piece: TypeAlias = Prose | Listing | Headline | RuleLine


def find_pieces(stanzas: Sequence[Stanza], habit: Habit) -> list[Piece]:
    """The text as pieces.

    A list goes on over empty lines as long as more items follow, or paragraphs indented like the text of its items.
    """
    return list(_join_lists(piece for stanza in stanzas for piece in _split(stanza, habit)))


def _join_lists(pieces: Iterator[Piece]) -> Iterator[Piece]:
    open_list: _OpenList | None = None
    for piece in pieces:
        if open_list is not None and open_list.takes(piece):
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

    def takes(self, piece: Piece) -> bool:
        """Take the piece in if it belongs to this list."""
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
        """Whether it counts on, or both are bullets."""
        return head.number is None if self._number is None else head.number == self._number + 1


def _head_of(listing: Listing) -> Line:
    first = listing.members[0]
    return first.head if isinstance(first, ListEntry) else first.lines[0]


class _Role(Enum):
    TEXT = "text"
    LISTED = "an item, or more of it"
    HEADLINE = "headline"
    RULE = "rule"


def _split(stanza: Stanza, habit: Habit) -> Iterator[Piece]:
    """The pieces of one stanza, in order."""
    opens = True
    for role, group in groupby(_assign_roles(stanza, habit), key=itemgetter(0)):
        lines = tuple(line for _, line in group)
        match role:
            case _Role.LISTED:
                yield Listing(tuple(_entries(lines)))
            case _Role.HEADLINE:
                yield from map(Headline, lines)
            case _Role.RULE:
                yield from (RuleLine() for _ in lines)
            case _ if habit.breaks is Breaks.PARAGRAPH:
                yield from (Prose((line,)) for line in lines)
            case _:
                yield Prose(lines, opens)
        opens = role in (_Role.HEADLINE, _Role.RULE)


def _assign_roles(stanza: Stanza, habit: Habit) -> Iterator[tuple[_Role, Line]]:
    role, head = _Role.RULE, None
    for at, line in enumerate(stanza):
        if line.is_rule:
            role = _Role.RULE
        elif line.level:
            role = _Role.HEADLINE
        elif line.is_marked and _begins_item(stanza, at, role, habit):
            role, head = _Role.LISTED, line
        elif not (role is _Role.LISTED and head and _goes_on(head, stanza[at - 1], line, habit)):
            role = _Role.TEXT
        yield role, line


def _begins_item(stanza: Stanza, at: int, above: _Role, habit: Habit) -> bool:
    """Whether a line with a marker is a list item: not if it may as well be prose that happens to begin so."""
    line = stanza[at]
    in_prose = above is _Role.TEXT and habit.breaks is not Breaks.PARAGRAPH
    if above is _Role.LISTED:
        return True
    if line.indent > _WIDEST_MARGIN:
        return False
    if not in_prose or line.sign in PLAIN_BULLETS or stanza[at - 1].text.endswith(":"):
        return True
    below = stanza[at + 1] if at + 1 < len(stanza) else None
    return line.number == 1 if line.number is not None else below is not None and below.sign == line.sign


def _goes_on(head: Line, above: Line, line: Line, habit: Habit) -> bool:
    return not line.is_marked and (line.indent > head.indent or habit.continues(above, line))


def _entries(lines: Sequence[Line]) -> Iterator[ListEntry]:
    heads = [at for at, line in enumerate(lines) if line.is_marked]
    for at, end in pairwise([*heads, len(lines)]):
        yield ListEntry(lines[at], tuple(lines[at + 1 : end]))
