"""Raw text as people paste it into a mail: a title, paragraphs, bullets, perhaps a last line of tags.

Nothing in it is markup: stars, underscores and angle brackets are what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TypeAlias, cast

import regex

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Divider, Heading, List, ListItem, Run
from distributor.domain.tags import Tag
from distributor.sources.assembly import assemble
from distributor.sources.front_matter import split_front_matter
from distributor.sources.plain_lines import (
    PLAIN_BULLETS,
    Breaks,
    Habit,
    Headline,
    Line,
    ListEntry,
    Listing,
    Piece,
    Prose,
    RuleLine,
    Stanza,
    find_habit,
    find_pieces,
    read_stanzas,
    run_on,
)
from distributor.sources.tags import announces_tags, read_tag_line
from distributor.sources.urls import linked_paragraph

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
# Deeper ones stay on this level: no reader follows further, and no renderer has to.
_DEEPEST_LIST = 8
_SENTENCE_END = regex.compile(r"[.?!…][\"'”’»)]*$")
_SPEECH_TAG = regex.compile(r"\s[–—-]\s")
SUFFIXES = (".txt", ".text")
_TITLE_LABEL = regex.compile(r"title\s*:\s*(?=\S)", regex.IGNORECASE)
_MOST_TITLE_LINES = 3


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


_Ranked: TypeAlias = Sequence[tuple[int, ListEntry | Prose]]


def build_lists(listing: Listing, habit: Habit) -> tuple[Block, ...]:
    """The lists that these members make: a new one begins where bullets change to numbers, or counting jumps."""
    return tuple(_nest(tuple(_rank(listing)), 1, habit))


def text_of_entry(entry: ListEntry) -> str:
    """An item's text on one line, without its marker."""
    parts = [entry.head.rest]
    for line in entry.more:
        parts += (run_on(parts[-1], line.text), line.text)
    return "".join(parts)


def _rank(listing: Listing) -> Iterator[tuple[int, ListEntry | Prose]]:
    """Each member with its depth, counted from 1. A paragraph has that of the item whose text it is aligned with."""
    open_heads: list[Line] = []
    for member in listing.members:
        if isinstance(member, Prose):
            column = member.lines[0].indent
            while len(open_heads) > 1 and open_heads[-1].content_column > column:
                open_heads.pop()
            yield len(open_heads), member
            continue
        # One space deeper is carelessness, two are a level.
        while open_heads and (member.head.indent <= open_heads[-1].indent + 1 or len(open_heads) == _DEEPEST_LIST):
            open_heads.pop()
        open_heads.append(member.head)
        yield len(open_heads), member


def _nest(ranked: _Ranked, level: int, habit: Habit) -> Iterator[Block]:
    """The lists of one level, each item with what belongs to it."""
    items: list[ListItem] = []
    start: int | None = None
    last: Line | None = None
    for entry, inside in _split_items(ranked, level):
        head = entry.head
        if items and last and not _counts_on(last, head):
            yield _make_list(start, items)
            items = []
        if not items:
            start = head.number
        items.append(ListItem((linked_paragraph(text_of_entry(entry)), *_fill(inside, level, habit))))
        last = head
    yield _make_list(start, items)


def _split_items(ranked: _Ranked, level: int) -> Iterator[tuple[ListEntry, _Ranked]]:
    """Each item of this level, with the members between it and the next one."""
    heads = [at for at, (rank, member) in enumerate(ranked) if rank == level and isinstance(member, ListEntry)]
    for at, end in pairwise([*heads, len(ranked)]):
        yield cast("ListEntry", ranked[at][1]), ranked[at + 1 : end]


def _fill(inside: _Ranked, level: int, habit: Habit) -> Iterator[Block]:
    """What an item holds besides its first paragraph: more of them, and lists one level deeper."""
    for is_own, group in groupby(inside, key=lambda ranked: ranked[0] == level):
        if is_own:
            yield from (linked_paragraph(habit.join(member.lines)) for _, member in group if isinstance(member, Prose))
        else:
            yield from _nest(tuple(group), level + 1, habit)


def _counts_on(above: Line, head: Line) -> bool:
    return head.number is None if above.number is None else head.number == above.number + 1


def _make_list(start: int | None, items: Sequence[ListItem]) -> List:
    return List(tuple(items)) if start is None else List(tuple(items), ordered=True, start=start)


def build_blocks(pieces: Sequence[Piece], habit: Habit) -> Iterator[Block]:
    """The blocks of the body, in order. Nothing is left out but rules, and the signs that mark items and headings."""
    levels = find_headings(pieces)
    for at, piece in enumerate(pieces):
        if at in levels:
            yield Heading(levels[at], (Run(_lines_of(piece)[0].text),))
            continue
        match piece:
            case Prose(lines=lines):
                yield linked_paragraph(habit.join(lines))
            case Listing() if at - 1 in levels or (at and _ends_with_colon(pieces[at - 1])) or _is_list(piece):
                yield from build_lists(piece, habit)
            case Listing(members=members):
                yield from (linked_paragraph(habit.join(_lines_of(member))) for member in members)
            case _:
                yield Divider()


def _is_list(listing: Listing) -> bool:
    """Whether items that nothing introduces are a list, and not a lone line, a footnote or a dialogue."""
    lone = lone_entry(listing)
    if lone is not None:
        return lone.head.sign in PLAIN_BULLETS
    return not _is_dialogue([member for member in listing.members if isinstance(member, ListEntry)])


def _is_dialogue(entries: Sequence[ListEntry]) -> bool:
    """Whether dashes mark speech: every line ends like a sentence, and after hyphens somebody is said to speak."""
    if not all(_SENTENCE_END.search(_lines_of(entry)[-1].text) for entry in entries):
        return False
    signs = {entry.head.sign for entry in entries}
    return signs == {"–"} or (signs == {"-"} and any(_SPEECH_TAG.search(entry.head.rest) for entry in entries))


def _ends_with_colon(piece: Piece) -> bool:
    return isinstance(piece, Prose) and piece.lines[-1].text.endswith(":")


def _lines_of(piece: Piece | ListEntry) -> Sequence[Line]:
    match piece:
        case Prose(lines=lines):
            return lines
        case Headline(line=line):
            return (line,)
        case ListEntry(head=head, more=more):
            return (head, *more)
        case Listing(members=members):
            return _lines_of(members[0])
        case _:
            return ()


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
