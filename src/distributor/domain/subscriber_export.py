"""Exports of subscribers: the selection, and the data of each subscriber."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from distributor.domain.consent import ConsentAction, ConsentMethod
from distributor.domain.subscriber import Membership, Subscriber
from distributor.domain.suppression import SuppressionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which subscribers to export: of a list (former ones too), of a segment, of both, or all if neither is given."""

    list_slug: str | None = None
    segment_slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentSummary:
    """The last consent record of a subscriber for one list."""

    action: ConsentAction
    method: ConsentMethod
    at: datetime
    ip_address: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMembership:
    """The membership of the exported list. `topics` of None mean every article."""

    state: Membership
    topics: tuple[str, ...] | None
    consent: ConsentSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An exported subscriber; `membership` is None unless a list is exported."""

    subscriber: Subscriber
    lists: dict[str, Membership]
    suppressed: tuple[SuppressionReason, ...]
    membership: ExportedMembership | None
