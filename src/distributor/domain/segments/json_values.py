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
from distributor.domain.segments.json_place import JsonPath
from distributor.domain.segments.limits import (
    LARGEST_COUNT,
    MOST_STEPS,
    complaint_about_count,
    complaint_about_number,
    complaint_about_text,
)
from distributor.domain.segments.moments import read_moment, write_moment
from distributor.domain.segments.window import Ago, Moment, TimeWindow, Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec:
    """From JSON, raising SegmentError, and back. The types are those of the attribute it serves."""

    read: Callable[[JsonPath], Any]
    write: Callable[[Any], Json]


def text(meaning: Callable[[str], str] = str) -> Codec:
    """A text, perhaps brought into the form it is kept in."""
    return Codec(partial(_read_text, meaning=meaning), str)


def number() -> Codec:
    """A number, whole or not."""
    return Codec(_read_number, _as_it_is)


def scalar() -> Codec:
    """A text, a number, true or false."""
    return Codec(_read_scalar, _as_it_is)


def count(*, least: int = 1, most: int) -> Codec:
    """A whole number in this range."""
    return Codec(partial(_read_count, least=least, most=most), _as_it_is)


def choice(kind: type[StrEnum]) -> Codec:
    """One of the members, by its value."""
    return Codec(lambda place: kind(place.one_of([each.value for each in kind])), str)


def several(one: Codec, *, least: int = 1) -> Codec:
    """A list of at least so many."""

    def read(place: JsonPath) -> tuple[Any, ...]:
        items = place.items()
        place.complain("the list is empty" if len(items) < least else None)
        return tuple(one.read(item) for item in items)

    return Codec(read, lambda values: [one.write(value) for value in values])


def path() -> Codec:
    """The steps from the object of all attributes to one of them."""

    def read(place: JsonPath) -> tuple[str, ...]:
        steps: tuple[str, ...] = several(text()).read(place)
        place.complain(f"a path has more than {MOST_STEPS} steps" if len(steps) > MOST_STEPS else None)
        return steps

    return Codec(read, list)


def window() -> Codec:
    """`{"since": …, "before": …}`, or one of them: each a day, an instant, or `{"ago": 3, "unit": "days"}`."""
    return Codec(_read_window, _write_window)


def _as_it_is(value: Json) -> Json:
    return value


def _read_text(place: JsonPath, *, meaning: Callable[[str], str]) -> str:
    written = place.text()
    place.complain(complaint_about_text(written))
    return _understood(place, written, meaning)


def _read_number(place: JsonPath) -> int | float:
    found = place.number()
    place.complain(complaint_about_number(found))
    return found


def _read_scalar(place: JsonPath) -> Scalar:
    if isinstance(place.value, bool):
        return place.value
    if isinstance(place.value, int | float):
        return _read_number(place)
    if isinstance(place.value, str):
        return _read_text(place, meaning=str)
    raise place.unexpected("a text, a number, true or false")


def _read_count(place: JsonPath, *, least: int, most: int) -> int:
    found = place.whole_number()
    place.complain(complaint_about_count(found, least=least, most=most))
    return found


def _read_window(place: JsonPath) -> TimeWindow:
    place.allow_only(("since", "before"))
    since, before = place.member("since"), place.member("before")
    place.complain("a window needs `since`, `before` or both" if since is None and before is None else None)
    return TimeWindow(since=_read_moment(since) if since else None, before=_read_moment(before) if before else None)


def _read_moment(place: JsonPath) -> Moment:
    if isinstance(place.value, str):
        return _understood(place, place.value, read_moment)
    place.allow_only(("ago", "unit"))
    ago, unit = place.member("ago"), place.member("unit")
    if ago is None or unit is None:
        raise place.unexpected("`ago` and `unit`")
    return Ago(_read_count(ago, least=1, most=LARGEST_COUNT), Unit(unit.one_of([each.value for each in Unit])))


def _write_window(window: TimeWindow) -> Json:
    ends = {"since": window.since, "before": window.before}
    return {name: _write_moment(moment) for name, moment in ends.items() if moment is not None}


def _write_moment(moment: Moment) -> Json:
    return {"ago": moment.count, "unit": moment.unit.value} if isinstance(moment, Ago) else write_moment(moment)


def _understood(place: JsonPath, written: str, meaning: Callable[[str], T]) -> T:
    try:
        return meaning(written)
    except InputError as error:
        raise SegmentError(str(error), path=place.path) from None
