"""References from segments to segments: replaced by what they refer to."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from distributor.domain.errors import NotFoundError, SegmentError
from distributor.domain.segments.condition import (
    And,
    AttributeIs,
    ChoseTopic,
    Condition,
    FieldIs,
    InSegment,
    Leaf,
    Not,
    OnList,
    Or,
    TagIs,
    leaves,
    segments_named,
)
from distributor.domain.segments.limits import DEEPEST_EXPANDED, MOST_CONDITIONS_EXPANDED, MOST_VALUES_EXPANDED


def expanded(condition: Condition, segments: Mapping[str, Condition], *, name: str | None = None) -> Condition:
    """The condition with every segment that it refers to written out. `name` is its own, if it has one.

    Raises SegmentError if a segment refers to itself, directly or not, or if a limit is exceeded; NotFoundError if
    `segments` lacks one.
    """
    path = (name,) if name is not None else ()
    _Counter(segments, lambda _: 1, MOST_CONDITIONS_EXPANDED, "conditions").count_all(condition, path)
    _Counter(segments, _count_values, MOST_VALUES_EXPANDED, "values").count_all(condition, path)
    return _expand(condition, segments, depth=0)


def users_of(slug: str, segments: Mapping[str, Condition]) -> list[str]:
    """The segments that refer to this one, directly or through others."""
    found: list[str] = []
    waiting = [slug]
    while waiting:
        referenced = waiting.pop()
        users = [name for name, one in segments.items() if referenced in segments_named(one) and name not in found]
        found += users
        waiting += users
    return found


def missing(noun: str, slug: str, known: Iterable[str]) -> NotFoundError:
    """The error that a condition refers to something that does not exist, with similar names as a hint."""
    similar = difflib.get_close_matches(slug, list(known), n=2)
    hint = f"did you mean {' or '.join(similar)}?" if similar else f"`distributor {noun} list` lists them"
    return NotFoundError(noun, slug, hint=hint)


class _Counter:
    """Counts the conditions or values of a condition with its references, without writing it out, which may be huge:
    ten segments of two references each are 1,024.
    """

    def __init__(
        self, segments: Mapping[str, Condition], count: Callable[[Leaf], int], most: int, counted: str
    ) -> None:
        self._segments = segments
        self._count = count
        self._most = most
        self._counted = counted
        self._counts: dict[str, int] = {}

    def count_all(self, condition: Condition, path: tuple[str, ...]) -> int:
        if len(path) > DEEPEST_EXPANDED:
            raise SegmentError(f"segments refer to segments more than {DEEPEST_EXPANDED} deep: {_shown(path)}")
        total = sum(self._count_leaf(leaf, path) for leaf in leaves(condition))
        if total > self._most:
            raise SegmentError(f"with the segments that it refers to, this has more than {self._most} {self._counted}")
        return total

    def _count_leaf(self, leaf: Leaf, path: tuple[str, ...]) -> int:
        if not isinstance(leaf, InSegment):
            return self._count(leaf)
        if leaf.slug in path:
            raise SegmentError(f"the segment {leaf.slug!r} refers to itself: {_shown((*path, leaf.slug))}")
        if leaf.slug not in self._counts:
            self._counts[leaf.slug] = self.count_all(_of(leaf, self._segments), (*path, leaf.slug))
        return self._counts[leaf.slug]


def _count_values(leaf: Leaf) -> int:
    match leaf:
        case FieldIs(values=values) | AttributeIs(values=values):
            return len(values)
        case OnList(lists=values) | TagIs(tags=values) | ChoseTopic(topics=values):
            return len(values)
    return 1


def _expand(condition: Condition, segments: Mapping[str, Condition], *, depth: int) -> Condition:
    if depth > DEEPEST_EXPANDED:
        raise SegmentError(f"with the segments that it refers to, this is nested more than {DEEPEST_EXPANDED} deep")
    match condition:
        case And(conditions):
            return And(tuple(_expand(one, segments, depth=depth + 1) for one in conditions))
        case Or(conditions):
            return Or(tuple(_expand(one, segments, depth=depth + 1) for one in conditions))
        case Not(inner):
            return Not(_expand(inner, segments, depth=depth + 1))
        case InSegment():
            return _expand(_of(condition, segments), segments, depth=depth + 1)
    return condition


def _of(leaf: InSegment, segments: Mapping[str, Condition]) -> Condition:
    if leaf.slug not in segments:
        raise missing("segment", leaf.slug, segments)
    return segments[leaf.slug]


def _shown(path: tuple[str, ...]) -> str:
    return " → ".join(path)
