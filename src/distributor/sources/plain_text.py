"""Plain text as people paste it into a mail: a title, paragraphs, bullets, perhaps a last line of tags.

Nothing in it is markup: asterisks, underscores and angle brackets are shown as they are.
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
from distributor.sources.assembly import build_manuscript
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.plain_lines import (
    PLAIN_BULLETS,
    HeadingLine,
    Line,
    LineBreak,
    LineBreakStyle,
    LineGroup,
    ListEntry,
    Listing,
    Piece,
    Prose,
    RuleLine,
    detect_line_break_style,
    find_pieces,
    read_line_groups,
    separator_between,
)
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.tags import read_tag_line, starts_with_tag_label
from distributor.sources.urls import linked_paragraph

_SECTION_LEVEL = 2
_MAX_LEVEL = 6
_MAX_HEADING_LENGTH = 80
_MAX_HEADING_WORDS = 12
_NOT_AT_HEADING_END = tuple(".,;:…。、，；：")
_CLOSING_MARKS = "\"'”’»)]"
_OPENING_MARKS = regex.compile(r"^[\"'“‘„«‹¿¡(\[\p{So}\p{Sk}\uFE0F\u200D\s]*")
_URL_OR_EMAIL = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+", regex.IGNORECASE)
_DEPTH = regex.compile(r"[0-9]{1,2}((?:\.[0-9]{1,2})+)\.?\s+[\"“‘„«]?\p{Lu}")
_BYLINE = regex.compile(r"(?i:by|von|par|por|di)(?:\s+(?:\p{Lu}[\p{L}\p{M}.'’-]*|and|und|et|y|&|de|van|von|da))+")
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th|\.)?"
_DATE = regex.compile(
    rf"(?:\p{{L}}{{3,12}},?\s+)?(?:\p{{L}}{{3,12}}\.?\s+{_DAY}|{_DAY}\s+\p{{L}}{{3,12}}),?\s+[0-9]{{4}}"
    r"|[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}"
)
# Deeper items stay on this level, which bounds the nesting that renderers have to handle.
_MAX_LIST_DEPTH = 8
_SENTENCE_END = regex.compile(r"[.?!…][\"'”’»)]*$")
_SPEAKER_DASH = regex.compile(r"\s[–—-]\s")
SUFFIXES = (".txt", ".text")
_TITLE_LABEL = regex.compile(r"title\s*:\s*(?=\S)", regex.IGNORECASE)
_MAX_TITLE_LINES = 3
_Ranked: TypeAlias = Sequence[tuple[int, ListEntry | Prose]]


def parse(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a normalized text. Raises SourceError if there is no title or no text below it.

    The first line is the title unless front matter has another one; a last paragraph that lists tags is not part of the
    body.
    """
    front, below = split_front_matter(text, path=path, options=options)
    line_groups = read_line_groups(below)
    style = detect_line_break_style(line_groups)
    title, untitled = _take_title(line_groups, style, front.title)
    pieces, tags = _take_tags(find_pieces(untitled, style))
    body = tuple(build_blocks(pieces, style))
    warnings = _line_break_warnings(style)
    return build_manuscript(front, body, title=title, tags=tags, warnings=warnings, path=path, options=options)


def build_blocks(pieces: Sequence[Piece], style: LineBreakStyle) -> Iterator[Block]:
    """The blocks of the body, in order. Only rules and the markers of items and headings are left out."""
    levels = find_heading_levels(pieces)
    for at, piece in enumerate(pieces):
        if at in levels:
            yield Heading(levels[at], (Run(_lines_of(piece)[0].text),))
            continue
        match piece:
            case Prose(lines=lines):
                yield linked_paragraph(style.join(lines))
            case Listing() if at - 1 in levels or (at and _ends_with_colon(pieces[at - 1])) or _is_list(piece):
                yield from build_lists(piece, style)
            case Listing(members=members):
                yield from (linked_paragraph(style.join(_lines_of(member))) for member in members)
            case _:
                yield Divider()


def _take_title(
    line_groups: Sequence[LineGroup], style: LineBreakStyle, known: str | None
) -> tuple[str | None, Sequence[LineGroup]]:
    """The title, and the lines below it. A first line that differs from the known title stays in the body."""
    first = next(
        (at for at, line_group in enumerate(line_groups) if any(not line.is_rule for line in line_group)), None
    )
    if first is None:
        return None, ()
    lines = _without_rules_above(line_groups[first])
    length = _count_title_lines(lines, style)
    title = _TITLE_LABEL.sub("", " ".join(line.text for line in lines[:length]), count=1)
    if known is not None and title.casefold() != known.casefold():
        return known, line_groups
    rest = _without_rules_above(lines[length:])
    return title, [*([rest] if rest else []), *line_groups[first + 1 :]]


def _without_rules_above(lines: LineGroup) -> LineGroup:
    start = next((at for at, line in enumerate(lines) if not line.is_rule), len(lines))
    return lines[start:]


