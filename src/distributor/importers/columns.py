"""The columns of a file: what each of them holds, and how a row becomes a subscriber to import."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError
from distributor.domain.person import LONGEST_ATTRIBUTE_NAME, LONGEST_NAME, person_of
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Person
from distributor.domain.subscriber_import import (
    IGNORE,
    AttributeType,
    ColumnSource,
    ColumnUse,
    ImportedStatus,
    ImportRow,
    ImportSettings,
    SkippedRow,
)
from distributor.importers.address_cell import SPACES, is_bare_address, read_addresses, read_name
from distributor.importers.consent import (
    CONSENT_TARGETS,
    NEGATIVE_TARGETS,
    STATUS,
    ConsentColumn,
    combine,
    is_consent_target,
    status_of_file_name,
)
from distributor.importers.headers import header_key, is_consent_like, normalize_header
from distributor.importers.statuses import STATUSES, normalize_word
from distributor.importers.values import (
    PARSERS,
    is_time_like,
    parse_list,
    parse_object,
    parse_text,
    storable_text,
    unescape_formula,
)

# Prefixes of targets: an attribute of the subscriber; evidence of the opt-in, kept with the consent; and a field that
# `status_of` of the importer reads.
ATTRIBUTE = "attributes."
EVIDENCE = "evidence."
SOURCE_FIELD = "source."
# The targets that a user may map a column to.
TARGETS = (
    *("email", "name", "first_name", "last_name", "language", "zone", "tags", "attributes", "ip_address"),
    *CONSENT_TARGETS,
    IGNORE,
)
# A column known to hold an email address or, beside a column that does, a postal one.
POSTAL_OR_EMAIL = "address"
# The columns that precede the others in a file of bad rows, which can be corrected and imported again. The last column
# is there if the name of the file they came from says something about consent.
BAD_ROW_COLUMNS = ("line", "reason")
BAD_ROW_FILE_COLUMN = "from_file"

_PREFIXES = (ATTRIBUTE, EVIDENCE, SOURCE_FIELD)
_MAX_EVIDENCE_LENGTH = 2000
# Each JSON object may have names of its own; this bounds the memory for them.
_MAX_NAMES = 5000
_DELIMITER = re.compile(r"[,;|]")
_IN_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
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
        "fallback_email",
        "file_name",
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
        self.fallback_email = ""
        self.file_name = ""
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
    of states; None means that the row is passed over. A column with words of its own has a target such as
    ``status.reason``, and `column_statuses` the words: "" for an empty cell, ANY for free text. Columns with an
    `optional` target say nothing in a file that has nothing there. `matches` says whether these headers, in the form of
    `normalize_header`, are those of the service. `status_of` derives a status from the fields with a ``source.`` target
    and raises InputError for values it does not know. Rows with an address in a domain of `skipped_domains` are passed
    over, with the reason. If `is_escaped`, cells are escaped with `escape_formula`. The `ambiguous` of its columns may
    hold something else as well: `State` a part of the postal address.
    """

    name: str
    columns: Mapping[str, str]
    statuses: Mapping[str, ImportedStatus | None]
    column_statuses: Mapping[str, Mapping[str, ImportedStatus | None]]
    matches: Callable[[frozenset[str]], bool]
    status_of: Callable[[Mapping[str, Json]], ImportedStatus] | None
    skipped_domains: Mapping[str, str]
    is_escaped: bool
    ambiguous: frozenset[str]
    optional: frozenset[str]

    def target(self, header: str) -> str:
        """What a column with this header holds; empty if it is not known."""
        name = header[len(ATTRIBUTE) :] if header.casefold().startswith(ATTRIBUTE) else header
        known = self.columns.get(header_key(name)) or self._target_of_kind(name)
        return known if name == header or is_consent_target(known) else ATTRIBUTE + name

    def _target_of_kind(self, name: str) -> str:
        """What a column holds whose header says more: `Newsletter (ja/nein)`, `Opted out of email: Blog`, `Email 2`."""
        plain = _IN_PARENTHESES.sub("", name)
        more = " ".join(_IN_PARENTHESES.findall(name))
        found = self.columns.get(header_key(plain), "")
        if not found:
            kind, colon, of_kind = plain.removesuffix(" - Value").partition(":")
            found = self.columns.get(header_key(kind.rstrip("0123456789")), "")
            more += of_kind
            if not is_consent_target(found) and (found != "email" or colon):
                return ""
        # That of `Newsletter (abgemeldet am)` is no yes to the newsletter.
        is_clear = found in NEGATIVE_TARGETS or not is_consent_like(more) or self.columns.get(header_key(more)) == found
        return found if is_clear else ""


