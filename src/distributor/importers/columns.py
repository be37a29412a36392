"""Columns: what each of them holds, and the person that the cells of a row make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.importing import AttributeType, ImportedStatus, ImportSettings, SourceValues
from distributor.domain.people import LONGEST_ATTRIBUTE_NAME, LONGEST_NAME, person_of
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Person
from distributor.importers.values import READERS, list_of, object_of, text_of, unescaped

_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LONGEST_LOCAL_PART = 64
# With the longest local part still below the limit for the whole (RFC 5321 section 4.5.3.1.3).
_LONGEST_PLAIN_DOMAIN = 189
ATTRIBUTE = "attributes."
# How somebody opted in where the file comes from; kept with the consent.
EVIDENCE = "evidence."
# What says whether they get mail there; the origin makes a standing of it.
SAID = "said."
NOTHING = "ignore"
# What a person may map a column to.
TARGETS = ("email", "name", "first_name", "last_name", "language", "zone", "tags", "attributes", "network", NOTHING)
# The headers before the others in a file of bad rows, which can be corrected and read again.
OF_BAD_ROWS = ("line", "reason")
_PREFIXES = (ATTRIBUTE, EVIDENCE, SAID)
_LONGEST_EVIDENCE = 2000
# Rows of JSON may each have names of their own.
_MOST_NAMES = 5000
_BETWEEN = re.compile(r"[\s\-]+")


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


class Draft:
    """The cells of one row by what they hold, while it is being read."""

    __slots__ = (
        "attributes",
        "email",
        "evidence",
        "first_name",
        "language",
        "last_name",
        "name",
        "network",
        "said",
        "tags",
        "zone",
    )

    def __init__(self) -> None:
        self.email = ""
        self.name = ""
        self.first_name = ""
        self.last_name = ""
        self.language = ""
        self.zone = ""
        self.network = ""
        self.tags: Sequence[str] = ()
        self.attributes: dict[str, Json] = {}
        self.evidence: dict[str, Json] = {}
        self.said: dict[str, Json] = {}


Take = Callable[[Draft, Json], None]


class Origin(Protocol):
    """What a module of this folder promises to be an origin.

    `COLUMNS` maps its headers, as `folded`, to what they hold; `standing_of` makes a standing of the `said.…` columns
    and `file`, the name of the file, and raises InputError for what it does not know. Where `IS_ESCAPED` is true,
    formulas are escaped as our own export does.
    """

    NAME: str
    COLUMNS: Mapping[str, str]

    def is_from_here(self, headers: frozenset[str]) -> bool: ...

    def standing_of(self, said: Mapping[str, Json]) -> ImportedStatus: ...


def folded(header: str) -> str:
    """A header without regard to case and to what stands between its words: ``E-Mail`` is ``e_mail``."""
    return _BETWEEN.sub("_", header.strip().casefold())


class Columns:
    """How the columns of one file make people. Raises InputError for a mapping that cannot be meant."""

    def __init__(self, headers: Iterable[str], origin: Origin, reading: ImportSettings, *, file_name: str) -> None:
        self._origin = origin
        self._reading = reading
        self._file_name = file_name
        self._stated = {folded(header): target for header, target in reading.columns.items()}
        self._takes: dict[str, Take | None] = {}
        known = [header.strip() for header in headers]
        # The file of bad rows that an import leaves is escaped over what was there.
        self._escapes = int(getattr(origin, "IS_ESCAPED", False)) + (known[:2] == list(OF_BAD_ROWS))
        targets = {header: self._target(header) for header in known}
        if known:
            self._refuse_strays(known, targets)
        self._row = [self._take(header) for header in known]

    def told_by(self, cells: Sequence[str], line: int) -> SourceValues:
        """The person whom cells in the order of the headers tell of. Raises InputError, AddressError."""
        draft = Draft()
        plain: Iterable[str] = cells
        for _ in range(self._escapes):
            plain = map(unescaped, plain)
        for take, cell in zip(self._row, plain, strict=True):
            if cell and take is not None:
                take(draft, cell)
        return self._told(draft, line, tuple(cells))

    def told_by_names(self, values: Mapping[str, Json], line: int, text: str) -> SourceValues:
        """The person whom values by their names tell of. Raises InputError, AddressError."""
        draft = Draft()
        for name, value in values.items():
            take = self._take(name)
            if take is not None and value not in (None, ""):
                take(draft, value)
        return self._told(draft, line, (text,))

    def _told(self, draft: Draft, line: int, cells: tuple[str, ...]) -> SourceValues:
        draft.said["file"] = self._file_name
        name = draft.name or f"{draft.first_name} {draft.last_name}".strip()
        person = person_told(
            draft.email.strip(" \u00a0"),
            name=name,
            language=draft.language,
            zone=draft.zone,
            attributes=draft.attributes,
            tags=draft.tags,
        )
        return SourceValues(
            line=line,
            person=person,
            standing=self._origin.standing_of(draft.said),
            network=draft.network,
            evidence=draft.evidence,
            cells=cells,
        )

    def _target(self, header: str) -> str:
        name = folded(header)
        target = self._stated.get(name) or self._origin.COLUMNS.get(name)
        if target:
            return target
        if header.casefold().startswith(ATTRIBUTE):
            return ATTRIBUTE + header[len(ATTRIBUTE) :]
        return ATTRIBUTE + header if self._reading.takes_rest and header else NOTHING

    def _take(self, header: str) -> Take | None:
        if header not in self._takes:
            if len(self._takes) > _MOST_NAMES:
                raise InputError(f"the rows have more than {_MOST_NAMES} different names between them")
            self._takes[header] = _take_for(self._target(header), self._reading.types)
        return self._takes[header]

    def _refuse_strays(self, headers: list[str], targets: Mapping[str, str]) -> None:
        shown = ", ".join(header for header in headers if header)[:300]
        if missing := sorted(header for header in self._reading.columns if folded(header) not in map(folded, headers)):
            raise InputError(f"there is no column {missing[0]!r} to map; the header has {shown}")
        used = [target for target in targets.values() if target != NOTHING]
        if twice := sorted({target for target in used if used.count(target) > 1}):
            raise InputError(f"two columns are both {twice[0]!r}; map one of them to {NOTHING!r}")
        if len(set(headers) - {""}) < len([header for header in headers if header]):
            raise InputError(f"the header names a column twice; it has {shown}")
        if "email" not in used:
            raise InputError(f"no column is known to be the address; the header has {shown}: map one to 'email'")
        if untyped := sorted(name for name in self._reading.types if ATTRIBUTE + name not in used):
            raise InputError(f"a type is stated for the attribute {untyped[0]!r}, which no column holds")


def _take_for(target: str, types: Mapping[str, AttributeType]) -> Take | None:
    if target == NOTHING:
        return None
    if target in _TAKES:
        return _TAKES[target]
    prefix = next((one for one in _PREFIXES if target.startswith(one) and len(target) > len(one)), None)
    if prefix is None:
        raise InputError(f"{target!r} is nothing a column can hold; there is {', '.join(TARGETS)}, {ATTRIBUTE}NAME")
    name = target[len(prefix) :]
    if prefix == ATTRIBUTE:
        return _take_attribute(name, types.get(name))
    return _take_evidence(name) if prefix == EVIDENCE else _take_said(name)


def _take_attribute(name: str, type_: AttributeType | None) -> Take:
    if len(name) > LONGEST_ATTRIBUTE_NAME:
        raise InputError(
            f"{name[:20]!r}… is too long for the name of an attribute: {LONGEST_ATTRIBUTE_NAME} characters"
        )
    read = READERS[type_] if type_ else None

    def take(draft: Draft, value: Json) -> None:
        if read is None or not isinstance(value, str):
            draft.attributes[name] = value
            return
        try:
            draft.attributes[name] = read(value.strip())
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    return take


def _take_evidence(name: str) -> Take:
    def take(draft: Draft, value: Json) -> None:
        draft.evidence[name] = _as_evidence(value)

    return take


def _take_said(name: str) -> Take:
    def take(draft: Draft, value: Json) -> None:
        draft.said[name] = value

    return take


def _take_text(slot: str) -> Take:
    def take(draft: Draft, value: Json) -> None:
        setattr(draft, slot, text_of(value))

    return take


def _take_network(draft: Draft, value: Json) -> None:
    draft.network = _as_evidence(value)


def _as_evidence(value: Json) -> str:
    """Kept as it is told, not checked as what people see is; but PostgreSQL holds no NUL and no half of a character."""
    return text_of(value)[:_LONGEST_EVIDENCE].encode(errors="replace").decode().replace("\0", "\ufffd")


def _take_email(draft: Draft, value: Json) -> None:
    draft.email = text_of(value)


def _take_name(draft: Draft, value: Json) -> None:
    draft.name = text_of(value)


def _take_tags(draft: Draft, value: Json) -> None:
    draft.tags = list_of(value)


def _take_attributes(draft: Draft, value: Json) -> None:
    draft.attributes.update(object_of(value))


_TAKES: Mapping[str, Take] = {
    "email": _take_email,
    "name": _take_name,
    "tags": _take_tags,
    "attributes": _take_attributes,
    "network": _take_network,
    **{slot: _take_text(slot) for slot in ("first_name", "last_name", "language", "zone")},
}
