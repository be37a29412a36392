"""Validation of what forms, imports and API clients say about a person; every new name or attribute passes it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping

import regex

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.schedule import find_zone
from distributor.domain.subscriber import Person

LONGEST_NAME = 200
LONGEST_TAG = 100
MOST_TAGS = 100
# Of the attributes of one person.
LARGEST_ATTRIBUTES = 16 * 1024
DEEPEST_ATTRIBUTES = 5
LONGEST_ATTRIBUTE_NAME = 64

# Marks that change the text direction, so that a name is displayed as another one (UAX 9).
_BIDI_MARKS = regex.compile(r"[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]")
# Most names need no further check.
_PLAIN_NAME = re.compile(r"(?:[A-Za-z.'-]+(?: [A-Za-z.'-]+)*)?", re.ASCII)
# RFC 5646 section 2.1 in outline: subtags of letters and digits, the first of letters.
_LANGUAGE = regex.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def person_of(
    email: str,
    *,
    name: str = "",
    language: str = "",
    zone: str = "",
    attributes: Mapping[str, Json] | None = None,
    tags: Iterable[str] = (),
) -> Person:
    """A person with this email address. Raises AddressError, and InputError for any other invalid value."""
    parsed = parse_address(email)
    return Person(
        key=parsed.key,
        email=parsed.address,
        name=clean_name(name),
        language=clean_language(language),
        zone=clean_zone(zone),
        attributes=checked_attributes(attributes or {}),
        tags=clean_tags(tags),
    )


def clean_name(name: str) -> str:
    """The name without surrounding space. Raises InputError for long names, markup or invisible characters."""
    if len(name) <= LONGEST_NAME and _PLAIN_NAME.fullmatch(name):
        return name
    kept = unicodedata.normalize("NFC", name.strip())
    if len(kept) > LONGEST_NAME:
        raise InputError(f"the name {kept[:20]!r}… is longer than {LONGEST_NAME} characters")
    _refuse_invisible(kept, "the name")
    if "<" in kept or ">" in kept:
        raise InputError(f"the name {kept!r} holds < or >: write it without markup")
    return kept


def clean_language(language: str) -> str:
    """A BCP 47 tag such as ``de`` or ``pt-BR``, or empty. Raises InputError."""
    if not language:
        return ""
    kept = language.strip().replace("_", "-")
    if kept and not (len(kept) <= 35 and _LANGUAGE.fullmatch(kept)):
        raise InputError(f"{language[:40]!r} is not a language tag such as 'de' or 'pt-BR'")
    return kept


def clean_zone(zone: str) -> str:
    """A time zone such as ``Europe/Vienna`` or ``UTC+02:00``, as `find_zone` finds it, or empty. Raises InputError."""
    if not zone:
        return ""
    kept = zone.strip()
    if not kept:
        return ""
    found = find_zone(kept)
    if found is None:
        raise InputError(f"{zone[:40]!r} is not a time zone such as 'Europe/Vienna' or 'UTC+02:00'")
    return str(found)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags of a subscriber, each once, in their order. Raises InputError."""
    kept = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS:
        raise InputError(f"{len(kept)} tags are more than one person can have, which is {MOST_TAGS}")
    for tag in kept:
        _refuse_invisible(tag, "a tag")
        if len(tag) > LONGEST_TAG:
            raise InputError(f"the tag {tag[:20]!r}… is longer than {LONGEST_TAG} characters")
    return kept


def checked_attributes(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """A JSON object of limited size and depth, without values PostgreSQL cannot store. Raises InputError."""
    if not attributes:
        return {}
    size = _size_of(dict(attributes), "attributes", depth=0)
    if size > LARGEST_ATTRIBUTES:
        raise InputError(f"the attributes are larger than {LARGEST_ATTRIBUTES // 1024} KiB")
    return dict(attributes)


def _size_of(value: Json, path: str, *, depth: int) -> int:
    """The approximate size of `value` as JSON in bytes. Raises InputError as soon as it is too deep or too large."""
    if depth > DEEPEST_ATTRIBUTES:
        raise InputError(f"{path} is nested deeper than {DEEPEST_ATTRIBUTES} levels")
    match value:
        case None | bool():
            return 5
        case int() | float():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{path} is {value}, which is not a number in JSON")
            if isinstance(value, int) and value.bit_length() > 1024:
                raise InputError(f"{path} is a number of more than 300 digits")
            return 8
        case str():
            if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise InputError(f"{path} holds a NUL or half of a character")
            return len(value.encode()) + 2
        case list() | tuple():
            return _sum_of(((f"{path}[{place}]", one) for place, one in enumerate(value)), depth=depth)
        case Mapping():
            return _sum_of(((_inner(path, name), one) for name, one in value.items()), depth=depth) + sum(
                map(len, value)
            )
        case _:
            raise InputError(f"{path} is a {type(value).__name__}, which JSON does not have")


def _sum_of(parts: Iterable[tuple[str, Json]], *, depth: int) -> int:
    size = 2
    for path, value in parts:
        size += 1 + _size_of(value, path, depth=depth + 1)
        if size > LARGEST_ATTRIBUTES:
            raise InputError(f"the attributes are larger than {LARGEST_ATTRIBUTES // 1024} KiB")
    return size


def _inner(path: str, name: Json) -> str:
    if not isinstance(name, str) or not name or len(name) > LONGEST_ATTRIBUTE_NAME or _INVISIBLE.search(name):
        raise InputError(
            f"{path}: {str(name)[:20]!r} cannot be a name; it has 1 to {LONGEST_ATTRIBUTE_NAME} characters"
        )
    return f"{path}.{name}"


def _refuse_invisible(text: str, what: str) -> None:
    found = _INVISIBLE.search(text) or _BIDI_MARKS.search(text)
    if found:
        raise InputError(f"{what} holds the invisible character U+{ord(found[0]):04X}; write it without")
