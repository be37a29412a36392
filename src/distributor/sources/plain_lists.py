"""Lists of raw text: nested by indentation, counted as their author counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TypeAlias, cast

from distributor.domain.blocks import Block, List, ListItem
from distributor.sources.plain_lines import Habit, Line, run_on
from distributor.sources.plain_pieces import ListEntry, Listing, Prose
from distributor.sources.web_addresses import linked_paragraph

# Deeper ones stay on this level: no reader follows further, and no renderer has to.
_DEEPEST = 8

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
        while open_heads and (member.head.indent <= open_heads[-1].indent + 1 or len(open_heads) == _DEEPEST):
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
