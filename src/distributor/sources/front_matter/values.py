"""The values of front matter as its author wrote them, whatever the notation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

# The position of a value: keys and list indexes from the root.
KeyPath: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "str | NonText | list[Value] | dict[str, Value] | None"

A_DATE = "a date"
A_NUMBER = "a number"
YES_OR_NO = "a yes-or-no value"


@dataclass(frozen=True, slots=True)
class NonText:
    """A value that its notation does not read as text; `text` is how it was written."""

    text: str
    kind: str

    def __str__(self) -> str:
        return f"{self.text} is {self.kind}"


@dataclass(frozen=True, slots=True)
class Values:
    """The root mapping, and the line number in the file of each key and list item, as far as known."""

    values: Mapping[str, Value]
    lines: Mapping[KeyPath, int]

    def line_of(self, place: KeyPath) -> int | None:
        """The line of the value at this position, or of the nearest value around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


@dataclass(frozen=True, slots=True)
class Extent:
    """The lines of front matter, counted from 0: those between `start` and `end`; the text begins at `below`."""

    start: int
    end: int
    below: int


class Notation(Protocol):
    """A notation of front matter: a module with these two functions."""

    def find(self, lines: list[str], first: int, *, path: str) -> Extent | None:
        """Where front matter in this notation is, if it begins at line `first`. Raises SourceError if it never ends."""

    def parse(self, text: str, *, path: str, first_line: int) -> Values:
        """The values of the lines of front matter, the first of which is `first_line` of the file, counted from 1.

        Raises SourceError with the line of a mistake.
        """


def lines_of_keys(text: str, keys: Mapping[str, Value], pattern: str, *, first_line: int) -> dict[KeyPath, int]:
    """The line of each key of the root: the first that matches `pattern`, where ``KEY`` stands for it."""
    lines = text.split("\n")
    found: dict[KeyPath, int] = {}
    for key in keys:
        wanted = re.compile(pattern.replace("KEY", re.escape(key)))
        at = next((at for at, line in enumerate(lines) if wanted.match(line)), None)
        if at is not None:
            found[key,] = first_line + at
    return found
