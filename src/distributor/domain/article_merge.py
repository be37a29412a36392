"""Two texts of one article in one: what only one of them changed, and both passages where both did."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from distributor.domain.article_draft import DraftText

# A review warns of an article with such a line.
MARKER = "TODO: this passage was changed twice; keep one of the two below, and delete this line"


def merged_text(common: DraftText, mine: DraftText, theirs: DraftText) -> DraftText:
    """Both texts in one: fields and passages that only one of them changed, and both passages where both did."""
    merged: dict[str, object] = {}
    for name, mine_value in asdict(mine).items():
        before, other = getattr(common, name), getattr(theirs, name)
        merged[name] = other if mine_value == before else mine_value
    passages = _merged_passages(*(text.body.split("\n\n") for text in (common, mine, theirs)))
    return DraftText(**{**merged, "body": "\n\n".join(passages)})  # type: ignore[arg-type]


def _merged_passages(common: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Three-way merge by paragraphs. Where both sides changed the same ones, both stand behind a line that says so."""

    def anchors(side: Sequence[str]) -> Mapping[int, int]:
        blocks = difflib.SequenceMatcher(None, common, side, autojunk=False).get_matching_blocks()
        return {block.a + at: block.b + at for block in blocks for at in range(block.size)}

    in_mine, in_theirs = anchors(mine), anchors(theirs)
    merged: list[str] = []
    at = at_mine = at_theirs = 0
    shared = [place for place in range(len(common)) if place in in_mine and place in in_theirs]
    for place, end_mine, end_theirs in [
        *((place, in_mine[place], in_theirs[place]) for place in shared),
        (len(common), len(mine), len(theirs)),
    ]:
        merged += _merged_part(common[at:place], mine[at_mine:end_mine], theirs[at_theirs:end_theirs])
        if place < len(common):
            merged.append(common[place])
        at, at_mine, at_theirs = place + 1, end_mine + 1, end_theirs + 1
    return merged


def _merged_part(common: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    if mine == theirs or list(theirs) == list(common):
        return list(mine)
    if list(mine) == list(common):
        return list(theirs)
    return [MARKER, *theirs, *mine]
