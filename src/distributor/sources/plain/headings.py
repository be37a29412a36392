"""Finds the headings of plain text, and their levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distributor.sources.bylines import by_words_of_headings, is_credit, read_byline
from distributor.sources.plain.markers import Numbering
from distributor.sources.plain.pieces import (
    HeadingLine,
    Listing,
    Piece,
    Prose,
    Quoted,
    Rows,
    RuleLine,
    lines_of,
    single_entry,
)
from distributor.sources.plain.shapes import SectionNumber, has_heading_shape, is_capitals, numbering_of

_SECTION_LEVEL = 2
_MAX_LEVEL = 6
# Among so many pieces there may be the author and a date that were not understood.
_MOST_PIECES_OF_HEAD = 3
# The signs under headings, the one that marks the highest first.
_UNDERLINES = "=#*-~\"'^+.:_"


def find_heading_levels(pieces: Sequence[Piece], *, is_byline_first: bool = False) -> Mapping[int, int]:
    """The positions of headings, with their levels.

    A single short line above text is a section heading; one that starts with a number is one level below a section.
    `is_byline_first`: the first line belongs to the byline above it.
    """
    headings = _find_headings(pieces)
    if is_byline_first and 0 in headings and isinstance(pieces[0], Prose):
        headings.pop(0, None)
    levels = _Levels()
    return {at: min(levels.level_of(pieces[at], text), _MAX_LEVEL) for at, text in sorted(headings.items())}


def _find_headings(pieces: Sequence[Piece]) -> dict[int, str]:
    """The positions of headings, with their texts. What is below decides, so it is found from the end."""
    found: dict[int, str] = {}
    by_words = by_words_of_headings(lines[0].text if (lines := lines_of(piece)) else "" for piece in pieces)
    for at in range(len(pieces) - 1, -1, -1):
        piece, below = pieces[at], next(iter(pieces[at + 1 : at + 2]), None)
        text = _text_of(piece)
        if text is None or (at < _MOST_PIECES_OF_HEAD and (_is_byline(text, by_words) or is_credit(text))):
            continue
        if isinstance(piece, HeadingLine) or (below is not None and _is_above(text, below, found.get(at + 1))):
            found[at] = text
    return {at: text for at, text in found.items() if not _is_text_of_numbered(pieces, at, found)}


def _is_byline(text: str, by_words: frozenset[str]) -> bool:
    found = read_byline(text)
    return found is not None and found.by not in by_words


def _text_of(piece: Piece) -> str | None:
    """The text of a single line that may be a heading."""
    if isinstance(piece, HeadingLine):
        return piece.line.text
    entry = single_entry(piece)
    if entry is not None and entry.head.number is not None and has_heading_shape(entry.head.rest):
        return entry.head.text
    return piece.lines[0].text if _may_be_heading(piece) and isinstance(piece, Prose) else None


def _may_be_heading(piece: Piece) -> bool:
    """Whether it is a single line of the right shape. Of several such lines only the last can be a heading."""
    if not isinstance(piece, Prose) or not piece.opens or len(piece.lines) > 1:
        return False
    return has_heading_shape(piece.lines[0].text)


def _is_above(text: str, below: Piece, heading_below: str | None) -> bool:
    """Whether a line stands above its text, or above the heading of a part of it."""
    if isinstance(below, RuleLine):
        return False
    if heading_below is not None:
        return _ranks_above(text, heading_below)
    return isinstance(below, Listing | Rows | Quoted) or not _may_be_heading(below) or numbering_of(text) is not None


def _ranks_above(text: str, below: str) -> bool:
    """Whether one heading directly above another is that of a larger part."""
    number, number_below = numbering_of(text), numbering_of(below)
    if number is None or number_below is None:
        return number is not None or (is_capitals(text) and not is_capitals(below)) or number_below is not None
    if number.numbering is not number_below.numbering:
        return number_below.value == 1
    return number.depth < number_below.depth


def _is_text_of_numbered(pieces: Sequence[Piece], at: int, found: Mapping[int, str]) -> bool:
    """Whether a short line is the whole text of the numbered heading above it."""
    above = found.get(at - 1)
    return (
        above is not None
        and isinstance(pieces[at], Prose)
        and not isinstance(pieces[at - 1], HeadingLine)
        and numbering_of(above) is not None
        and numbering_of(found[at]) is None
    )


class _Levels:
    """The levels of headings, from the first to the last."""

    def __init__(self) -> None:
        self._last = _SECTION_LEVEL - 1
        self._of_numberings: dict[Numbering, int] = {}
        self._of_underlines: dict[str, int] = {}
        self._letter = 0
        self._numbering: Numbering | None = None

    def level_of(self, piece: Piece, text: str) -> int:
        number = self._number_of(text)
        if isinstance(piece, HeadingLine):
            level = self._of_marked(piece)
        elif number is not None:
            level = self._of_number(number)
        else:
            level = _SECTION_LEVEL
        if number is not None and (number.depth == 1 or number.numbering not in self._of_numberings):
            self._of_numberings[number.numbering] = level - number.depth + 1
        self._last = level
        self._numbering = number.numbering if number is not None else None
        return level

    def _of_marked(self, piece: HeadingLine) -> int:
        sign = piece.line.underline
        if not sign:
            return piece.line.level or _SECTION_LEVEL
        if sign not in self._of_underlines:
            higher = [one for one in self._of_underlines if _UNDERLINES.index(one) < _UNDERLINES.index(sign)]
            self._of_underlines[sign] = _SECTION_LEVEL + len(higher)
        return self._of_underlines[sign]

    def _number_of(self, text: str) -> SectionNumber | None:
        """The number of a heading; I, V and X are letters after the ones before them."""
        number = numbering_of(text)
        letter = ord(text[0]) - ord("A") + 1
        if number is not None and number.numbering is Numbering.UPPER_ROMAN and letter == self._letter + 1 > 1:
            number = SectionNumber(Numbering.UPPER_LETTER, letter)
        if number is not None and number.numbering is Numbering.UPPER_LETTER:
            self._letter = number.value
        return number

    def _of_number(self, number: SectionNumber) -> int:
        known = self._of_numberings.get(number.numbering)
        if number.depth > 1:
            return (known or max(self._last, _SECTION_LEVEL)) + number.depth - 1
        if number.value > 1 or number.numbering is Numbering.UPPER_ROMAN:
            return known or _SECTION_LEVEL
        # "A." directly below "II." begins its parts.
        is_part = known == self._last and self._numbering not in (None, number.numbering)
        return self._last + 1 if known is None or known > self._last or is_part else known
