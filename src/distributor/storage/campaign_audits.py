"""Audits of campaigns that run in the background, a slice at a time, and what they have found.

They hold no address: a difference names its delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Row, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import NotFoundError
from distributor.domain.rendition import Json
from distributor.storage import tables
from distributor.storage.database import Connection

# One that nobody has advanced for so long is taken up by another worker.
_STALLED_AFTER = timedelta(minutes=1)


class AuditState(StrEnum):
    """WAITING for a worker, RUNNING, or FINISHED."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignAudit:
    """An audit.

    `position` is the delivery of the dispatch `dispatch_id` up to which it has come. `checked` is how many it has
    compared, `checked_here` those of this dispatch. `counts` has the differences by kind, and `differences` are the
    first of them.
    """

    id: int
    campaign_id: int
    state: AuditState
    requested_by: str
    requested_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    dispatch_id: int
    position: int
    checked: int
    checked_here: int
    counts: Mapping[str, int]
    differences: Sequence[Mapping[str, Json]]


_audit = tables.campaign_audits.c
_OPEN = (AuditState.WAITING, AuditState.RUNNING)


def add(connection: Connection, campaign_id: int, *, requested_by: str, now: datetime) -> int:
    """Add an audit that waits for a worker; returns its id. The caller holds the lock of the campaign."""
    number: int = connection.execute(
        insert(tables.campaign_audits)
        .values(
            campaign_id=campaign_id,
            state=AuditState.WAITING,
            requested_by=requested_by,
            requested_at=now,
            updated_at=now,
        )
        .returning(_audit.id)
    ).scalar_one()
    return number


def latest(connection: Connection, campaign_id: int) -> CampaignAudit | None:
    """The last audit of a campaign; None if there was none."""
    row = connection.execute(
        select(tables.campaign_audits).where(_audit.campaign_id == campaign_id).order_by(_audit.id.desc()).limit(1)
    ).one_or_none()
    return _of(row) if row else None


def lock(connection: Connection, audit_id: int) -> CampaignAudit:
    """The audit, locked until the transaction ends. Raises NotFoundError."""
    row = connection.execute(
        select(tables.campaign_audits).where(_audit.id == audit_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError("audit", audit_id)
    return _of(row)


def advance(connection: Connection, audit: CampaignAudit) -> None:
    """Store how far an audit has come."""
    connection.execute(
        update(tables.campaign_audits)
        .where(_audit.id == audit.id)
        .values(
            state=audit.state,
            updated_at=audit.updated_at,
            finished_at=audit.finished_at,
            dispatch_id=audit.dispatch_id,
            position=audit.position,
            checked=audit.checked,
            checked_here=audit.checked_here,
            counts=dict(audit.counts),
            differences=list(audit.differences),
        )
    )


def stalled(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """Ids of audits that wait for a first run, or that no worker has advanced for a while."""
    is_due = (_audit.state == AuditState.WAITING) | (
        (_audit.state == AuditState.RUNNING) & (_audit.updated_at < now - _STALLED_AFTER)
    )
    rows = connection.execute(select(_audit.id).where(_audit.state.in_(_OPEN), is_due).order_by(_audit.id).limit(limit))
    return list(rows.scalars())


def delete_before(connection: Connection, time: datetime) -> int:
    """Delete the audits that finished before `time`, but for the last one of each campaign; returns how many."""
    later = tables.campaign_audits.alias()
    has_later = exists().where(later.c.campaign_id == _audit.campaign_id, later.c.id > _audit.id)
    return connection.execute(delete(tables.campaign_audits).where(_audit.finished_at < time, has_later)).rowcount


def _of(row: Row[tuple[object, ...]]) -> CampaignAudit:
    return CampaignAudit(
        id=row.id,
        campaign_id=row.campaign_id,
        state=AuditState(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        dispatch_id=row.dispatch_id,
        position=row.position,
        checked=row.checked,
        checked_here=row.checked_here,
        counts=row.counts,
        differences=row.differences,
    )
