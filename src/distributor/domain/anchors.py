"""Anchors: the names of places in an article that links lead to, written after "#" in a URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import regex

from distributor.domain.blocks import Block, Heading, replace_blocks, runs_of, text_of, walk

_LEFT_OUT = regex.compile(r"[^\p{L}\p{M}\p{N}_\s-]+")
_SPACES = regex.compile(r"\s+")
# The ids that the page of an article has besides.
_OF_THE_PAGE = ("content", "follow", "follow-title")


def anchor_of(text: str) -> str:
    """The anchor that site generators and GitHub give a heading with this text; empty without letters and digits."""
    return _SPACES.sub("-", _LEFT_OUT.sub("", text.strip().lower()).strip())


def anchors_in(blocks: Sequence[Block]) -> Iterator[str]:
    """The anchors that are set, in reading order."""
    for block in walk(blocks):
        for runs in runs_of(block):
            yield from (run.anchor for run in runs if run.anchor)


def heading_anchors(blocks: Sequence[Block]) -> dict[int, str]:
    """The anchor of each heading by its place among the headings: its own, else that of its text.

    The second heading of the same text has "-1" at its end, and so on, as GitHub has it.
    """
    taken = Counter([*anchors_in(blocks), *_OF_THE_PAGE])
    found: dict[int, str] = {}
    for place, heading in enumerate(block for block in walk(blocks) if isinstance(block, Heading)):
        own = next((run.anchor for run in heading.runs if run.anchor), "")
        if own:
            found[place] = own
        elif wanted := anchor_of(text_of(heading.runs)):
            name = wanted
            while name in taken:
                name = f"{wanted}-{taken[wanted]}"
                taken[wanted] += 1
            taken[name] = 1
            found[place] = name
    return found


def with_heading_anchors(blocks: Sequence[Block], anchors: Mapping[int, str] | None = None) -> tuple[Block, ...]:
    """The same blocks with an anchor at the beginning of each heading, or of those in `anchors`, by their places."""
    chosen = heading_anchors(blocks) if anchors is None else anchors
    place = count()

    def anchored(block: Block) -> Block:
        if not isinstance(block, Heading):
            return block
        anchor = chosen.get(next(place))
        if anchor is None or any(run.anchor for run in block.runs):
            return block
        first, *others = block.runs
        return replace(block, runs=(replace(first, anchor=anchor), *others))

    return replace_blocks(blocks, anchored)
