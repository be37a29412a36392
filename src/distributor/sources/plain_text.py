"""Plain text as people paste it into a mail: a title, paragraphs, bullets, perhaps a last line of tags.

Nothing in it is markup: asterisks, underscores and angle brackets are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Divider, Heading, Quote, Run
from distributor.sources.assembly import build_manuscript
from distributor.sources.bylines import is_byline
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.plain.head import FoundMetadata, take_head
from distributor.sources.plain.headings import find_heading_levels
from distributor.sources.plain.lines import (
    Line,
    LineBreak,
    LineBreakStyle,
    detect_line_break_style,
    read_line_groups,
)
from distributor.sources.plain.lists import build_lists, is_list
from distributor.sources.plain.notices import take_notices
from distributor.sources.plain.pieces import Listing, Piece, Prose, Quoted, Rows, find_pieces, lines_of
from distributor.sources.plain.tables import build_table
from distributor.sources.plain.tag_blocks import take_tags
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.urls import linked_paragraph

SUFFIXES = (".txt", ".text")
_MOST_LINES_AT_END = 4


def parse(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a normalized text. Raises SourceError if there is no title or no text below it.

    The first line is the title unless front matter has another one. Who wrote it and when, tags, notices for the press
    and end marks are not part of the body; what is kept nowhere is named in a warning.
    """
    front, below = split_front_matter(text, path=path, options=options)
    found = FoundMetadata(options)
    line_groups, notices = take_notices(read_line_groups(below))
    found.take_notices(notices)
    style = detect_line_break_style(line_groups)
    title, untitled = take_head(line_groups, style, front.title, found)
    pieces, tags = take_tags(find_pieces(untitled, style))
    pieces = _without_byline_below(pieces, found)
    _take_dateline(pieces, found)
    body = tuple(build_blocks(pieces, style, is_byline_first=found.goes_on_below))
    warnings = (*_line_break_warnings(style), *found.warnings)
    return build_manuscript(
        found.completed(front),
        body,
        title=title,
        tags=(*found.tags, *tags),
        warnings=warnings,
        path=path,
        options=options,
    )


def build_blocks(pieces: Sequence[Piece], style: LineBreakStyle, *, is_byline_first: bool = False) -> Iterator[Block]:
    """The blocks of the body, in order. Only rules and the markers of items, headings and quotes are left out."""
    levels = find_heading_levels(pieces, is_byline_first=is_byline_first)
    for at, piece in enumerate(pieces):
        if at in levels:
            yield Heading(levels[at], (Run(lines_of(piece)[0].text),))
            continue
        match piece:
            case Prose(lines=lines):
                yield linked_paragraph(style.join(lines))
            case Listing() if at - 1 in levels or (at and _ends_with_colon(pieces[at - 1])) or is_list(piece):
                yield from build_lists(piece, style)
            case Listing(members=members):
                yield from (linked_paragraph(style.join(lines_of(member))) for member in members)
            case Rows():
                yield build_table(piece)
            case Quoted(lines=lines):
                yield _build_quote(lines, style)
            case _:
                yield Divider()


def _build_quote(lines: Sequence[Line], style: LineBreakStyle) -> Quote:
    """Quoted lines without their marks, of which several are a quote in a quote; an empty one parts paragraphs."""
    bare = [Line(line.indent, line.text.lstrip("> ")) for line in lines]
    paragraphs = [list(group) for has_text, group in groupby(bare, key=lambda line: bool(line.text)) if has_text]
    return Quote(tuple(linked_paragraph(style.join(paragraph)) for paragraph in paragraphs))


def _without_byline_below(pieces: list[Piece], found: FoundMetadata) -> list[Piece]:
    """The pieces without the author and the date in the last lines."""
    match pieces[-1:]:
        # "4. Mai 2026" looks like an item of a list.
        case [Prose() | Listing(members=[_]) as last] if len(pieces) > 1:
            lines = lines_of(last)
            is_short = len(lines) <= _MOST_LINES_AT_END and all(is_byline(line.text) for line in lines)
            if is_short and all(found.take(line.text) for line in lines):
                return pieces[:-1]
    return pieces


def _take_dateline(pieces: Sequence[Piece], found: FoundMetadata) -> None:
    first = next((piece for piece in pieces if isinstance(piece, Prose)), None)
    if first is not None:
        found.take_dateline(first.lines[0].text)


def _line_break_warnings(style: LineBreakStyle) -> tuple[str, ...]:
    if style.breaks is LineBreak.PARAGRAPH:
        return ("there are no empty lines between paragraphs, so every line was read as a paragraph",)
    return ()


def _ends_with_colon(piece: Piece) -> bool:
    return isinstance(piece, Prose) and piece.lines[-1].text.endswith(":")
