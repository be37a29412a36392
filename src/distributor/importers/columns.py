"""The columns of a file: what each of them holds, and how a row becomes a subscriber to import."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.person import LONGEST_ATTRIBUTE_NAME, LONGEST_NAME, person_of
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Person
from distributor.domain.subscriber_import import AttributeType, ImportedStatus, ImportRow, ImportSettings, SkippedRow
from distributor.importers.consent import CONSENT_TARGETS, ConsentColumn, combine, status_of_file_name
from distributor.importers.statuses import STATUSES, normalize_word
from distributor.importers.values import PARSERS, parse_list, parse_object, parse_text, unescape_formula

# Prefixes of targets: an attribute of the subscriber; evidence of the opt-in, kept with the consent; and a field that
# `status_of` of the importer reads.
ATTRIBUTE = "attributes."
EVIDENCE = "evidence."
SOURCE_FIELD = "source."
IGNORE = "ignore"
# The targets that a user may map a column to.
TARGETS = (
    *("email", "name", "first_name", "last_name", "language", "zone", "tags", "attributes", "ip_address"),
    *CONSENT_TARGETS,
    IGNORE,
)
# The columns that precede the others in a file of bad rows, which can be corrected and imported again.
BAD_ROW_COLUMNS = ("line", "reason")

_PREFIXES = (ATTRIBUTE, EVIDENCE, SOURCE_FIELD)
_MAX_EVIDENCE_LENGTH = 2000
# Each JSON object may have names of its own; this bounds the memory for them.
_MAX_NAMES = 5000
_SEPARATORS = re.compile(r"[\W_]+")
_IN_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
# One of several columns of a kind: ``Opted out of email: Blog``, ``hs_email_optout_6871816``.
_PARTICULAR = re.compile(r":.*|[\s_]*\d+$", re.DOTALL)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_MAX_LOCAL_PART = 64
# With the longest local part still below the limit of the whole address (RFC 5321 section 4.5.3.1.3).
_MAX_PLAIN_DOMAIN = 189


class RowDraft:
    """The values of one row, by target, while it is being read."""

    __slots__ = (
        "attributes",
        "consent",
        "email",
        "evidence",
        "first_name",
        "ip_address",
        "language",
        "last_name",
        "name",
        "source",
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
        self.ip_address = ""
        self.tags: Sequence[str] = ()
        self.attributes: dict[str, Json] = {}
        self.evidence: dict[str, Json] = {}
        self.source: dict[str, Json] = {}
        self.consent: list[ImportedStatus | None] = []


Setter = Callable[[RowDraft, Json], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """A module of this package as `registry` reads it; the general columns and words are part of every importer.

    `columns` has a target for each header in the form of `header_key`, `statuses` the meaning of each word in a column
    of states; None means that the row is passed over. `matches` says whether these headers, in the form of
    `normalize_header`, are those of the service. `status_of` derives a status from the fields with a ``source.`` target
    and raises InputError for values it does not know. Rows with an address in a domain of `skipped_domains` are passed
    over, with the reason. If `is_escaped`, cells are escaped with `escape_formula`.
    """

    name: str
    columns: Mapping[str, str]
    statuses: Mapping[str, ImportedStatus | None]
    matches: Callable[[frozenset[str]], bool]
    status_of: Callable[[Mapping[str, Json]], ImportedStatus] | None
    skipped_domains: Mapping[str, str]
    is_escaped: bool

    def target(self, header: str) -> str:
        """What a column with this header holds; empty if it is not known."""
        name = header[len(ATTRIBUTE) :] if header.casefold().startswith(ATTRIBUTE) else header
        known = self.columns.get(header_key(name)) or self.columns.get(header_key(_IN_PARENTHESES.sub("", name))) or ""
        if not known and (general := self.columns.get(header_key(_PARTICULAR.sub("", name)))) in CONSENT_TARGETS:
            known = general
        return known if name == header or known in CONSENT_TARGETS else ATTRIBUTE + name


def normalize_header(header: str) -> str:
    """A header in lower case without accents, with underscores between its words: ``E-Mail`` becomes ``e_mail``."""
    words = _CAMEL_CASE.sub("_", header)
    if not header.isascii():
        decomposed = unicodedata.normalize("NFKD", words.casefold())
        words = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _SEPARATORS.sub("_", words.casefold()).strip("_")


def header_key(header: str) -> str:
    """A header as the tables of importers have it, without underscores: ``optIn``, ``Opt-in`` and ``OPTIN`` are one."""
    return normalize_header(header).replace("_", "")


class ColumnMapping:
    """Turns the rows of one file into subscribers to import. Raises InputError for a mapping that is inconsistent."""

    def __init__(self, headers: Iterable[str], importer: Importer, settings: ImportSettings, *, file_name: str) -> None:
        self._importer = importer
        self._settings = settings
        self._file_status = status_of_file_name(file_name)
        self._user_targets = {header_key(header): target for header, target in settings.columns.items()}
        self._words = {**importer.statuses, **_user_words(settings.statuses)}
        self._setters: dict[str, Setter | ConsentColumn | None] = {}
        known = [header.strip() for header in headers]
        is_bad_rows = known[:2] == list(BAD_ROW_COLUMNS)
        # The file of bad rows that an import leaves is escaped once more.
        self._escapes = int(importer.is_escaped) + is_bad_rows
        if known:
            self._check(known, {header: self._target(header) for header in known})
        setters = [self._setter(header) for header in known]
        self._cell_setters = [(place, set_) for place, set_ in enumerate(setters) if callable(set_)]
        self._consent_cells = [(place, col) for place, col in enumerate(setters) if isinstance(col, ConsentColumn)]

    def parse_cells(self, cells: Sequence[str], line: int) -> ImportRow | SkippedRow:
        """The subscriber in a row of cells, in the order of the headers. Raises InputError, AddressError."""
        draft = RowDraft()
        values: Sequence[str] = cells
        for _ in range(self._escapes):
            values = [unescape_formula(value) for value in values]
        for place, set_value in self._cell_setters:
            if value := values[place]:
                set_value(draft, value)
        for place, column in self._consent_cells:
            draft.consent.append(column.read(values[place]))
        return self._finish(draft, line, tuple(cells))

    def parse_object(self, values: Mapping[str, Json], line: int, text: str) -> ImportRow | SkippedRow:
        """The subscriber in a JSON object, whose line is `text`. Raises InputError, AddressError."""
        draft = RowDraft()
        for name, value in values.items():
            setter = self._setter(name)
            if isinstance(setter, ConsentColumn):
                draft.consent.append(setter.read(value))
            elif setter is not None and value not in (None, ""):
                setter(draft, value)
        return self._finish(draft, line, (text,))

    def _finish(self, draft: RowDraft, line: int, cells: tuple[str, ...]) -> ImportRow | SkippedRow:
        email = draft.email.strip(" \u00a0")
        if reason := self._importer.skipped_domains.get(email.rpartition("@")[2].casefold()):
            return SkippedRow(line=line, reason=reason)
        name = draft.name or f"{draft.first_name} {draft.last_name}".strip()
        person = build_person(
            email,
            name=name,
            language=draft.language,
            zone=draft.zone,
            attributes=draft.attributes,
            tags=draft.tags,
        )
        statuses = [status for status in draft.consent if status is not None]
        if len(statuses) < len(draft.consent):
            return SkippedRow(line=line, reason="has a status that is mapped to ignore")
        if self._importer.status_of is not None:
            statuses.append(self._importer.status_of(draft.source))
        return ImportRow(
            line=line,
            person=person,
            status=combine((*statuses, self._file_status)),
            ip_address=draft.ip_address,
            evidence=draft.evidence,
            cells=cells,
        )

    def _target(self, header: str) -> str:
        target = self._user_targets.get(header_key(header)) or self._importer.target(header)
        if target:
            return target
        return ATTRIBUTE + header if self._settings.attributes_from_rest and header else IGNORE

    def _setter(self, header: str) -> Setter | ConsentColumn | None:
        if header not in self._setters:
            if len(self._setters) > _MAX_NAMES:
                raise InputError(f"the rows have more than {_MAX_NAMES} different names")
            target = self._target(header)
            self._setters[header] = (
                ConsentColumn(header, target, self._words)
                if target in CONSENT_TARGETS
                else _make_setter(target, self._settings.types)
            )
        return self._setters[header]

    def _check(self, headers: list[str], targets: Mapping[str, str]) -> None:
        shown = ", ".join(header for header in headers if header)[:300]
        known = frozenset(map(header_key, headers))
        if missing := sorted(header for header in self._settings.columns if header_key(header) not in known):
            raise InputError(f"there is no column {missing[0]!r} to map; the header has {shown}")
        used = [
            target
            for target in targets.values()
            if target != IGNORE and target not in CONSENT_TARGETS and not target.startswith((EVIDENCE, SOURCE_FIELD))
        ]
        if duplicates := sorted({target for target in used if used.count(target) > 1}):
            raise InputError(f"two columns are mapped to {duplicates[0]!r}; map one of them to {IGNORE!r}")
        if len(set(headers) - {""}) < len([header for header in headers if header]):
            raise InputError(f"the header contains the same column twice; it has {shown}")
        if "email" not in used:
            raise InputError(
                f"no column is recognised as the email address; the header has {shown}: map one to 'email'"
            )
        if untyped := sorted(name for name in self._settings.types if ATTRIBUTE + name not in used):
            raise InputError(f"a type is given for the attribute {untyped[0]!r}, but no column is mapped to it")


def _user_words(statuses: Mapping[str, str]) -> dict[str, ImportedStatus | None]:
    """The words that the user gives a meaning. Raises InputError."""
    if unknown := sorted(set(statuses.values()) - STATUSES.keys()):
        raise InputError(f"a word cannot be mapped to the status {unknown[0]!r}; use one of {', '.join(STATUSES)}")
    return {normalize_word(word): STATUSES[status] for word, status in statuses.items()}


def build_person(
    address: str,
    *,
    name: str = "",
    language: str = "",
    zone: str = "",
    attributes: Mapping[str, Json],
    tags: Iterable[str] = (),
) -> Person:
    """The same as `person_of`, errors included, with a faster path for the usual row."""
    if not (language or zone or attributes or tags) and _is_plain_name(name):
        local_part, at, domain = address.rpartition("@")
        if (
            at
            and len(local_part) <= _MAX_LOCAL_PART
            and len(domain) <= _MAX_PLAIN_DOMAIN
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
    """The domain as `parse_address` writes it, or empty if it is invalid, so that `person_of` raises the error."""
    try:
        return parse_address(f"a@{domain}").domain
    except InputError:
        return ""


def _make_setter(target: str, types: Mapping[str, AttributeType]) -> Setter | None:
    """The function that stores a value under `target`; None if the column is ignored. Raises InputError."""
    if target == IGNORE:
        return None
    if target in _SETTERS:
        return _SETTERS[target]
    prefix = next((prefix for prefix in _PREFIXES if target.startswith(prefix) and len(target) > len(prefix)), None)
    if prefix is None:
        raise InputError(f"a column cannot be mapped to {target!r}; use one of {', '.join(TARGETS)}, {ATTRIBUTE}NAME")
    name = target[len(prefix) :]
    if prefix == ATTRIBUTE:
        return _attribute_setter(name, types.get(name))
    return _evidence_setter(name) if prefix == EVIDENCE else _source_setter(name)


def _attribute_setter(name: str, type_: AttributeType | None) -> Setter:
    if len(name) > LONGEST_ATTRIBUTE_NAME:
        raise InputError(
            f"{name[:20]!r}… is too long for the name of an attribute: the limit is {LONGEST_ATTRIBUTE_NAME} characters"
        )
    parse = PARSERS[type_] if type_ else None

    def set_attribute(draft: RowDraft, value: Json) -> None:
        if parse is None or not isinstance(value, str):
            draft.attributes[name] = value
            return
        try:
            draft.attributes[name] = parse(value.strip())
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    return set_attribute


def _evidence_setter(name: str) -> Setter:
    def set_evidence(draft: RowDraft, value: Json) -> None:
        draft.evidence[name] = _evidence_text(value)

    return set_evidence


def _source_setter(name: str) -> Setter:
    def set_source(draft: RowDraft, value: Json) -> None:
        draft.source[name] = value

    return set_source


def _text_setter(slot: str) -> Setter:
    def set_text(draft: RowDraft, value: Json) -> None:
        setattr(draft, slot, parse_text(value))

    return set_text


def _set_ip_address(draft: RowDraft, value: Json) -> None:
    draft.ip_address = _evidence_text(value)


def _evidence_text(value: Json) -> str:
    """Kept as given, without the checks for displayed text; but PostgreSQL stores neither NUL nor lone surrogates."""
    text = parse_text(value)[:_MAX_EVIDENCE_LENGTH]
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def _set_email(draft: RowDraft, value: Json) -> None:
    draft.email = parse_text(value)


def _set_name(draft: RowDraft, value: Json) -> None:
    draft.name = parse_text(value)


def _set_tags(draft: RowDraft, value: Json) -> None:
    draft.tags = parse_list(value)


def _set_attributes(draft: RowDraft, value: Json) -> None:
    draft.attributes.update(parse_object(value))


_SETTERS: Mapping[str, Setter] = {
    "email": _set_email,
    "name": _set_name,
    "tags": _set_tags,
    "attributes": _set_attributes,
    "ip_address": _set_ip_address,
    **{slot: _text_setter(slot) for slot in ("first_name", "last_name", "language", "zone")},
}
