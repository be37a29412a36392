"""Imports: what a file tells of people, what is to be made of it, and how far that has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json
from distributor.domain.subscriber import Frequency, Membership, Person, SubscriberStatus
from distributor.domain.suppression import SuppressionReason


class ImportMode(StrEnum):
    """What becomes of people who are known already: INSERT refuses them, UPDATE fills in and changes, SKIP passes by.

    New people come in whatever the mode.
    """

    INSERT = "insert"
    UPDATE = "update"
    SKIP = "skip"


class ImportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttributeType(StrEnum):
    """What the text in a column stands for."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedStatus:
    """What the place that a file comes from says about mail to somebody."""

    state: Membership = Membership.SUBSCRIBED
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    reasons: tuple[SuppressionReason, ...] = ()
    topics: tuple[str, ...] | None = None
    frequency: Frequency = Frequency.EVERY_ARTICLE
    # When they left there, if that is told.
    left_at: datetime | None = None


WELCOME = ImportedStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceValues:
    """Somebody, as line `line` of a file tells of them. `evidence` is how they opted in there, `network` from where."""

    line: int
    person: Person
    standing: ImportedStatus = WELCOME
    network: str = ""
    evidence: Mapping[str, Json] = field(default_factory=dict)
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row nobody can be made of, with the line that it begins in, counted from 1. `cells` are perhaps cut short."""

    line: int
    reason: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """How a file is to be read; what is empty is found out from the file.

    `columns` maps headers to what they hold, `types` the attributes to what their text stands for. With `takes_rest`
    the columns that nobody has named become attributes; otherwise they are passed over.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, AttributeType] = field(default_factory=dict)
    takes_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What a person decides about an import. `basis` says in a sentence how these people agreed to mail."""

    list_slug: str
    basis: str
    mode: ImportMode = ImportMode.UPDATE
    reading: ImportSettings = field(default_factory=ImportSettings)
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What became of the rows read: `read` is the sum of the others."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import and how far it is. `position` of `size` octets are committed, up to and including line `line`.

    `bad_size` is the length in octets of the file of bad rows at that point.
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
    error: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether there is something left to do."""
        return self.state in {ImportState.WAITING, ImportState.RUNNING}

    @property
    def percent(self) -> int:
        """How much of the file is done."""
        if self.state is ImportState.FINISHED:
            return 100
        return 100 * self.position // max(self.size, 1)
