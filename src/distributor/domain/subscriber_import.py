"""Imports of subscribers: the rows of a file, how they are read and merged, and the progress of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, Person, SubscriberStatus
from distributor.domain.suppression import SuppressionReason


class ImportMode(StrEnum):
    """What happens to existing subscribers: INSERT refuses them, UPDATE changes them, SKIP leaves them as they are.

    New subscribers are added in every mode.
    """

    INSERT = "insert"
    UPDATE = "update"
    SKIP = "skip"


class ImportState(StrEnum):
    """The state of an import."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttributeType(StrEnum):
    """The type of the values in a column."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    JSON = "json"


# What a column or a word is mapped to that is passed over on purpose.
IGNORE = "ignore"


class ImportOutcome(StrEnum):
    """What a file says of a person, as reports count it: the worst of it, if it says several things."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BLOCKLISTED = "blocklisted"
    DISABLED = "disabled"


class ColumnSource(StrEnum):
    """Why a column is used, or not: KNOWN by its header, MAPPED by the user, or not known and PASSED_OVER.

    REST: not known, and an attribute because all other columns are to be. FALLBACK: used in rows where another column
    with the same target is empty.
    """

    KNOWN = "known"
    MAPPED = "mapped"
    REST = "rest"
    FALLBACK = "fallback"
    PASSED_OVER = "passed_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedStatus:
    """The status of a subscriber in the service that a file comes from."""

    state: Membership = Membership.SUBSCRIBED
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    reasons: tuple[SuppressionReason, ...] = ()
    topics: tuple[str, ...] | None = None
    # When they unsubscribed there, if the file says so.
    unsubscribed_at: datetime | None = None

    @property
    def outcome(self) -> ImportOutcome:
        """What is reported about it."""
        for reason, outcome in _OUTCOME_OF_REASON.items():
            if reason in self.reasons:
                return outcome
        if self.status is SubscriberStatus.DISABLED:
            return ImportOutcome.DISABLED
        return ImportOutcome.BLOCKLISTED if self.reasons else ImportOutcome(self.state.value)


_OUTCOME_OF_REASON = {
    SuppressionReason.COMPLAINT: ImportOutcome.COMPLAINED,
    SuppressionReason.HARD_BOUNCE: ImportOutcome.BOUNCED,
    SuppressionReason.SOFT_BOUNCES: ImportOutcome.BOUNCED,
    SuppressionReason.UNSUBSCRIBE: ImportOutcome.UNSUBSCRIBED,
}
SUBSCRIBED = ImportedStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """The subscriber in line `line` of a file. `evidence` is how they opted in there, `ip_address` where."""

    line: int
    person: Person
    status: ImportedStatus = SUBSCRIBED
    ip_address: str = ""
    evidence: Mapping[str, Json] = field(default_factory=dict)
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that cannot be imported; `line` is its first line, counted from 1. `cells` may be truncated."""

    line: int
    reason: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A row that is passed over on purpose; it is neither imported nor an error."""

    line: int
    reason: str


FileRow = ImportRow | SkippedRow | BadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnUse:
    """What a column of a file is used for; `target` is ``ignore`` if it is not."""

    header: str
    target: str
    source: ColumnSource


@dataclass(frozen=True, slots=True, kw_only=True)
class WordUse:
    """A word in a column that says whether people get mail: how many rows have it, and what it means.

    `meaning` is an ImportOutcome, ``ignore`` if rows with it are passed over, or empty if it refuses them.
    """

    header: str
    word: str
    rows: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScan:
    """How a file is understood, found before the first row is imported."""

    columns: tuple[ColumnUse, ...] = ()
    words: tuple[WordUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """How a file is read; empty settings are detected from the file.

    `columns` maps headers to targets, `types` attributes to types, `statuses` words to outcomes or ``ignore``. With
    `attributes_from_rest`, columns that are not mapped become attributes; otherwise they are ignored. `consent_names`
    are the names in JSON lines that say whether people get mail; a line without one of them has no yes there.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, AttributeType] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    consent_names: tuple[str, ...] = ()
    attributes_from_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What the user decides about an import. `basis` says in a sentence how these people agreed to mail."""

    list_slug: str
    basis: str
    mode: ImportMode = ImportMode.UPDATE
    settings: ImportSettings = field(default_factory=ImportSettings)
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """How many rows were read, and their results: `read` is the sum of the others."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import and its progress. `position` of `size` bytes are committed, up to and including line `line`.

    `bad_size` is the size in bytes of the file of bad rows at that point. `outcomes` counts what the file says of the
    people imported; `skip_reasons` counts the rows passed over by their reasons.
    """

    id: int
    name: str
    list_slug: str
    plan: ImportPlan
    state: ImportState
    size: int
    position: int
    line: int
    bad_size: int
    counts: ImportCounts
    scan: FileScan
    outcomes: Mapping[str, int]
    skip_reasons: Mapping[str, int]
    error: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether rows are left to import."""
        return self.state in {ImportState.WAITING, ImportState.RUNNING}

    @property
    def percent(self) -> int:
        """How much of the file is committed."""
        if self.state is ImportState.FINISHED:
            return 100
        return 100 * self.position // max(self.size, 1)
