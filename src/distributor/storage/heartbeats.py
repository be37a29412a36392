"""Heartbeats of the beat and of the workers of each machine, with PostgreSQL's time beside theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Row, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from distributor.storage import tables
from distributor.storage.database import Connection

BEAT = "beat"
_WORKERS = "workers of "


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The last sign of life of a role: `at` by its own clock, `database_at` by PostgreSQL's."""

    role: str
    at: datetime
    database_at: datetime

    @property
    def ahead(self) -> timedelta:
        """By how much its clock was ahead of PostgreSQL's; negative if it was behind."""
        return self.at - self.database_at


def workers_of(machine: str) -> str:
    """The role of the workers of a machine."""
    return f"{_WORKERS}{machine}"


def record_heartbeat(
    connection: Connection, role: str, *, now: datetime, at_most_every: timedelta = timedelta()
) -> None:
    """Store that `role` is alive at `now`, unless that was stored within `at_most_every`."""
    beat, time = tables.heartbeats.c, func.clock_timestamp()
    is_fresh = exists().where(beat.role == role, beat.database_at > time - at_most_every)
    row = select(literal(role), literal(now, DateTime(timezone=True)), time).where(~is_fresh)
    connection.execute(
        insert(tables.heartbeats)
        .from_select(["role", "at", "database_at"], row)
        .on_conflict_do_update(index_elements=["role"], set_={"at": now, "database_at": time})
    )


def last_heartbeat(connection: Connection, role: str) -> datetime | None:
    """When `role` last stored a heartbeat; None if never."""
    found: datetime | None = connection.execute(
        select(tables.heartbeats.c.at).where(tables.heartbeats.c.role == role)
    ).scalar_one_or_none()
    return found


def recent_heartbeats(connection: Connection, *, within: timedelta) -> list[Heartbeat]:
    """Those stored within this time, by PostgreSQL's clock, in the order of their roles."""
    beat = tables.heartbeats.c
    query = select(tables.heartbeats).where(beat.database_at > func.clock_timestamp() - within).order_by(beat.role)
    return [_heartbeat(row) for row in connection.execute(query)]


def forget_workers(connection: Connection, *, before: datetime) -> None:
    """Delete the heartbeats of workers that were last seen before this time: their machines may be gone."""
    beat = tables.heartbeats.c
    connection.execute(
        delete(tables.heartbeats).where(beat.role.startswith(_WORKERS, autoescape=True), beat.database_at < before)
    )


def _heartbeat(row: Row[tuple[object, ...]]) -> Heartbeat:
    return Heartbeat(role=row.role, at=row.at, database_at=row.database_at)