def _count_title_lines(lines: LineGroup, style: LineBreakStyle) -> int:
    """The lines of the title: one, unless an editor wrapped it."""
    count = 1
    while count < min(len(lines), _MAX_TITLE_LINES) and style.fills(lines[count - 1], lines[count]):
        count += 1
    return count


def _take_tags(pieces: list[Piece]) -> tuple[list[Piece], tuple[Tag, ...]]:
    """The body, and the tags listed at its end. A text that consists of a list of words only has no tags."""
    body = _without_rules_below(pieces)
    if not body:
        return pieces, ()
    last = body.pop()
    label_lines = _tag_label_in(body)
    if label_lines:
        body.pop()
    kept, tags = _split_tags(last, label_lines)
    body = _without_rules_below([*body, *kept])
    return (body, tags) if tags and body else (pieces, ())


def _without_rules_below(pieces: Sequence[Piece]) -> list[Piece]:
    length = next((at + 1 for at in range(len(pieces) - 1, -1, -1) if not isinstance(pieces[at], RuleLine)), 0)
    return list(pieces[:length])


def _tag_label_in(pieces: Sequence[Piece]) -> Sequence[Line]:
    """The line of the last piece if it is just "Tags:", with the tags in the next paragraph."""
    match pieces[-1:]:
        case [Prose(lines=[line])] if starts_with_tag_label(line.text) and line.text.endswith(":"):
            return (line,)
        case _:
            return ()


def _split_tags(piece: Piece, label_lines: Sequence[Line]) -> tuple[Sequence[Piece], tuple[Tag, ...]]:
    """The part of the last piece that belongs to the body, and the tags in the rest."""
    match piece:
        case HeadingLine(line=line):
            return (), read_tag_line(line.text)
        case Prose(lines=lines) if label_lines:
            return (), read_tag_line(_joined((*label_lines, *lines)))
        case Prose(lines=lines):
            start = next((at for at in range(len(lines) - 1, 0, -1) if starts_with_tag_label(lines[at].text)), 0)
            kept = [replace(piece, lines=lines[:start])] if start else []
            return kept, read_tag_line(_joined(lines[start:]))
        case _:
            return (), ()


def _joined(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)


def _line_break_warnings(style: LineBreakStyle) -> tuple[str, ...]:
    if style.breaks is LineBreak.PARAGRAPH:
        return ("there are no empty lines between paragraphs, so every line was read as a paragraph",)
    return ()


def _is_list(listing: Listing) -> bool:
    """Whether items without an introduction are a list, and not a single line, a footnote or a dialogue."""
    single = single_entry(listing)
    if single is not None:
        return single.head.bullet in PLAIN_BULLETS
    return not _is_dialogue([member for member in listing.members if isinstance(member, ListEntry)])


def _is_dialogue(entries: Sequence[ListEntry]) -> bool:
    """Whether the dashes mark direct speech: every line ends like a sentence, and a second dash names the speaker."""
    if not all(_SENTENCE_END.search(_lines_of(entry)[-1].text) for entry in entries):
        return False
    bullets = {entry.head.bullet for entry in entries}
    return bullets == {"–"} or (bullets == {"-"} and any(_SPEAKER_DASH.search(entry.head.rest) for entry in entries))


def _ends_with_colon(piece: Piece) -> bool:
    return isinstance(piece, Prose) and piece.lines[-1].text.endswith(":")


def _lines_of(piece: Piece | ListEntry) -> Sequence[Line]:
    match piece:
        case Prose(lines=lines):
            return lines
        case HeadingLine(line=line):
            return (line,)
        case ListEntry(head=head, more=more):
            return (head, *more)
        case Listing(members=members):
            return _lines_of(members[0])
        case _:
            return ()


def find_heading_levels(pieces: Sequence[Piece]) -> Mapping[int, int]:
    """The positions of headings, with their levels.

    A single short line above text is a section heading; one that starts with a number is one level below a section.
    """
    levels: dict[int, int] = {}
    numbered: set[int] = set()
    numbered_level = _SECTION_LEVEL
    for at, piece in enumerate(pieces):
        match piece:
            case HeadingLine(line=line):
                levels[at] = line.level or _SECTION_LEVEL
                numbered_level = levels[at] + 1
            case Listing() if _is_numbered_heading(pieces, at):
                numbered.add(at)
                levels[at] = numbered_level
            case Prose() if at - 1 not in numbered and _is_heading(pieces, at):
                depth = _depth_of(piece.lines[0].text)
                levels[at] = numbered_level + depth if depth else _SECTION_LEVEL
                numbered_level = numbered_level if depth else _SECTION_LEVEL + 1
    return {at: min(level, _MAX_LEVEL) for at, level in levels.items()}


def single_entry(piece: Piece) -> ListEntry | None:
    """The only item of a list with one item of one line; else None."""
    match piece:
        case Listing(members=(ListEntry(more=()) as entry,)):
            return entry
        case _:
            return None


