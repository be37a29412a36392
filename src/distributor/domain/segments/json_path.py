"""A value in a JSON document with its path, which every error names."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from distributor.domain.errors import SegmentError
from distributor.domain.rendition import Json
from distributor.domain.segments.cursor import choice_of


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A value, and the path to it: `$`, `$.all[2]`, `$.all[2].is`."""

    value: Json
    path: str = "$"

    def keys(self) -> Collection[str]:
        """The names in this object. Raises SegmentError if it is no object."""
        if not isinstance(self.value, dict):
            raise self.unexpected("an object")
        return self.value.keys()

    def member(self, name: str) -> JsonPath | None:
        """The value of this object under the name; None if absent or null."""
        found = self.value.get(name)
        return None if found is None else JsonPath(found, f"{self.path}.{name}")

    def allow_only(self, names: Collection[str]) -> None:
        """Raises SegmentError if the object has any other name."""
        for name in self.keys():
            if name not in names:
                raise SegmentError(f"{name[:60]!r} has no meaning here", hint=_hint(name, names), path=self.path)

    def items(self) -> list[JsonPath]:
        """The items of this list. Raises SegmentError if it is no list."""
        if not isinstance(self.value, list):
            raise self.unexpected("a list")
        return [JsonPath(value, f"{self.path}[{number}]") for number, value in enumerate(self.value)]

    def text(self) -> str:
        """Raises SegmentError if it is no text."""
        if not isinstance(self.value, str):
            raise self.unexpected("a text")
        return self.value

    def number(self) -> int | float:
        """Raises SegmentError if it is no number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.unexpected("a number")
        return self.value

    def whole_number(self) -> int:
        """Raises SegmentError if it is no whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.unexpected("a whole number")
        return self.value

    def one_of(self, names: Collection[str]) -> str:
        """One of these texts. Raises SegmentError."""
        if not isinstance(self.value, str) or self.value not in names:
            hint = _hint(self.value, names) if isinstance(self.value, str) else ""
            raise SegmentError(f"expected {choice_of(names)} but found {self._shown}", hint=hint, path=self.path)
        return self.value

    def reject_if(self, reason: str | None) -> None:
        """Raises SegmentError with this path if there is a reason."""
        if reason is not None:
            raise SegmentError(reason, path=self.path)

    def unexpected(self, what: str) -> SegmentError:
        """The error that something else was expected."""
        return SegmentError(f"expected {what} but found {self._shown}", path=self.path)

    @property
    def _shown(self) -> str:
        names = {dict: "an object", list: "a list", bool: str(self.value).lower(), type(None): "null"}
        return names.get(type(self.value), repr(self.value)[:60])


def _hint(name: str, names: Collection[str]) -> str:
    similar = difflib.get_close_matches(name, list(names), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(similar)}?" if similar else f"there is {', '.join(names)}"
