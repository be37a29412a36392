"""Heartbeats of the processes that must run, such as Celery beat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from distributor.storage import tables
from distributor.storage.database import Connection


def record_heartbeat(connection: Connection, role: str, *, now: datetime) -> None:
    """Store that `role` is alive at `now`."""
    connection.execute(
        insert(tables.heartbeats)
        .values(role=role, at=now)
        .on_conflict_do_update(index_elements=["role"], set_={"at": now})
    )


def last_heartbeat(connection: Connection, role: str) -> datetime | None:
    """When `role` last stored a heartbeat; None if never."""
    found: datetime | None = connection.execute(
        select(tables.heartbeats.c.at).where(tables.heartbeats.c.role == role)
    ).scalar_one_or_none()
    return found
