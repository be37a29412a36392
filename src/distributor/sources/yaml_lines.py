"""YAML as its author wrote it: every value remembers its line, and nothing is turned into a number or a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from distributor.domain.errors import SourceError

# Where a value stands: keys and list positions from the root.
Place: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "str | Odd | list[Value] | dict[str, Value] | None"

_TAG = "tag:yaml.org,2002:"
_ODD_KINDS = {
    f"{_TAG}int": "a number",
    f"{_TAG}float": "a number",
    f"{_TAG}bool": "a yes-or-no value",
    f"{_TAG}timestamp": "a date",
}


@dataclass(frozen=True, slots=True)
class Odd:
    """A value that YAML takes for something else than text; `text` is how it was written."""

    text: str
    kind: str

    def __str__(self) -> str:
        return f"{self.text} is {self.kind}"


@dataclass(frozen=True, slots=True)
class YamlLines:
    """The root mapping, and the line of each key and list item in the file."""

    values: Mapping[str, Value]
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int | None:
        """The line of this place or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_lines(text: str, *, path: str, first_line: int) -> YamlLines:
    """The mapping that `text` is, where `first_line` is the line of its beginning in the file.

    Raises SourceError for anything that is not YAML, not a mapping, names a key twice, or uses aliases.
    """
    reading = _Reading(path, first_line)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return YamlLines(reading.root(root), reading.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        hint = "; put a text with a colon in quotes" if "mapping values" in str(error.problem) else ""
        raise SourceError(f"front matter is not YAML: {error.problem}{hint}", path=path, line=line) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"front matter is not YAML: {reason}", path=path, line=first_line) from None
    except RecursionError:
        raise SourceError("front matter is nested too deeply", path=path, line=first_line) from None


class _Reading:
    """One pass over the nodes, collecting their lines."""

    def __init__(self, path: str, first_line: int) -> None:
        self._path = path
        self._first_line = first_line
        self._seen: set[int] = set()
        self.lines: dict[Place, int] = {}

    def root(self, node: yaml.Node | None) -> dict[str, Value]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self._refuse(node, "front matter must be lines of `key: value`")
        return self._mapping(node, ())

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refuse(key_node, "front matter: a key must be a word")
            key = key_node.value
            if key in values:
                raise self._refuse(key_node, f"front matter names {key!r} twice")
            self.lines[*place, key] = self._line(key_node)
            values[key] = self._value(value_node, (*place, key))
        return values

    def _value(self, node: yaml.Node, place: Place) -> Value:
        # An alias is the very node it names. Nobody needs them here, and a few of them unfold into gigabytes.
        if id(node) in self._seen:
            raise self._refuse(node, "front matter: aliases (*) are not accepted")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, place)
        if node.tag == f"{_TAG}null":
            return None
        text = str(node.value)
        return text if node.tag == f"{_TAG}str" else Odd(text, _ODD_KINDS.get(node.tag, "of an unknown type"))

    def _sequence(self, node: yaml.SequenceNode, place: Place) -> list[Value]:
        values: list[Value] = []
        for position, item in enumerate(node.value):
            self.lines[*place, position] = self._line(item)
            values.append(self._value(item, (*place, position)))
        return values

    def _line(self, node: yaml.Node) -> int:
        return self._first_line + int(node.start_mark.line)

    def _refuse(self, node: yaml.Node, reason: str) -> SourceError:
        return SourceError(reason, path=self._path, line=self._line(node))
