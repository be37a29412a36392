"""Merge fields: values of a subscriber that a mail may contain, built-in ones and attributes by name.

A field is known by its key: ``name``, or ``attributes.city`` for an attribute, or ``attributes.address.city`` for one
inside another. A value that is empty, null, false, a list or an object counts as missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BUILT_IN = ("name", "email", "language", "zone")
ATTRIBUTES = "attributes"


def attribute_key(path: Sequence[str]) -> str:
    """The key of the attribute at a path of names."""
    return ".".join((ATTRIBUTES, *path))


def attribute_path(key: str) -> tuple[str, ...]:
    """The names by which an attribute is reached; of a built-in field none."""
    first, *path = key.split(".")
    return tuple(path) if first == ATTRIBUTES else ()


def field_label(key: str) -> str:
    """The field as people write it: ``subscriber.city``."""
    return f"subscriber.{key.removeprefix(f'{ATTRIBUTES}.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeFields:
    """The merge fields that a rendition needs of each recipient.

    `fields` are the keys of all fields that it may contain, `decisive` those whose values select parts of its text.
    """

    fields: frozenset[str] = frozenset()
    decisive: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderFields:
    """The recipient of a previewed mail: the address, and the values of fields by their keys."""

    email: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGroup:
    """Subscribers of an audience with the same values of the decisive fields: how many, and these values.

    `held` are the keys of the fields that they have.
    """

    count: int
    held: frozenset[str]
    values: Mapping[str, str]
