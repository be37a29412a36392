"""How each sort of value in a condition is read from JSON and written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from distributor.domain.errors import InputError, SegmentError
from distributor.domain.rendition import Json
from distributor.domain.segments.condition import Scalar
from distributor.domain.segments.instants import read_instant, write_instant
from distributor.domain.segments.json_path import JsonPath
from distributor.domain.segments.limits import (
    LARGEST_COUNT,
    MOST_STEPS,
    why_count_is_invalid,
    why_number_is_invalid,
    why_text_is_invalid,
)
from distributor.domain.segments.window import Ago, Instant, TimeWindow, Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec:
    """Reads JSON, raising SegmentError, and writes it. The types are those of the attribute it serves."""

    read: Callable[[JsonPath], Any]
    write: Callable[[Any], Json]


def text(meaning: Callable[[str], str] = str) -> Codec:
    """A text, normalized by `meaning`."""
    return Codec(partial(_read_text, meaning=meaning), str)


def number() -> Codec:
    """A number, whole or not."""
    return Codec(_read_number, _unchanged)


def scalar() -> Codec:
    """A text, a number, true or false."""
    return Codec(_read_scalar, _unchanged)


def count(*, least: int = 1, most: int) -> Codec:
    """A whole number in this range."""
    return Codec(partial(_read_count, least=least, most=most), _unchanged)


def choice(kind: type[StrEnum]) -> Codec:
    """One of the members, by its value."""
    return Codec(lambda node: kind(node.one_of([each.value for each in kind])), str)


def several(one: Codec, *, least: int = 1) -> Codec:
    """A list of at least so many."""

    def read(node: JsonPath) -> tuple[Any, ...]:
        items = node.items()
        node.reject_if("the list is empty" if len(items) < least else None)
        return tuple(one.read(item) for item in items)

    return Codec(read, lambda values: [one.write(value) for value in values])


def path() -> Codec:
    """The steps from the object of all attributes to one of them."""

    def read(node: JsonPath) -> tuple[str, ...]:
        steps: tuple[str, ...] = several(text()).read(node)
        node.reject_if(f"a path has more than {MOST_STEPS} steps" if len(steps) > MOST_STEPS else None)
        return steps

    return Codec(read, list)


def window() -> Codec:
    """`{"since": …, "before": …}`, or one of them: each a day, an instant, or `{"ago": 3, "unit": "days"}`."""
    return Codec(_read_window, _write_window)


def _unchanged(value: Json) -> Json:
    return value


def _read_text(node: JsonPath, *, meaning: Callable[[str], str]) -> str:
    written = node.text()
    node.reject_if(why_text_is_invalid(written))
    return _read_as(node, written, meaning)


def _read_number(node: JsonPath) -> int | float:
    found = node.number()
    node.reject_if(why_number_is_invalid(found))
    return found


def _read_scalar(node: JsonPath) -> Scalar:
    if isinstance(node.value, bool):
        return node.value
    if isinstance(node.value, int | float):
        return _read_number(node)
    if isinstance(node.value, str):
        return _read_text(node, meaning=str)
    raise node.unexpected("a text, a number, true or false")


def _read_count(node: JsonPath, *, least: int, most: int) -> int:
    found = node.whole_number()
    node.reject_if(why_count_is_invalid(found, least=least, most=most))
    return found


def _read_window(node: JsonPath) -> TimeWindow:
    node.allow_only(("since", "before"))
    since, before = node.member("since"), node.member("before")
    node.reject_if("a window needs `since`, `before` or both" if since is None and before is None else None)
    return TimeWindow(since=_read_instant(since) if since else None, before=_read_instant(before) if before else None)


def _read_instant(node: JsonPath) -> Instant:
    if isinstance(node.value, str):
        return _read_as(node, node.value, read_instant)
    node.allow_only(("ago", "unit"))
    ago, unit = node.member("ago"), node.member("unit")
    if ago is None or unit is None:
        raise node.unexpected("`ago` and `unit`")
    return Ago(_read_count(ago, least=1, most=LARGEST_COUNT), Unit(unit.one_of([each.value for each in Unit])))


def _write_window(window: TimeWindow) -> Json:
    ends = {"since": window.since, "before": window.before}
    return {name: _write_instant(instant) for name, instant in ends.items() if instant is not None}


def _write_instant(instant: Instant) -> Json:
    return {"ago": instant.count, "unit": instant.unit.value} if isinstance(instant, Ago) else write_instant(instant)


def _read_as(node: JsonPath, written: str, meaning: Callable[[str], T]) -> T:
    try:
        return meaning(written)
    except InputError as error:
        raise SegmentError(str(error), path=node.path) from None
