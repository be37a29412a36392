"""Values of fields in the one form they are kept in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from distributor.domain.address import parse_address
from distributor.domain.errors import AddressError, InputError
from distributor.domain.schedule import zone_named
from distributor.domain.segments.condition import Field
from distributor.domain.tags import slugify, tag_slug


def read_field_value(field: Field, text: str) -> str:
    """The value that `text` means for `field`. Raises InputError for a value that the field cannot have."""
    return _READERS[field](text)


def read_slug(text: str) -> str:
    """The slug of a list or segment from its name or slug. Raises InputError."""
    slug = slugify(text)
    if not slug:
        raise InputError(f"{text!r} has no letters or digits, so it cannot be a name")
    return slug


def read_topic(text: str) -> str:
    """The slug of a tag from its label or slug. Raises InputError."""
    slug = tag_slug(text)
    if not slug:
        raise InputError(f"{text!r} has nothing that can be seen, so it cannot be a tag")
    return slug


def _read_domain(text: str) -> str:
    try:
        return parse_address(f"postmaster@{text}").domain
    except AddressError as error:
        raise InputError(f"{text!r} is not a domain: {error.reason}") from None


_READERS: Mapping[Field, Callable[[str], str]] = {
    Field.NAME: str,
    Field.EMAIL: lambda text: parse_address(text).key,
    Field.DOMAIN: _read_domain,
    Field.LANGUAGE: str.lower,
    Field.ZONE: lambda text: str(zone_named(text)),
}