def _is_numbered_heading(pieces: Sequence[Piece], at: int) -> bool:
    entry = single_entry(pieces[at])
    if entry is None or entry.head.number is None or at + 1 == len(pieces):
        return False
    return _has_heading_shape(entry.head.rest) and isinstance(pieces[at + 1], Prose | Listing)


def _is_heading(pieces: Sequence[Piece], at: int) -> bool:
    if at + 1 == len(pieces) or not _may_be_heading(pieces[at]):
        return False
    # Directly below the title there may be the author and a date.
    if at < 2 and _is_byline(pieces[at]):
        return False
    below = pieces[at + 1]
    return isinstance(below, Listing) or (isinstance(below, Prose) and not _may_be_heading(below))


def _may_be_heading(piece: Piece) -> bool:
    """Whether it is a single line of the right shape. Of several such lines only the last can be a heading."""
    return (
        isinstance(piece, Prose) and piece.opens and len(piece.lines) == 1 and _has_heading_shape(piece.lines[0].text)
    )


def _has_heading_shape(text: str) -> bool:
    """Whether it is short, starts like a heading, and does not end like a sentence."""
    if (
        len(text) > _MAX_HEADING_LENGTH
        or len(text.split()) > _MAX_HEADING_WORDS
        or text.rstrip(_CLOSING_MARKS).endswith(_NOT_AT_HEADING_END)
    ):
        return False
    if _URL_OR_EMAIL.fullmatch(text):
        return False
    first = _OPENING_MARKS.sub("", text, count=1)[:1]
    return first.isdigit() or (first.isalpha() and not first.islower())


def _is_byline(piece: Piece) -> bool:
    text = piece.lines[0].text if isinstance(piece, Prose) else ""
    return bool(_DATE.fullmatch(text) or _BYLINE.fullmatch(text))


def _depth_of(text: str) -> int:
    """How many numbers follow the first one at the start of a heading: 1 for "2.3 Results", else 0."""
    found = _DEPTH.match(text)
    return found[1].count(".") if found else 0


def build_lists(listing: Listing, style: LineBreakStyle) -> tuple[Block, ...]:
    """The lists of these members: a new one starts where bullets change to numbers or a number is not the next."""
    return tuple(_nest(tuple(_rank(listing)), 1, style))


def text_of_entry(entry: ListEntry) -> str:
    """An item's text on one line, without its marker."""
    parts = [entry.head.rest]
    for line in entry.more:
        parts += (separator_between(parts[-1], line.text), line.text)
    return "".join(parts)


def _rank(listing: Listing) -> Iterator[tuple[int, ListEntry | Prose]]:
    """Each member with its depth, from 1. A paragraph has the depth of the item whose text it is aligned with."""
    open_heads: list[Line] = []
    for member in listing.members:
        if isinstance(member, Prose):
            column = member.lines[0].indent
            while len(open_heads) > 1 and open_heads[-1].content_column > column:
                open_heads.pop()
            yield len(open_heads), member
            continue
        # One more space of indent is ignored, two are a new level.
        while open_heads and (member.head.indent <= open_heads[-1].indent + 1 or len(open_heads) == _MAX_LIST_DEPTH):
            open_heads.pop()
        open_heads.append(member.head)
        yield len(open_heads), member


def _nest(ranked: _Ranked, level: int, style: LineBreakStyle) -> Iterator[Block]:
    """The lists of one level, each item with what belongs to it."""
    items: list[ListItem] = []
    start: int | None = None
    last: Line | None = None
    for entry, inside in _split_items(ranked, level):
        head = entry.head
        if items and last and not _is_next_item(last, head):
            yield _make_list(start, items)
            items = []
        if not items:
            start = head.number
        items.append(ListItem((linked_paragraph(text_of_entry(entry)), *_item_content(inside, level, style))))
        last = head
    yield _make_list(start, items)


def _split_items(ranked: _Ranked, level: int) -> Iterator[tuple[ListEntry, _Ranked]]:
    """Each item of this level, with the members between it and the next one."""
    heads = [at for at, (rank, member) in enumerate(ranked) if rank == level and isinstance(member, ListEntry)]
    for at, end in pairwise([*heads, len(ranked)]):
        yield cast("ListEntry", ranked[at][1]), ranked[at + 1 : end]


def _item_content(inside: _Ranked, level: int, style: LineBreakStyle) -> Iterator[Block]:
    """The further content of an item: more paragraphs, and lists one level deeper."""
    for is_own, group in groupby(inside, key=lambda ranked: ranked[0] == level):
        if is_own:
            yield from (linked_paragraph(style.join(member.lines)) for _, member in group if isinstance(member, Prose))
        else:
            yield from _nest(tuple(group), level + 1, style)


def _is_next_item(above: Line, head: Line) -> bool:
    return head.number is None if above.number is None else head.number == above.number + 1


def _make_list(start: int | None, items: Sequence[ListItem]) -> List:
    return List(tuple(items)) if start is None else List(tuple(items), ordered=True, start=start)
