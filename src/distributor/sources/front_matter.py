"""Front matter: YAML metadata above the text of an article, between two lines of ---."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from distributor.domain.blocks import Image
from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.schedule import parse_instant, zone_named
from distributor.domain.tags import LONGEST_SLUG, Tag, slugify
from distributor.sources.decoding import normalize_text
from distributor.sources.urls import is_allowed_image
from distributor.validation_messages import sentence_of

# The position of a value: keys and list indexes from the root.
YamlPath: TypeAlias = tuple[str | int, ...]
YamlValue: TypeAlias = "str | NonText | list[YamlValue] | dict[str, YamlValue] | None"
_TAG = "tag:yaml.org,2002:"
_YES_OR_NO = "a yes-or-no value"
_NON_TEXT_KINDS = {
    f"{_TAG}int": "a number",
    f"{_TAG}float": "a number",
    f"{_TAG}bool": _YES_OR_NO,
    f"{_TAG}timestamp": "a date",
}
_DELIMITER = re.compile(r"-{3,}[ \t]*")
_KEY_LINE = re.compile(r"(?:[\"']?[A-Za-z_][\w .-]*+[\"']?[ \t]*:(?:[ \t]|$)|#)")
_MAX_CHARACTERS = 16 * 1024
# The YAML parser takes quadratic time for nested brackets.
_MAX_OPEN_BRACKETS = 50
_BRACKET = re.compile(r"[\[\]{}]")
# RFC 5646, simplified: a language and optional subtags.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The values of front matter; None for keys that are not given. `published_at` is aware UTC.

    `publish` is whether the article is to be published: `publish`, `published` (Jekyll) or the reverse, `draft` (Hugo).
    """

    title: str | None = None
    slug: str | None = None
    summary: str | None = None
    author: str | None = None
    language: str | None = None
    tags: tuple[Tag, ...] | None = None
    image: Image | None = None
    published_at: datetime | None = None
    publish: bool | None = None


def split_front_matter(text: str, *, path: str) -> tuple[FrontMatter, str]:
    """The front matter of a normalized text, and the text below it, padded with empty lines so that line numbers stay.

    A text that starts with --- without a line of `key: value` below has no front matter but a divider.
    Raises SourceError with the key and the line of a mistake.
    """
    lines = text.split("\n")
    opening = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not _opens(lines, opening):
        return FrontMatter(), text
    closing = next((at for at in range(opening + 1, len(lines)) if _closes(lines[at])), None)
    if closing is None:
        raise SourceError("front matter is never closed; end it with a line of ---", path=path, line=opening + 1)
    inside = "\n".join(lines[opening + 1 : closing])
    if len(inside) > _MAX_CHARACTERS:
        raise SourceError(f"front matter is longer than {_MAX_CHARACTERS // 1024} KB", path=path, line=opening + 1)
    known = parse_yaml(inside, path=path, first_line=opening + 2)
    return _validate(known, path), "\n" * (closing + 1) + "\n".join(lines[closing + 1 :])


def _opens(lines: list[str], at: int) -> bool:
    if not _DELIMITER.fullmatch(lines[at]):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return bool(_KEY_LINE.match(below) or _DELIMITER.fullmatch(below))


def _closes(line: str) -> bool:
    return bool(_DELIMITER.fullmatch(line)) or line.rstrip() == "..."


@dataclass(frozen=True, slots=True)
class NonText:
    """A value that YAML does not read as text; `text` is how it was written."""

    text: str
    kind: str

    def __str__(self) -> str:
        return f"{self.text} is {self.kind}"


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """The root mapping, and the line number of each key and list item in the file."""

    values: Mapping[str, YamlValue]
    lines: Mapping[YamlPath, int]

    def line_of(self, place: YamlPath) -> int | None:
        """The line of the value at this position, or of the nearest value around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def parse_yaml(text: str, *, path: str, first_line: int) -> YamlMapping:
    """Parse a YAML mapping; `first_line` is the line number of its first line in the file.

    Raises SourceError if it is not YAML, not a mapping, contains a key twice, or uses aliases.
    """
    reading = _YamlReader(path, first_line)
    if _open_brackets(text) > _MAX_OPEN_BRACKETS:
        raise SourceError("front matter is nested too deeply", path=path, line=first_line)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return YamlMapping(reading.root(root), reading.lines)
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
        self.lines: dict[YamlPath, int] = {}

    def root(self, node: yaml.Node | None) -> dict[str, YamlValue]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self._refuse(node, "front matter must be lines of `key: value`")
        return self._mapping(node, ())

    def _mapping(self, node: yaml.MappingNode, place: YamlPath) -> dict[str, YamlValue]:
        values: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refuse(key_node, "front matter: a key must be text")
            key = key_node.value
            if key in values:
                raise self._refuse(key_node, f"front matter contains the key {key!r} twice")
            self.lines[*place, key] = self._line(key_node)
            values[key] = self._value(value_node, (*place, key))
        return values

    def _value(self, node: yaml.Node, place: YamlPath) -> YamlValue:
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

    def _sequence(self, node: yaml.SequenceNode, place: YamlPath) -> list[YamlValue]:
        values: list[YamlValue] = []
        for position, item in enumerate(node.value):
            self.lines[*place, position] = self._line(item)
            values.append(self._value(item, (*place, position)))
        return values

    def _line(self, node: yaml.Node) -> int:
        return self._first_line + int(node.start_mark.line)

    def _refuse(self, node: yaml.Node, reason: str) -> SourceError:
        return SourceError(reason, path=self._path, line=self._line(node))


def _one_line(text: str) -> str:
    return " ".join(normalize_text(text).split())


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _check_slug(text: str) -> str:
    if not text or slugify(text) != text:
        example = slugify(text)[:40].rstrip("-") or "my-article"
        raise ValueError(
            f"must be lower-case words joined by hyphens, such as {example}, with at most {LONGEST_SLUG} characters"
        )
    return text


def checked_language(text: str) -> str:
    """A language tag such as en or pt-BR. Raises ValueError."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f"must be a language tag such as en or pt-BR, not {text!r}")
    return text


