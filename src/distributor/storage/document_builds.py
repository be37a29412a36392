"""Whether the documents of each kind are up to date, and when they have to be built next."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.storage import tables
from distributor.storage.database import Connection

# Documents are built this long after the last change, and no longer than this after the first one.
QUIET = timedelta(seconds=3)
LONGEST_DELAY = timedelta(seconds=30)


def mark_stale(connection: Connection, *, now: datetime) -> None:
    """An article or its state has changed: documents may have to be built again, soon after the last change."""
    _mark_stale(connection, literal(True), now=now)


def require(connection: Connection, kind: str, fingerprint: str, *, now: datetime) -> None:
    """Have the documents of a kind built, unless they were built with these settings."""
    build = tables.document_builds.c
    connection.execute(
        insert(tables.document_builds).values(kind=kind, stale_since=now, due_at=now).on_conflict_do_nothing()
    )
    _mark_stale(
        connection,
        and_(build.kind == kind, build.fingerprint != fingerprint, build.stale_since.is_(None)),
        now=now,
    )


def due(connection: Connection, *, now: datetime) -> list[str]:
    """The kinds whose documents have to be built now."""
    build = tables.document_builds.c
    return list(connection.execute(select(build.kind).where(build.due_at <= now).order_by(build.kind)).scalars())


def drop_abandoned(connection: Connection) -> None:
    """Delete the documents of kinds that have no channel any more."""
    kinds = select(tables.channels.c.kind).where(tables.channels.c.removed_at.is_(None))
    connection.execute(delete(tables.collections).where(tables.collections.c.kind.not_in(kinds)))
    connection.execute(delete(tables.document_builds).where(tables.document_builds.c.kind.not_in(kinds)))


def lock(connection: Connection, kind: str) -> None:
    """Lock the documents of a kind until the transaction ends, waiting for a build that is running."""
    connection.execute(select(func.pg_advisory_xact_lock(_lock_key(kind))))


def try_lock(connection: Connection, kind: str) -> bool:
    """As `lock`; False, without waiting, if a build is running."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_lock_key(kind)))).scalar_one())


def count_changes(connection: Connection, kind: str) -> int:
    """The number of changes so far, to be passed to `finish`; read before anything that is built from."""
    build = tables.document_builds.c
    changes: int = connection.execute(select(build.changes).where(build.kind == kind)).scalar_one()
    return changes


def finish(connection: Connection, kind: str, *, changes: int, fingerprint: str, due_at: datetime | None) -> None:
    """All documents of a kind are up to date, unless there were more than `changes`; the next build is at `due_at`."""
    build = tables.document_builds.c
    connection.execute(
        update(tables.document_builds)
        .where(build.kind == kind, build.changes == changes)
        .values(fingerprint=fingerprint, stale_since=None, due_at=due_at)
    )


def _mark_stale(connection: Connection, condition: ColumnElement[bool], *, now: datetime) -> None:
    build = tables.document_builds.c
    since = func.coalesce(build.stale_since, now)
    connection.execute(
        update(tables.document_builds)
        .where(condition)
        .values(
            changes=build.changes + 1,
            stale_since=since,
            due_at=func.least(now + QUIET, since + LONGEST_DELAY),
        )
    )


def _lock_key(kind: str) -> ColumnElement[int]:
    return func.hashtextextended(f"documents of {kind}", 0)
