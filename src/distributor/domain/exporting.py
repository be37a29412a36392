"""Exports: who is to be told of, and what is told of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from distributor.domain.consent import ConsentAction, ConsentMethod
from distributor.domain.subscriber import Frequency, Membership, Subscriber
from distributor.domain.suppression import SuppressionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whom to export: who is or was on a list, who is in a segment, both at once, or with neither everybody."""

    list_slug: str | None = None
    segment_slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentSummary:
    """The last record about somebody and one list."""

    action: ConsentAction
    method: ConsentMethod
    at: datetime
    network: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMembership:
    """What somebody is to the list that is exported. `topics` of None are every article."""

    state: Membership
    topics: tuple[str, ...] | None
    frequency: Frequency
    consent: ConsentSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Somebody as an export tells of them; `place` is None where it is of no list."""

    subscriber: Subscriber
    lists: dict[str, Membership]
    suppressed: tuple[SuppressionReason, ...]
    place: ExportedMembership | None
