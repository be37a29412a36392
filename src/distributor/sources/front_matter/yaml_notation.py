"""Front matter in YAML between two lines of ---, as Jekyll, Hugo, Astro and Obsidian have it (yaml.org/spec/1.1)."""

from __future__ import annotations

import re

import yaml

from distributor.domain.errors import SourceError
from distributor.sources.front_matter.values import A_DATE, A_NUMBER, YES_OR_NO, Extent, KeyPath, NonText, Value, Values

_TAG = "tag:yaml.org,2002:"
_NON_TEXT_KINDS = {
    f"{_TAG}int": A_NUMBER,
    f"{_TAG}float": A_NUMBER,
    f"{_TAG}bool": YES_OR_NO,
    f"{_TAG}timestamp": A_DATE,
}
_DELIMITER = re.compile(r"-{3,}[ \t]*")
_KEY_LINE = re.compile(r"(?:[\"']?[^\W\d][\w .-]*+[\"']?[ \t]*:(?:[ \t]|$)|#)")
# The parser takes quadratic time for nested brackets.
_MAX_OPEN_BRACKETS = 50
_BRACKET = re.compile(r"[\[\]{}]")


def find(lines: list[str], first: int, *, path: str) -> Extent | None:
    """See `Notation`. A line of --- without a line of `key: value` below is no front matter but a divider."""
    if not _opens(lines, first):
        return None
    end = next((at for at in range(first + 1, len(lines)) if _closes(lines[at])), None)
    if end is None:
        raise SourceError("front matter is never closed; end it with a line of ---", path=path, line=first + 1)
    return Extent(first + 1, end, end + 1)


def _opens(lines: list[str], at: int) -> bool:
    if not _DELIMITER.fullmatch(lines[at]):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return bool(_KEY_LINE.match(below) or _DELIMITER.fullmatch(below))


def _closes(line: str) -> bool:
    return bool(_DELIMITER.fullmatch(line)) or line.rstrip() == "..."


def parse(text: str, *, path: str, first_line: int) -> Values:
    """See `Notation`. What is not a mapping, contains a key twice or uses aliases is refused."""
    reading = _YamlReader(path, first_line)
    if _open_brackets(text) > _MAX_OPEN_BRACKETS:
        raise SourceError("front matter is nested too deeply", path=path, line=first_line)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return Values(reading.root(root), reading.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        hint = "; put text with a colon in quotes" if "mapping values" in str(error.problem) else ""
        raise SourceError(f"front matter is not YAML: {error.problem}{hint}", path=path, line=line) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"front matter is not YAML: {reason}", path=path, line=first_line) from None
    except RecursionError:
        raise SourceError("front matter is nested too deeply", path=path, line=first_line) from None


def _open_brackets(text: str) -> int:
    """How many brackets are open at the same time at most, in quotes or not."""
    found = most = 0
    for bracket in _BRACKET.findall(text):
        found = found + 1 if bracket in "[{" else max(0, found - 1)
        most = max(most, found)
    return most


class _YamlReader:
    """Converts YAML nodes into values and collects their line numbers."""

    def __init__(self, path: str, first_line: int) -> None:
        self._path = path
        self._first_line = first_line
        self._seen: set[int] = set()
        self.lines: dict[KeyPath, int] = {}

    def root(self, node: yaml.Node | None) -> dict[str, Value]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self._refuse(node, "front matter must be lines of `key: value`")
        return self._mapping(node, ())

    def _mapping(self, node: yaml.MappingNode, place: KeyPath) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refuse(key_node, "front matter: a key must be text")
            key = key_node.value
            if key in values:
                raise self._refuse(key_node, f"front matter contains the key {key!r} twice")
            self.lines[*place, key] = self._line(key_node)
            values[key] = self._value(value_node, (*place, key))
        return values

    def _value(self, node: yaml.Node, place: KeyPath) -> Value:
        # An alias is the same node object as its anchor. A few nested aliases can expand into gigabytes.
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
        return text if node.tag == f"{_TAG}str" else NonText(text, _NON_TEXT_KINDS.get(node.tag, "of an unknown type"))

    def _sequence(self, node: yaml.SequenceNode, place: KeyPath) -> list[Value]:
        values: list[Value] = []
        for position, item in enumerate(node.value):
            self.lines[*place, position] = self._line(item)
            values.append(self._value(item, (*place, position)))
        return values

    def _line(self, node: yaml.Node) -> int:
        return self._first_line + int(node.start_mark.line)

    def _refuse(self, node: yaml.Node, reason: str) -> SourceError:
        return SourceError(reason, path=self._path, line=self._line(node))
