"""A short way in for people who are plainly told of, with the same answers as the one door, `person_of`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.people import LONGEST_NAME, person_of
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Person

_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LONGEST_LOCAL_PART = 64
# With the longest local part still below the limit for the whole (RFC 5321 section 4.5.3.1.3).
_LONGEST_PLAIN_DOMAIN = 189


def person_told(
    address: str,
    *,
    name: str = "",
    language: str = "",
    zone: str = "",
    attributes: Mapping[str, Json],
    tags: Iterable[str] = (),
) -> Person:
    """What `person_of` says, also in its errors."""
    if not (language or zone or attributes or tags) and _is_plain_name(name):
        local_part, at, domain = address.rpartition("@")
        if (
            at
            and len(local_part) <= _LONGEST_LOCAL_PART
            and len(domain) <= _LONGEST_PLAIN_DOMAIN
            and _PLAIN_LOCAL_PART.fullmatch(local_part)
            and (a_labels := _a_labels(domain))
        ):
            return Person(key=f"{local_part.lower()}@{a_labels}", email=f"{local_part}@{a_labels}", name=name.strip())
    return person_of(address, name=name, language=language, zone=zone, attributes=attributes, tags=tags)


def _is_plain_name(name: str) -> bool:
    return not name or (
        name.isascii() and name.isprintable() and len(name) <= LONGEST_NAME and "<" not in name and ">" not in name
    )


@lru_cache(maxsize=16384)
def _a_labels(domain: str) -> str:
    """The domain as `parse_address` writes it, or nothing where that has to say what is wrong."""
    try:
        return parse_address(f"a@{domain}").domain
    except InputError:
        return ""