class ColumnMapping:
    """Turns the rows of one file into subscribers to import. Raises InputError for a mapping that is inconsistent.

    `uses` says what each column of a CSV file is used for; the names in JSON lines are met as they are read.
    """

    def __init__(self, headers: Iterable[str], importer: Importer, settings: ImportSettings, *, file_name: str) -> None:
        self.importer = importer
        self._settings = settings
        self.file_name = file_name
        self.file_status = status_of_file_name(file_name)
        self._user_targets = {header_key(header): target for header, target in settings.columns.items()}
        self._user_words = _user_words(settings.statuses)
        self._words = {**importer.statuses, **self._user_words}
        self._names: dict[str, tuple[ColumnUse, Setter | ConsentColumn | None]] = {}
        known = [header.strip() for header in headers]
        self._is_bad_rows = known[:2] == list(BAD_ROW_COLUMNS)
        # The file of bad rows that an import leaves is escaped once more.
        self._escapes = int(importer.is_escaped) + self._is_bad_rows
        self.uses = self._uses_of(known)
        if known:
            self._check(known)
        setters = [self._setter_of(use) for use in self.uses]
        # A column that the user mapped comes before one that is known by its header.
        in_order = sorted(range(len(setters)), key=lambda place: self.uses[place].source is not ColumnSource.MAPPED)
        self._cell_setters = [(place, set_) for place in in_order if callable(set_ := setters[place])]
        self.consent_columns = [(at, column) for at, column in enumerate(setters) if isinstance(column, ConsentColumn)]

    def parse_cells(self, cells: Sequence[str], line: int) -> list[ImportRow | SkippedRow]:
        """Who is in a row of cells, in the order of the headers: usually one. Raises InputError, AddressError."""
        draft = RowDraft()
        values = self.unescape(cells)
        for place, set_value in self._cell_setters:
            if value := values[place]:
                set_value(draft, value)
        for place, column in self.consent_columns:
            _add_consent(draft, column, values[place])
        return self._finish(draft, line, tuple(cells))

    def parse_object(self, values: Mapping[str, Json], line: int, text: str) -> list[ImportRow | SkippedRow]:
        """Who is in a JSON object, whose line is `text`. Raises InputError, AddressError."""
        draft = RowDraft()
        for name, value in values.items():
            _, setter = self.use_of_name(name)
            if isinstance(setter, ConsentColumn):
                _add_consent(draft, setter, value)
            elif setter is not None and value not in (None, ""):
                setter(draft, value)
        for name in self._settings.consent_names:
            _, setter = self.use_of_name(name)
            if name not in values and isinstance(setter, ConsentColumn):
                draft.consent.append(setter.read(""))
        return self._finish(draft, line, (text,))

    def unescape(self, cells: Sequence[str]) -> Sequence[str]:
        """The cells without the apostrophes that some formats put before what spreadsheets would run as formulas."""
        for _ in range(self._escapes):
            cells = [unescape_formula(cell) for cell in cells]
        return cells

    def use_of_name(self, name: str) -> tuple[ColumnUse, Setter | ConsentColumn | None]:
        """What a name in JSON lines is used for, and what reads its values."""
        if name not in self._names:
            if len(self._names) > _MAX_NAMES:
                raise InputError(f"the rows have more than {_MAX_NAMES} different names")
            use = self._use(name)
            self._names[name] = use, self._setter_of(use)
        return self._names[name]

    def _finish(self, draft: RowDraft, line: int, cells: tuple[str, ...]) -> list[ImportRow | SkippedRow]:
        email = draft.email or (draft.fallback_email if "@" in draft.fallback_email else "")
        mailboxes = [("", email)] if is_bare_address(email) else read_addresses(email)
        if None in draft.consent:
            return [SkippedRow(line=line, reason="its status is mapped to ignore")]
        consent = [status for status in draft.consent if status is not None]
        if self.importer.status_of is not None:
            consent.append(self.importer.status_of(draft.source))
        consent.append(status_of_file_name(draft.file_name) if draft.file_name else self.file_status)
        status = combine(consent)
        name = read_name(draft.name) if draft.name else ""
        if not name and (draft.first_name or draft.last_name):
            name = f"{read_name(draft.first_name)} {read_name(draft.last_name)}".strip()
        rows: list[ImportRow | SkippedRow] = []
        for display_name, address in mailboxes:
            if reason := self.importer.skipped_domains.get(address.rpartition("@")[2].casefold()):
                rows.append(SkippedRow(line=line, reason=reason))
                continue
            person = build_person(
                address,
                name=name or display_name,
                language=draft.language,
                zone=draft.zone,
                attributes=draft.attributes,
                tags=draft.tags,
            )
            rows.append(
                ImportRow(
                    line=line,
                    person=person,
                    status=status,
                    ip_address=draft.ip_address,
                    evidence=draft.evidence,
                    cells=cells,
                )
            )
        return rows

    def _uses_of(self, headers: list[str]) -> tuple[ColumnUse, ...]:
        uses = [self._use(header) for header in headers]
        if self._is_bad_rows:
            reserved = {0: IGNORE, 1: IGNORE}
            if headers[-1] == BAD_ROW_FILE_COLUMN:
                reserved[len(headers) - 1] = BAD_ROW_FILE_COLUMN
            for place, target in reserved.items():
                uses[place] = ColumnUse(header=headers[place], target=target, source=ColumnSource.KNOWN)
        has_email = any(use.target == "email" for use in uses)
        taken: set[str] = set()
        for place, use in enumerate(uses):
            if use.target == POSTAL_OR_EMAIL:
                as_email = replace(use, target="email")
                uses[place] = self._use_of_unknown(use.header) if has_email or "email" in taken else as_email
            elif use.target in taken:
                uses[place] = replace(use, source=ColumnSource.FALLBACK)
            target = uses[place].target
            if target not in (IGNORE, "tags", "attributes") and not is_consent_target(target):
                taken.add(target)
        return tuple(uses)

    def _use(self, header: str) -> ColumnUse:
        if target := self._user_targets.get(header_key(header)):
            return ColumnUse(header=header, target=target, source=ColumnSource.MAPPED)
        if target := self.importer.target(header):
            return ColumnUse(header=header, target=target, source=ColumnSource.KNOWN)
        return self._use_of_unknown(header)

    def _use_of_unknown(self, header: str) -> ColumnUse:
        if self._settings.attributes_from_rest and header:
            return ColumnUse(header=header, target=ATTRIBUTE + header, source=ColumnSource.REST)
        return ColumnUse(header=header, target=IGNORE, source=ColumnSource.PASSED_OVER)

    def _setter_of(self, use: ColumnUse) -> Setter | ConsentColumn | None:
        if use.target in CONSENT_TARGETS:
            return ConsentColumn(use.header, use.target, self._words)
        if (words := self.importer.column_statuses.get(use.target)) is not None:
            return ConsentColumn(use.header, STATUS, {**words, **self._user_words})
        return _make_setter(use.target, self._settings.types)

    def _check(self, headers: list[str]) -> None:
        shown = ", ".join(header for header in headers if header)[:300]
        known = frozenset(map(header_key, headers))
        if missing := sorted(header for header in self._settings.columns if header_key(header) not in known):
            raise InputError(f"there is no column {missing[0]!r} to map; the header has {shown}")
        used = {use.target for use in self.uses}
        parts = _DELIMITER.split(headers[0]) if len(headers) == 1 else ()
        if "email" not in used and any(self.importer.target(part) == "email" for part in parts):
            raise InputError(
                f"each line is one cell in quotation marks, such as {shown!r}: remove those around the lines"
            )
        if "email" not in used:
            raise InputError(
                f"no column is recognised as the email address; the header has {shown}: map the one that holds it, "
                'such as --map "HEADER=email" (in the API map)'
            )
        if untyped := sorted(name for name in self._settings.types if ATTRIBUTE + name not in used):
            raise InputError(f"a type is given for the attribute {untyped[0]!r}, but no column is mapped to it")


