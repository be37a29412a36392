"""Links within an article: each leads to an anchor that is there, or is no link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from distributor.domain.anchors import anchor_of, anchors_in, heading_anchors, with_heading_anchors
from distributor.domain.blocks import (
    Block,
    Heading,
    Image,
    List,
    ListItem,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
    links_of,
    replace_runs,
    text_of,
    walk,
)


def settle_in_page_links(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks with an anchor at every heading that a link of theirs leads to, and no link that leads nowhere.

    Runs without text that only carry an anchor, as readers make of an empty element with an id, are gone: what follows
    has their anchor.
    """
    blocks = _Carrier().carried(blocks)
    wanted = {href for href in links_of(blocks) if href.startswith("#")}
    if not wanted:
        return blocks
    headings = heading_anchors(blocks)
    known = {_compared(anchor): anchor for anchor in (*headings.values(), *anchors_in(blocks))}
    for place, heading in enumerate(block for block in walk(blocks) if isinstance(block, Heading)):
        if place in headings:
            known.setdefault(_compared(anchor_of(text_of(heading.runs))), headings[place])
    targets = {href: known.get(_compared(unquote(href[1:]))) for href in wanted}
    reached = {place: anchor for place, anchor in headings.items() if anchor in targets.values()}

    def settled(runs: Runs) -> Runs:
        if not any(run.href in wanted for run in runs if run.href):
            return runs
        return tuple(_led(run, targets) if run.href in wanted else run for run in runs)

    return replace_runs(with_heading_anchors(blocks, reached), settled)


def _led(run: Run, targets: dict[str, str | None]) -> Run:
    target = targets[run.href or ""]
    return replace(run, href=f"#{target}" if target else None)


def _compared(anchor: str) -> str:
    """Site generators make anchors of headings by slightly different rules."""
    return anchor_of(anchor).replace("_", "-").strip("-") or anchor


@dataclass(slots=True)
class _Carrier:
    """Carries anchors of runs without text to the next run that has any, and keeps the first of each name."""

    pending: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def carried(self, blocks: Sequence[Block]) -> tuple[Block, ...]:
        return tuple(one for block in blocks for one in self._block(block))

    def _block(self, block: Block) -> Iterator[Block]:
        match block:
            case Heading(runs=runs) | Paragraph(runs=runs):
                kept = self._runs(runs)
                if kept:
                    yield block if kept is runs else replace(block, runs=kept)
            case Image(caption=runs) if runs:
                yield replace(block, caption=self._runs(runs))
            case Table(header=header, rows=rows):
                header = tuple(map(self._runs, header))
                yield replace(block, header=header, rows=tuple(tuple(map(self._runs, row)) for row in rows))
            case List(items=items):
                yield replace(block, items=tuple(ListItem(self.carried(item.blocks)) for item in items))
            case Quote(blocks=inner):
                yield Quote(self.carried(inner))
            case _:
                yield block

    def _runs(self, runs: Runs) -> Runs:
        if not self.pending and not any(run.anchor for run in runs):
            return runs
        kept = []
        for run in runs:
            if run.anchor and run.anchor not in self.seen:
                self.seen.add(run.anchor)
                self.pending.append(run.anchor)
            if run.text or run.image:
                kept.append(replace(run, anchor=next(iter(self.pending), "")))
                self.pending.clear()
        return tuple(kept)
