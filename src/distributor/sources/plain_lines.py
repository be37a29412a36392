"""Lines of raw text: what each one looks like by itself, and how the author uses line breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias

import regex

_RULE = regex.compile(r"(?:([-=*_~#–—])[ ]*+)(?:\1[ ]*+){2,}")
_BULLET = regex.compile(r"(?:(?P<sign>[•‣◦▪●])\s*|(?P<dash>[–*-])\s+)(?P<rest>\S.*)")
_NUMBER = regex.compile(r"(?P<number>0|[1-9][0-9]?)[.)]\s+(?P<rest>\S.*)")
_HEADLINE = regex.compile(r"(?P<signs>#{1,6})\s+(?P<text>\S.*?)(?:\s#+)?")
_UNDERLINES = frozenset("=-")
_LONGEST_UNDERLINED = 80
_BROKEN_WORD = regex.compile(r"\p{L}-$")
_AFTER_OPEN_HYPHEN = regex.compile(r"(?:and|or|to|und|oder|bis|et|ou|y|o)\b")  # pre- and postnatal
_TAB_WIDTH = 4

# Columns that editors wrap at: 60 to 80 mostly, seldom up to 120.
_SHORTEST_WRAPPED = 55
_LONGEST_WRAPPED = 125
# Signs that begin a list item wherever they stand; the others (- – *) need company.
PLAIN_BULLETS = frozenset("•‣◦▪●")
_WIDEST_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line with something on it. `indent` counts leading spaces; `text` has single spaces and none around.

    With a marker in front `rest` is what follows it: after a bullet `sign` is set, after a number `number`. `level` is
    that of a heading whose author says so, by # in front or a rule right below.
    """

    indent: int
    text: str
    rest: str = ""
    sign: str | None = None
    number: int | None = None
    level: int | None = None
    is_rule: bool = False

    @property
    def is_marked(self) -> bool:
        return self.sign is not None or self.number is not None

    @property
    def content_column(self) -> int:
        """Where the text after the marker begins, if one space follows it."""
        return self.indent + len(self.text) - len(self.rest)


# Lines with no empty one between them.
Stanza: TypeAlias = tuple[Line, ...]


class Breaks(Enum):
    """What a line break inside a stanza means."""

    KEPT = "the author wants it"
    WRAPPED = "an editor put it there when the line was full"
    PARAGRAPH = "it ends a paragraph; there are no empty lines"


@dataclass(frozen=True, slots=True)
class Habit:
    """How the breaks of a text are meant; `width` is the column an editor wrapped at."""

    breaks: Breaks
    width: int = 0

    def continues(self, line: Line, below: Line) -> bool:
        """Whether the break between these two lines is an editor's and not the author's."""
        return self.breaks is Breaks.WRAPPED and (below.text[0].islower() or self.fills(line, below))

    def fills(self, line: Line, below: Line) -> bool:
        """Whether the first word of the next line had no room on this one, in a text that an editor wrapped."""
        return self.breaks is Breaks.WRAPPED and _is_full(line, below, self.width)

    def join(self, lines: Sequence[Line]) -> str:
        """The text of a paragraph, in which a newline is a break that its author wants."""
        parts = [lines[0].text]
        for line, below in pairwise(lines):
            parts += (run_on(line.text, below.text) if self.continues(line, below) else "\n", below.text)
        return "".join(parts)


def run_on(above: str, below: str) -> str:
    """What stands between two lines that are one: nothing after a hyphen inside a word, else a space."""
    broken = _BROKEN_WORD.search(above) and below[0].islower() and not _AFTER_OPEN_HYPHEN.match(below)
    return "" if broken else " "


def read_stanzas(text: str) -> list[Stanza]:
    """The stanzas of a text, in order."""
    stanzas: list[Stanza] = []
    lines: list[Line] = []
    for raw in [*text.split("\n"), ""]:
        if raw.strip():
            _add(_read_line(raw), lines)
        elif lines:
            stanzas.append(tuple(lines))
            lines = []
    return stanzas


def find_habit(stanzas: Sequence[Stanza]) -> Habit:
    """How this author breaks lines, judged by those lines that another one follows directly."""
    if _has_a_paragraph_on_each_line(stanzas):
        return Habit(Breaks.PARAGRAPH)
    pairs = [pair for stanza in stanzas for pair in _pairs_of_prose(stanza)]
    lengths = sorted(_length(line) for line, _ in pairs)
    width = lengths[(len(lengths) - 1) * 9 // 10] if lengths else 0  # a few longer lines hold web addresses
    full = sum(_length(line) for line, below in pairs if _is_full(line, below, width))
    if _SHORTEST_WRAPPED <= width <= _LONGEST_WRAPPED and full * 10 >= sum(lengths) * 7:
        return Habit(Breaks.WRAPPED, width)
    return Habit(Breaks.KEPT)


def _has_a_paragraph_on_each_line(stanzas: Sequence[Stanza]) -> bool:
    """Whether long lines are mostly followed by more text, and not by an empty line or by the list they introduce."""
    crowded = spaced = 0
    for stanza in stanzas:
        for line, below in pairwise([*stanza, None]):
            if line and not line.is_marked and _length(line) > _LONGEST_WRAPPED and not line.text.endswith(":"):
                crowded += below is not None and below.sign is None
                spaced += below is None
    return crowded >= spaced and crowded > 0


def _add(line: Line, lines: list[Line]) -> None:
    """Add the line to its stanza; a rule below the first line, with no empty one between, makes that a heading."""
    above = lines[0] if len(lines) == 1 else None
    underlines = line.is_rule and line.text[0] in _UNDERLINES
    if above and underlines and not (above.is_rule or above.is_marked) and len(above.text) <= _LONGEST_UNDERLINED:
        lines[0] = replace(above, level=above.level or 2)
    else:
        lines.append(line)


def _read_line(raw: str) -> Line:
    expanded = raw.expandtabs(_TAB_WIDTH)
    text = " ".join(expanded.split())
    indent = len(expanded) - len(expanded.lstrip())
    if headline := _HEADLINE.fullmatch(text):
        return Line(indent, headline["text"], level=max(2, len(headline["signs"])))
    if _RULE.fullmatch(text):
        return Line(indent, text, is_rule=True)
    if bullet := _BULLET.fullmatch(text):
        return Line(indent, text, rest=bullet["rest"], sign=bullet["sign"] or bullet["dash"])
    if number := _NUMBER.fullmatch(text):
        return Line(indent, text, rest=number["rest"], number=int(number["number"]))
    return Line(indent, text)


def _pairs_of_prose(stanza: Stanza) -> Iterator[tuple[Line, Line]]:
    for line, below in pairwise(stanza):
        if not (line.is_rule or line.level or below.is_rule or below.is_marked or below.level):
            yield line, below


def _is_full(line: Line, below: Line, width: int) -> bool:
    """Whether the first word of the next line had no room on this one."""
    return _length(line) + 1 + len(below.text.partition(" ")[0]) > width


def _length(line: Line) -> int:
    return line.indent + len(line.text)


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
