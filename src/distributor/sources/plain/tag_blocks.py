"""Takes the tags out of a plain text: at its top, at its end, or before what follows its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from distributor.domain.tags import Tag
from distributor.sources.plain.lines import Line
from distributor.sources.plain.lists import text_of_entry
from distributor.sources.plain.pieces import HeadingLine, ListEntry, Listing, Piece, Prose, RuleLine, lines_of
from distributor.sources.tags import (
    is_tag_label,
    read_hashtags,
    read_labelled_tags,
    read_labels,
    read_tag_line,
    starts_with_tag_label,
)

# What follows the tags, such as a line about the author, has no more than so many pieces and characters.
_MOST_PIECES_BELOW = 8
_MOST_CHARACTERS_BELOW = 1500
_MOST_TAGS = 60


@dataclass(frozen=True, slots=True)
class _Found:
    """Tags, what is kept of the first of their pieces, and how many pieces they take."""

    tags: tuple[Tag, ...]
    kept: tuple[Piece, ...] = ()
    length: int = 1


def take_tags(pieces: Sequence[Piece]) -> tuple[list[Piece], tuple[Tag, ...]]:
    """The body without rules at its end, and the tags. A text that consists of a list of words only has no tags."""
    body = _without_rules_below(pieces)
    found: list[Tag] = []
    for at in _places(body):
        tags = _find_tags(body, at)
        if tags is None:
            continue
        rest = _without_rules_below([*body[:at], *tags.kept, *body[at + tags.length :]])
        if any(not isinstance(piece, RuleLine) for piece in rest):
            body, found = rest, [*tags.tags, *found]
    return body, tuple(found)


def _without_rules_below(pieces: Sequence[Piece]) -> list[Piece]:
    length = next((at + 1 for at in range(len(pieces) - 1, -1, -1) if not isinstance(pieces[at], RuleLine)), 0)
    return list(pieces[:length])


def _places(pieces: Sequence[Piece]) -> list[int]:
    """Where tags may be: from the end upwards as far as what is below them is short, and at the top."""
    places: list[int] = []
    below = 0
    for at in range(len(pieces) - 1, max(-1, len(pieces) - 2 - _MOST_PIECES_BELOW), -1):
        places.append(at)
        below += _count_characters(pieces[at])
        if below > _MOST_CHARACTERS_BELOW:
            break
    return places if 0 in places or not pieces else [*places, 0]


def _count_characters(piece: Piece) -> int:
    members = piece.members if isinstance(piece, Listing) else (piece,)
    return sum(len(line.text) for member in members for line in lines_of(member))


def _find_tags(pieces: Sequence[Piece], at: int) -> _Found | None:
    """The tags that begin in this piece. Without a label they are in the last one, hashtags also in the first."""
    if at >= len(pieces):
        return None
    piece, below = pieces[at], pieces[at + 1 : at + 2]
    is_last = at + 1 == len(pieces)
    match piece:
        case HeadingLine(line=line) | Prose(lines=(line,)) if is_tag_label(line.text):
            return _found(read_labels(_labels_in(below)), length=2)
        case HeadingLine(line=line) if is_last:
            return _found(read_tag_line(line.text))
        case Prose(lines=lines):
            found = _find_labelled(piece, lines, is_last=is_last)
            return found or _found(read_tag_line(_joined(lines)) if is_last else _read_hashtags(lines, at))
        case Listing() if is_last:
            return _found(read_hashtags(" ".join(_labels_in((piece,)))))
        case _:
            return None


def _found(tags: tuple[Tag, ...], kept: tuple[Piece, ...] = (), length: int = 1) -> _Found | None:
    return _Found(tags, kept, length) if 0 < len(tags) <= _MOST_TAGS else None


def _read_hashtags(lines: Sequence[Line], at: int) -> tuple[Tag, ...]:
    return read_hashtags(_joined(lines)) if at == 0 else ()


def _find_labelled(piece: Prose, lines: Sequence[Line], *, is_last: bool) -> _Found | None:
    """Tags after a label on a line of its own, with what stands above and below it."""
    start = next((at for at, line in enumerate(lines) if _begins_with_label(line.text)), None)
    if start is None:
        return None
    if is_tag_label(lines[start].text):
        end = len(lines)
        tags = read_labels(label for line in lines[start + 1 :] for label in _parts(line.text))
    else:
        end = next((at for at in range(start + 1, len(lines)) if not _goes_on(*lines[at - 1 : at + 1])), len(lines))
        tags = read_labelled_tags(_joined(lines[start:end]))
    # "Topic: the sea" may be the beginning of a part.
    if len(tags) == 1 and not is_last and not starts_with_tag_label(lines[start].text, without_doubt=True):
        return None
    around = (lines[:start], lines[end:])
    return _found(tags, tuple(replace(piece, lines=tuple(kept)) for kept in around if kept))


def _begins_with_label(text: str) -> bool:
    return starts_with_tag_label(text) or is_tag_label(text)


def _goes_on(line: Line, below: Line) -> bool:
    """Whether a list of tags goes on in the next line."""
    if line.text.endswith((",", ";", "|")):
        return True
    return line.text.count(",") > 1 and "," in below.text and below.text[0].islower()


def _parts(text: str) -> list[str]:
    """The labels on one line below a label."""
    tags = read_hashtags(text) or read_labelled_tags(f"Tags: {text}")
    return [tag.label for tag in tags] or [text]


def _labels_in(pieces: Sequence[Piece]) -> list[str]:
    """The labels in the piece below a label: its items, its lines, or between separators."""
    match pieces:
        case [Listing(members=members)] if all(isinstance(one, ListEntry) for one in members):
            return [label for one in members if isinstance(one, ListEntry) for label in _parts(text_of_entry(one))]
        case [Prose(lines=lines)] if not lines[0].text.endswith((",", ";", "|")):
            return [label for line in lines for label in _parts(line.text)]
        case [Prose(lines=lines)]:
            return _parts(_joined(lines))
        case _:
            return []


def _joined(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)
