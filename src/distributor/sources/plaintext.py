"""Raw text as people paste it into a mail: a title, paragraphs, bullets, perhaps a last line of tags.

Nothing in it is markup: stars, underscores and angle brackets are what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import regex

from distributor.domain.article import Manuscript
from distributor.domain.tags import Tag
from distributor.sources.assembly import assemble
from distributor.sources.front_matter import split_front_matter
from distributor.sources.plain_blocks import build_blocks
from distributor.sources.plain_lines import Breaks, Habit, Line, Stanza, find_habit, read_stanzas
from distributor.sources.plain_pieces import Headline, Piece, Prose, RuleLine, find_pieces
from distributor.sources.tag_labels import announces_tags, read_tag_line

SUFFIXES = (".txt", ".text")

_TITLE_LABEL = regex.compile(r"title\s*:\s*(?=\S)", regex.IGNORECASE)
_MOST_TITLE_LINES = 3


def parse(text: str, *, path: str) -> Manuscript:
    """The manuscript that a clean text is. Raises SourceError if there is no title or nothing below it.

    The first line is the title unless front matter has another one; a last paragraph that lists tags is not body.
    """
    front, below = split_front_matter(text, path=path)
    stanzas = read_stanzas(below)
    habit = find_habit(stanzas)
    title, untitled = _take_title(stanzas, habit, front.title)
    pieces, tags = _take_tags(find_pieces(untitled, habit))
    body = tuple(build_blocks(pieces, habit))
    return assemble(front, body, title=title, tags=tags, warnings=_doubt_breaks(habit), path=path)


def _take_title(stanzas: Sequence[Stanza], habit: Habit, known: str | None) -> tuple[str | None, Sequence[Stanza]]:
    """The title, and what is below it. A first line that says something else than the known title stays."""
    first = next((at for at, stanza in enumerate(stanzas) if any(not line.is_rule for line in stanza)), None)
    if first is None:
        return None, ()
    lines = _without_rules_above(stanzas[first])
    length = _count_title_lines(lines, habit)
    title = _TITLE_LABEL.sub("", " ".join(line.text for line in lines[:length]), count=1)
    if known is not None and title.casefold() != known.casefold():
        return known, stanzas
    rest = _without_rules_above(lines[length:])
    return title, [*([rest] if rest else []), *stanzas[first + 1 :]]


def _without_rules_above(lines: Stanza) -> Stanza:
    start = next((at for at, line in enumerate(lines) if not line.is_rule), len(lines))
    return lines[start:]


def _count_title_lines(lines: Stanza, habit: Habit) -> int:
    """One, unless an editor wrapped the title."""
    count = 1
    while count < min(len(lines), _MOST_TITLE_LINES) and habit.fills(lines[count - 1], lines[count]):
        count += 1
    return count


def _take_tags(pieces: list[Piece]) -> tuple[list[Piece], tuple[Tag, ...]]:
    """The body and the tags that its end lists. A text that is nothing but a list of words is no list of tags."""
    body = _without_rules_below(pieces)
    if not body:
        return pieces, ()
    last = body.pop()
    announcement = _announcement_in(body)
    if announcement:
        body.pop()
    kept, tags = _split_tags(last, announcement)
    body = _without_rules_below([*body, *kept])
    return (body, tags) if tags and body else (pieces, ())


def _without_rules_below(pieces: Sequence[Piece]) -> list[Piece]:
    length = next((at + 1 for at in range(len(pieces) - 1, -1, -1) if not isinstance(pieces[at], RuleLine)), 0)
    return list(pieces[:length])


def _announcement_in(pieces: Sequence[Piece]) -> Sequence[Line]:
    """The last piece if it is "Tags:" alone, with the tags in a paragraph of their own below."""
    match pieces[-1:]:
        case [Prose(lines=[line])] if announces_tags(line.text) and line.text.endswith(":"):
            return (line,)
        case _:
            return ()


def _split_tags(piece: Piece, announcement: Sequence[Line]) -> tuple[Sequence[Piece], tuple[Tag, ...]]:
    """What of the last piece is body, and the tags in the rest."""
    match piece:
        case Headline(line=line):
            return (), read_tag_line(line.text)
        case Prose(lines=lines) if announcement:
            return (), read_tag_line(_flow((*announcement, *lines)))
        case Prose(lines=lines):
            start = next((at for at in range(len(lines) - 1, 0, -1) if announces_tags(lines[at].text)), 0)
            kept = [replace(piece, lines=lines[:start])] if start else []
            return kept, read_tag_line(_flow(lines[start:]))
        case _:
            return (), ()


def _flow(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)


def _doubt_breaks(habit: Habit) -> tuple[str, ...]:
    if habit.breaks is Breaks.PARAGRAPH:
        return ("there are no empty lines between paragraphs; every line was taken for one",)
    return ()
