"""Which pieces of raw text are headings: nothing but their shape and their neighbours tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import regex

from distributor.sources.plain_pieces import Headline, ListEntry, Listing, Piece, Prose

_SECTION = 2
_DEEPEST = 6

_LONGEST = 80
_MOST_WORDS = 12
_NO_END = tuple(".,;:…。、，；：")
_CLOSING = "\"'”’»)]"
_OPENING = regex.compile(r"^[\"'“‘„«‹¿¡(\[\p{So}\p{Sk}\uFE0F\u200D\s]*")
_WEB_ADDRESS = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+", regex.IGNORECASE)
_DEPTH = regex.compile(r"[0-9]{1,2}((?:\.[0-9]{1,2})+)\.?\s+[\"“‘„«]?\p{Lu}")
_BYLINE = regex.compile(r"(?i:by|von|par|por|di)(?:\s+(?:\p{Lu}[\p{L}\p{M}.'’-]*|and|und|et|y|&|de|van|von|da))+")
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th|\.)?"
_DATE = regex.compile(
    rf"(?:\p{{L}}{{3,12}},?\s+)?(?:\p{{L}}{{3,12}}\.?\s+{_DAY}|{_DAY}\s+\p{{L}}{{3,12}}),?\s+[0-9]{{4}}"
    r"|[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}"
)


def find_headings(pieces: Sequence[Piece]) -> Mapping[int, int]:
    """The positions of headings, with their levels.

    A lone short line above text is a section, one that begins with a number a subsection where there are sections.
    """
    levels: dict[int, int] = {}
    numbered: set[int] = set()
    numbered_level = _SECTION
    for at, piece in enumerate(pieces):
        match piece:
            case Headline(line=line):
                levels[at] = line.level or _SECTION
                numbered_level = levels[at] + 1
            case Listing() if _is_numbered_heading(pieces, at):
                numbered.add(at)
                levels[at] = numbered_level
            case Prose() if at - 1 not in numbered and _is_heading(pieces, at):
                depth = _depth_of(piece.lines[0].text)
                levels[at] = numbered_level + depth if depth else _SECTION
                numbered_level = numbered_level if depth else _SECTION + 1
    return {at: min(level, _DEEPEST) for at, level in levels.items()}


def lone_entry(piece: Piece) -> ListEntry | None:
    """The only item of a list, if it is one line and nothing else."""
    match piece:
        case Listing(members=(ListEntry(more=()) as entry,)):
            return entry
        case _:
            return None


def _is_numbered_heading(pieces: Sequence[Piece], at: int) -> bool:
    entry = lone_entry(pieces[at])
    if entry is None or entry.head.number is None or at + 1 == len(pieces):
        return False
    return _has_shape(entry.head.rest) and isinstance(pieces[at + 1], Prose | Listing)


def _is_heading(pieces: Sequence[Piece], at: int) -> bool:
    if at + 1 == len(pieces) or not _may_be_heading(pieces[at]):
        return False
    # Right below the title stand names and dates.
    if at < 2 and _is_byline(pieces[at]):
        return False
    below = pieces[at + 1]
    return isinstance(below, Listing) or (isinstance(below, Prose) and not _may_be_heading(below))


def _may_be_heading(piece: Piece) -> bool:
    """Whether it is one line of the right shape, alone. Of several such lines only the last can be a heading."""
    return isinstance(piece, Prose) and piece.opens and len(piece.lines) == 1 and _has_shape(piece.lines[0].text)


def _has_shape(text: str) -> bool:
    """Short, begins like a heading, and does not end like a sentence."""
    if len(text) > _LONGEST or len(text.split()) > _MOST_WORDS or text.rstrip(_CLOSING).endswith(_NO_END):
        return False
    if _WEB_ADDRESS.fullmatch(text):
        return False
    first = _OPENING.sub("", text, count=1)[:1]
    return first.isdigit() or (first.isalpha() and not first.islower())


def _is_byline(piece: Piece) -> bool:
    text = piece.lines[0].text if isinstance(piece, Prose) else ""
    return bool(_DATE.fullmatch(text) or _BYLINE.fullmatch(text))


def _depth_of(text: str) -> int:
    """How many numbers follow the first one in front of a heading: 1 for "2.3 Results", 0 for anything else."""
    found = _DEPTH.match(text)
    return found[1].count(".") if found else 0
