"""From pieces of raw text to blocks: what is a list, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

from distributor.domain.blocks import Block, Divider, Heading, Run
from distributor.sources.plain_headings import find_headings, lone_entry
from distributor.sources.plain_lines import Habit, Line
from distributor.sources.plain_lists import build_lists
from distributor.sources.plain_pieces import PLAIN_BULLETS, Headline, ListEntry, Listing, Piece, Prose
from distributor.sources.web_addresses import linked_paragraph

_SENTENCE_END = regex.compile(r"[.?!…][\"'”’»)]*$")
_SPEECH_TAG = regex.compile(r"\s[–—-]\s")


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
