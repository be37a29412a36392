"""The audit log: who did what in the team's app and to its accounts. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from distributor.domain.stored_text import shortened, storable
from distributor.domain.user import Actor, AuditAction, AuditLogEntry
from distributor.storage import tables
from distributor.storage.database import Connection

_LONGEST_TEXT = 300

_log = tables.audit_log.c


def record(
    connection: Connection, actor: Actor, action: AuditAction, *, subject: str = "", detail: str = "", now: datetime
) -> None:
    """Add an entry, in the transaction of what it is about."""
    connection.execute(
        insert(tables.audit_log).values(
            at=now,
            actor=_kept(actor.name),
            user_id=actor.user_id,
            action=action,
            subject=_kept(subject),
            detail=_kept(detail),
            ip_address=actor.ip_address,
            user_agent=_kept(actor.user_agent),
        )
    )


def latest(connection: Connection, *, limit: int, before_id: int | None = None) -> list[AuditLogEntry]:
    """The newest entries, or those before the one with this number."""
    query = select(tables.audit_log).order_by(_log.id.desc()).limit(limit)
    rows = connection.execute(query if before_id is None else query.where(_log.id < before_id))
    return [
        AuditLogEntry(
            id=row.id,
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            detail=row.detail,
            ip_address=row.ip_address,
            user_agent=row.user_agent,
        )
        for row in rows
    ]


def about(
    connection: Connection, subject: str, actions: Sequence[AuditAction], *, limit: int
) -> list[tuple[datetime, str]]:
    """When such acts on this subject happened, and their details, newest first."""
    query = (
        select(_log.at, _log.detail)
        .where(_log.subject == subject, _log.action.in_(actions))
        .order_by(_log.id.desc())
        .limit(limit)
    )
    return [(row.at, row.detail) for row in connection.execute(query)]


def _kept(text: str) -> str:
    return shortened(storable(text), _LONGEST_TEXT)