def _check_image_source(text: str) -> str:
    if not is_allowed_image(text):
        raise ValueError("must be a URL or the path of a file beside the article")
    return text


def _tag_from_text(entry: Any) -> Any:
    """A plain string is a tag without synonyms."""
    return entry if isinstance(entry, dict) else {"label": entry}


def _date_as_text(value: Any) -> Any:
    """YAML reads only some formats as dates; here all of them are text."""
    return value.text if isinstance(value, NonText) and value.kind == "a date" else value


def _as_bool(value: Any) -> Any:
    """YAML 1.1 has many words for the two values."""
    if isinstance(value, NonText) and value.kind == _YES_OR_NO:
        return value.text.lower() in {"yes", "true", "on"}
    return value


_Line = Annotated[str, AfterValidator(_one_line)]
_Flag = Annotated[bool | None, BeforeValidator(_as_bool)]


_Text = Annotated[_Line, AfterValidator(_not_empty)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class _Tag(_Strict):
    label: _Text
    synonyms: list[_Text] = []


class _Image(_Strict):
    src: Annotated[_Text, AfterValidator(_check_image_source)]
    alt: _Line = ""


class _Keys(_Strict):
    """The keys of front matter."""

    title: _Text | None = None
    slug: Annotated[str, AfterValidator(_check_slug)] | None = None
    summary: _Text | None = None
    author: _Text | None = None
    language: Annotated[str, AfterValidator(checked_language)] | None = None
    tags: list[Annotated[_Tag, BeforeValidator(_tag_from_text)]] | None = None
    image: _Image | None = None
    published_at: Annotated[str | None, BeforeValidator(_date_as_text)] = None
    timezone: str | None = None
    publish: _Flag = None
    published: _Flag = None
    draft: _Flag = None


def _validate(known: YamlMapping, path: str) -> FrontMatter:
    try:
        keys = _Keys.model_validate(dict(known.values))
    except ValidationError as error:
        first = error.errors()[0]
        line = known.line_of(tuple(first["loc"]))
        raise SourceError(_explain(first, known), path=path, line=line) from None
    return FrontMatter(
        title=keys.title,
        slug=keys.slug,
        summary=keys.summary,
        author=keys.author,
        language=keys.language,
        tags=None if keys.tags is None else tuple(Tag(tag.label, tuple(tag.synonyms)) for tag in keys.tags),
        image=None if keys.image is None else Image(keys.image.src, keys.image.alt),
        published_at=_published_at(keys, known, path),
        publish=_publish(keys, known, path),
    )


def _publish(keys: _Keys, known: YamlMapping, path: str) -> bool | None:
    """Raises SourceError if two keys contradict each other."""
    meanings = {
        "publish": keys.publish,
        "published": keys.published,
        "draft": None if keys.draft is None else not keys.draft,
    }
    given = {key: meaning for key, meaning in meanings.items() if meaning is not None}
    if len(set(given.values())) > 1:
        *others, last = given
        raise SourceError(
            f"front matter keys {' and '.join([*others, last])} contradict each other: keep one of them",
            path=path,
            line=known.line_of((last,)),
        )
    return next(iter(given.values()), None)


def _published_at(keys: _Keys, known: YamlMapping, path: str) -> datetime | None:
    key = "timezone"
    try:
        if keys.timezone is not None:
            zone_named(keys.timezone)
        if keys.published_at is None:
            return None
        key = "published_at"
        return parse_instant(keys.published_at, zone=keys.timezone)
    except ScheduleError as error:
        raise SourceError(f"front matter key {key!r}: {error}", path=path, line=known.line_of((key,))) from None


def _explain(error: ErrorDetails, known: YamlMapping) -> str:
    """A sentence about the first error, with the key as the author wrote it."""
    place, given = tuple(error["loc"]), error["input"]
    if place not in known.lines and error["type"] != "missing":
        place = place[:-1]  # the label of a tag that was written as a plain string
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    match error["type"]:
        case "extra_forbidden":
            return f"front matter has no key {key!r}; {_suggest(place)}"
        case "missing":
            return f"front matter key {key!r} is missing"
        case "string_type" if isinstance(given, NonText):
            return f'front matter key {key!r} must be text, and {given}: write it in quotes, "{given.text}"'
        case "string_type":
            return f"front matter key {key!r} must be text on one line"
        case "bool_type":
            return f"front matter key {key!r} must be true or false, without quotes"
        case "list_type":
            return f"front matter key {key!r} must be a list: [one, two]"
        case "model_type" | "dict_type":
            return f"front matter key {key!r} must hold further keys, such as src: and alt:"
        case _:
            return f"front matter key {key!r}: {sentence_of(error)}"


def _suggest(place: YamlPath) -> str:
    inner: dict[str, type[BaseModel]] = {"tags": _Tag, "image": _Image}
    model = _Keys if len(place) == 1 else inner[str(place[0])]
    similar = difflib.get_close_matches(str(place[-1]), model.model_fields, n=1)
    return f"did you mean {similar[0]}?" if similar else f"the keys are {', '.join(model.model_fields)}"
