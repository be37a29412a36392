"""The differences of two texts of an article, field by field and word by word, as people read them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import regex

from distributor.domain.article_draft import DraftText

_WORD = regex.compile(r"\s+|[\p{L}\p{N}\p{M}_]+|.", regex.DOTALL)
# Paragraphs that share less are not one that was changed.
_ALIKE = 0.4
# In words; the comparison takes a time quadratic in them.
_LONGEST_COMPARED = 3000
# So many paragraphs beside a change are shown too.
_AROUND = 1


class PartKind(StrEnum):
    """What became of a piece of text; of SKIPPED paragraphs only the number is shown."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of text. Of SKIPPED paragraphs the text is empty, and `count` says how many they are."""

    kind: PartKind
    text: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, or a field, with what was added to it and removed from it."""

    parts: tuple[TextPart, ...]


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs; `name` is that of `DraftText`."""

    name: str
    passages: tuple[Passage, ...]


def differences(before: DraftText, after: DraftText) -> list[FieldDifference]:
    """The fields that differ, in the order of the editor; none if the texts are the same."""
    return [
        FieldDifference(one.name, tuple(_passages(getattr(before, one.name), getattr(after, one.name))))
        for one in fields(DraftText)
        if getattr(before, one.name) != getattr(after, one.name)
    ]


def _passages(before: object, after: object) -> Iterator[Passage]:
    if not isinstance(before, str) or not isinstance(after, str):
        yield Passage((TextPart(PartKind.REMOVED, str(before)), TextPart(PartKind.ADDED, str(after))))
        return
    yield from _with_less_context(list(_paragraphs(before.split("\n"), after.split("\n"))))


def _paragraphs(before: Sequence[str], after: Sequence[str]) -> Iterator[Passage]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield from (Passage((TextPart(PartKind.SAME, line),)) for line in before[start:end] if line.strip())
        else:
            yield from _changed(before[start:end], after[new_start:new_end])


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[Passage]:
    """Paragraphs that are alike as one with its changes, the others as removed and added."""
    old, new = ([line for line in side if line.strip()] for side in (before, after))
    at = 0
    for line in old:
        found = next((place for place in range(at, len(new)) if _are_alike(line, new[place])), None)
        if found is None:
            yield Passage((TextPart(PartKind.REMOVED, line),))
            continue
        yield from (Passage((TextPart(PartKind.ADDED, one),)) for one in new[at:found])
        yield Passage(tuple(_words(line, new[found])))
        at = found + 1
    yield from (Passage((TextPart(PartKind.ADDED, one),)) for one in new[at:])


def _are_alike(before: str, after: str) -> bool:
    words = _WORD.findall(before), _WORD.findall(after)
    if max(map(len, words)) > _LONGEST_COMPARED:
        return False
    matcher = difflib.SequenceMatcher(None, *words, autojunk=False)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _words(before: str, after: str) -> Iterator[TextPart]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield TextPart(PartKind.SAME, "".join(old[start:end]))
            continue
        if start < end:
            yield TextPart(PartKind.REMOVED, "".join(old[start:end]))
        if new_start < new_end:
            yield TextPart(PartKind.ADDED, "".join(new[new_start:new_end]))


def _with_less_context(passages: Sequence[Passage]) -> Iterator[Passage]:
    """The passages that changed, and those beside them; of the others their number."""
    changed = [at for at, one in enumerate(passages) if any(part.kind is not PartKind.SAME for part in one.parts)]
    shown = {place for at in changed for place in range(at - _AROUND, at + _AROUND + 1)}
    skipped = 0
    for at, one in enumerate(passages):
        if at not in shown:
            skipped += 1
            continue
        if skipped:
            yield Passage((TextPart(PartKind.SKIPPED, count=skipped),))
            skipped = 0
        yield one
    if skipped:
        yield Passage((TextPart(PartKind.SKIPPED, count=skipped),))