def _add_consent(draft: RowDraft, column: ConsentColumn, cell: Json) -> None:
    draft.consent.append(column.read(cell))
    if not isinstance(cell, str) or not cell:
        return
    if (column.is_opt_in and is_time_like(cell)) or not column.names(cell):
        draft.evidence.setdefault(normalize_header(column.header), _evidence_text(cell))


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
            draft.attributes.setdefault(name, value)
            return
        try:
            draft.attributes.setdefault(name, parse(value.strip()))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    return set_attribute


def _evidence_setter(name: str) -> Setter:
    def set_evidence(draft: RowDraft, value: Json) -> None:
        draft.evidence.setdefault(name, _evidence_text(value))

    return set_evidence


def _source_setter(name: str) -> Setter:
    def set_source(draft: RowDraft, value: Json) -> None:
        draft.source[name] = value

    return set_source


def _text_setter(slot: str) -> Setter:
    """Of several columns, the first that is not empty counts."""

    def set_text(draft: RowDraft, value: Json) -> None:
        if not getattr(draft, slot):
            setattr(draft, slot, parse_text(value).strip(SPACES))

    return set_text


def _set_ip_address(draft: RowDraft, value: Json) -> None:
    draft.ip_address = _evidence_text(value)


def _evidence_text(value: Json) -> str:
    """Kept as given, without the checks for displayed text."""
    return storable_text(parse_text(value)[:_MAX_EVIDENCE_LENGTH])


def _set_tags(draft: RowDraft, value: Json) -> None:
    draft.tags = [*draft.tags, *parse_list(value)]


def _set_attributes(draft: RowDraft, value: Json) -> None:
    draft.attributes.update(parse_object(value))


_SETTERS: Mapping[str, Setter] = {
    "tags": _set_tags,
    "attributes": _set_attributes,
    "ip_address": _set_ip_address,
    POSTAL_OR_EMAIL: _text_setter("fallback_email"),
    BAD_ROW_FILE_COLUMN: _text_setter("file_name"),
    **{slot: _text_setter(slot) for slot in ("email", "name", "first_name", "last_name", "language", "zone")},
}
