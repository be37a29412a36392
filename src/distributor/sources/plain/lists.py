"""Makes lists of list items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TypeAlias, cast

import regex

from distributor.domain.blocks import Block, List, ListItem
from distributor.sources.plain.lines import Line, LineBreakStyle, separator_between
from distributor.sources.plain.markers import BOXES, CROSSES, PLAIN_BULLETS, TICKS, Numbering
from distributor.sources.plain.pieces import (
    ListEntry,
    Listing,
    Prose,
    ends_like_a_sentence,
    is_next_item,
    lines_of,
    single_entry,
)
from distributor.sources.urls import linked_paragraph

# Deeper items stay on this level, which bounds the nesting that renderers have to handle.
_MAX_LIST_DEPTH = 8
_SPEAKER_DASH = regex.compile(r"\s[–—-]\s")
_SPEECH_DASHES = frozenset("–—")
# Signs that say something about each item are of one list, although they differ.
_SAME_KIND = dict.fromkeys(TICKS | CROSSES, "✓") | dict.fromkeys(BOXES, "☐")
_Ranked: TypeAlias = Sequence[tuple[int, ListEntry | Prose]]


def is_list(listing: Listing) -> bool:
    """Whether items without an introduction are a list, and not a single line, a footnote or a dialogue."""
    single = single_entry(listing)
    if single is not None:
        return single.head.bullet in PLAIN_BULLETS
    return not _is_dialogue([member for member in listing.members if isinstance(member, ListEntry)])


def _is_dialogue(entries: Sequence[ListEntry]) -> bool:
    """Whether the dashes mark direct speech: every line ends like a sentence, and a second dash names the speaker."""
    if not all(ends_like_a_sentence(lines_of(entry)[-1]) for entry in entries):
        return False
    bullets = {entry.head.bullet for entry in entries}
    return bullets <= _SPEECH_DASHES or (
        bullets == {"-"} and any(_SPEAKER_DASH.search(entry.head.rest) for entry in entries)
    )


def build_lists(listing: Listing, style: LineBreakStyle) -> tuple[Block, ...]:
    """The lists of these members: a new one starts where bullets change to numbers or a number is not the next."""
    return tuple(_nest(tuple(_rank(_with_answers(listing))), 1, style))


def text_of_entry(entry: ListEntry) -> str:
    """An item's text on one line, without its marker."""
    parts = [entry.head.rest]
    for line in entry.more:
        parts += (separator_between(parts[-1], line.text), line.text)
    return "".join(parts)


def _with_answers(listing: Listing) -> Listing:
    """Where some items have a tick and others a cross, both belong to the text."""
    heads = [member.head for member in listing.members if isinstance(member, ListEntry)]
    if not any(head.bullet in CROSSES for head in heads):
        return listing
    return Listing(
        tuple(
            replace(member, head=replace(member.head, rest=member.head.text))
            if isinstance(member, ListEntry) and member.head.bullet in TICKS | CROSSES
            else member
            for member in listing.members
        )
    )


def _rank(listing: Listing) -> Iterator[tuple[int, ListEntry | Prose]]:
    """Each member with its depth, from 1. A paragraph has the depth of the item whose text it is aligned with."""
    open_heads: list[Line] = []
    for member, resumed in zip(listing.members, _resumed(listing), strict=True):
        if isinstance(member, Prose):
            column = member.lines[0].indent
            while len(open_heads) > 1 and open_heads[-1].content_column > column:
                open_heads.pop()
            yield len(open_heads), member
            continue
        while open_heads and not _is_inside(member.head, open_heads, resumed):
            if _is_beside(member.head, open_heads.pop()):
                break
        open_heads.append(member.head)
        yield len(open_heads), member


_Kind: TypeAlias = "str | Numbering | None"


def _is_inside(head: Line, open_heads: Sequence[Line], resumed: Mapping[_Kind, int | None]) -> bool:
    """Whether an item belongs into the last open one: it is indented, or that list goes on after others below it.

    One more space of indent is ignored, two are a new level.
    """
    above = open_heads[-1]
    if len(open_heads) == _MAX_LIST_DEPTH:
        return False
    if head.indent > above.indent + 1:
        return True
    is_first = head.number in (None, 1) and _kind_of(head) not in map(_kind_of, open_heads)
    goes_on = _kind_of(above) in resumed and resumed[_kind_of(above)] == (above.number and above.number + 1)
    return is_first and goes_on and head.indent >= above.indent - 1


def _is_beside(head: Line, above: Line) -> bool:
    """Whether an item follows another one in the same list, although nothing but its marker shows the level."""
    return _kind_of(head) == _kind_of(above) and abs(head.indent - above.indent) <= 1


def _resumed(listing: Listing) -> list[Mapping[_Kind, int | None]]:
    """For each member, by the kinds of markers that come after it, the number of the first of that kind."""
    found: list[Mapping[_Kind, int | None]] = []
    after: dict[_Kind, int | None] = {}
    for member in reversed(listing.members):
        found.append(after)
        if isinstance(member, ListEntry) and (_kind_of(member.head) not in after or member.head.number is not None):
            after = {**after, _kind_of(member.head): member.head.number}
    return found[::-1]


def _kind_of(head: Line) -> _Kind:
    return _SAME_KIND.get(head.bullet, head.bullet) if head.bullet else head.numbering


def _nest(ranked: _Ranked, level: int, style: LineBreakStyle) -> Iterator[Block]:
    """The lists of one level, each item with what belongs to it."""
    items: list[ListItem] = []
    start: int | None = None
    last: Line | None = None
    for entry, inside in _split_items(ranked, level):
        head = entry.head
        if items and last and not is_next_item(last, head):
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


def _make_list(start: int | None, items: Sequence[ListItem]) -> List:
    return List(tuple(items)) if start is None else List(tuple(items), ordered=True, start=start)
