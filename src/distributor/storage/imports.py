"""Imports of files, and their checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from distributor.domain.errors import NotFoundError
from distributor.domain.subscriber_import import FileScan, Import, ImportCounts, ImportPlan, ImportState
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import (
    file_scan_from_json,
    file_scan_to_json,
    import_plan_from_json,
    import_plan_to_json,
)

_OPEN = (ImportState.WAITING, ImportState.RUNNING)
# Well above what one chunk takes.
_STALLED_AFTER = timedelta(seconds=5)
_COUNTS = ("new", "changed", "unchanged", "skipped", "bad")


def add(
    connection: Connection,
    plan: ImportPlan,
    *,
    scan: FileScan,
    list_id: int,
    name: str,
    digest: str,
    size: int,
    now: datetime,
) -> int:
    """Insert an import that waits for its first run; returns its id."""
    number: int = connection.execute(
        insert(tables.imports)
        .values(
            list_id=list_id,
            name=name,
            plan=import_plan_to_json(plan),
            scan=file_scan_to_json(scan),
            digest=digest,
            state=ImportState.WAITING,
            size=size,
            created_at=now,
            updated_at=now,
        )
        .returning(tables.imports.c.id)
    ).scalar_one()
    return number


def find(connection: Connection, import_id: int) -> Import:
    """Raises NotFoundError."""
    row = connection.execute(_SELECT.where(tables.imports.c.id == import_id)).one_or_none()
    if row is None:
        raise NotFoundError("import", import_id, hint="`distributor subscriber imports` lists them")
    return _import(row)


def find_unfinished(connection: Connection, list_id: int, digest: str) -> Import | None:
    """The import of the same file by the same plan that has not ended, if there is one."""
    one = tables.imports.c
    row = connection.execute(
        _SELECT.where(one.list_id == list_id, one.digest == digest, one.state.in_([*_OPEN, ImportState.FAILED]))
        .order_by(one.id.desc())
        .limit(1)
    ).one_or_none()
    return _import(row) if row else None


def ended(connection: Connection, import_ids: Collection[int]) -> list[int]:
    """Those of these imports that have ended, so that their files are not needed any more."""
    one = tables.imports.c
    return list(
        connection.execute(
            select(one.id).where(one.id.in_(import_ids), one.state.in_([ImportState.FINISHED, ImportState.CANCELLED]))
        ).scalars()
    )


def listed(connection: Connection, *, limit: int, before_id: int | None = None) -> list[Import]:
    """Imports, the newest first, from before `before_id`."""
    query = _SELECT.order_by(tables.imports.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(tables.imports.c.id < before_id)
    return [_import(row) for row in connection.execute(query)]


def failed(connection: Connection, *, since: datetime, limit: int) -> list[Import]:
    """Those that failed at or after this time, the last one first."""
    row = tables.imports.c
    query = (
        _SELECT.where(row.state == ImportState.FAILED, row.finished_at >= since).order_by(row.id.desc()).limit(limit)
    )
    return [_import(found) for found in connection.execute(query)]


def stalled(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """Ids of imports that wait for a first run, or that no process has advanced for a while."""
    one = tables.imports.c
    return list(
        connection.execute(
            select(one.id)
            .where(
                (one.state == ImportState.WAITING)
                | ((one.state == ImportState.RUNNING) & (one.updated_at < now - _STALLED_AFTER))
            )
            # The files of some may be on another machine: none of them is always before the others.
            .order_by(func.random())
            .limit(limit)
        ).scalars()
    )


def start(connection: Connection, import_id: int, *, now: datetime) -> Import:
    """Mark an import as running, also one that failed; one that has ended stays as it is. Raises NotFoundError."""
    one = tables.imports.c
    connection.execute(
        update(tables.imports)
        .where(one.id == import_id, one.state.in_([*_OPEN, ImportState.FAILED]))
        .values(state=ImportState.RUNNING, error="", updated_at=now)
    )
    return find(connection, import_id)


def advance(
    connection: Connection,
    of: Import,
    *,
    position: int,
    line: int,
    bad_size: int,
    gained: ImportCounts,
    outcomes: Counter[str],
    skip_reasons: Counter[str],
    now: datetime,
) -> bool:
    """Advance the checkpoint from the one in `of`; False if another process advanced it or the import has ended.

    `gained`, `outcomes` and `skip_reasons` are those of the rows since then.
    """
    one = tables.imports.c
    moved = connection.execute(
        update(tables.imports)
        .where(one.id == of.id, one.state == ImportState.RUNNING, one.position == of.position, one.line == of.line)
        .values(
            position=position,
            line=line,
            bad_size=bad_size,
            updated_at=now,
            # No other process changes them between: the position would have moved.
            outcomes=dict(Counter(of.outcomes) + outcomes),
            skip_reasons=dict(Counter(of.skip_reasons) + skip_reasons),
            **{name: one[name] + getattr(gained, name) for name in _COUNTS},
        )
    )
    return moved.rowcount == 1


def end(connection: Connection, import_id: int, state: ImportState, *, error: str = "", now: datetime) -> bool:
    """End an open import and delete its record of addresses; False if it had ended before."""
    one = tables.imports.c
    ended = connection.execute(
        update(tables.imports)
        .where(one.id == import_id, one.state.in_([*_OPEN, ImportState.FAILED]))
        .values(state=state, error=error, updated_at=now, finished_at=None if state is ImportState.FAILED else now)
    )
    if ended.rowcount and state is not ImportState.FAILED:
        connection.execute(delete(tables.import_keys).where(tables.import_keys.c.import_id == import_id))
    return ended.rowcount == 1


_SELECT = select(tables.imports, tables.lists.c.slug.label("list_slug")).join(
    tables.lists, tables.lists.c.id == tables.imports.c.list_id
)


def _import(row: Row[Any]) -> Import:
    gained = {name: getattr(row, name) for name in _COUNTS}
    return Import(
        id=row.id,
        name=row.name,
        list_slug=row.list_slug,
        plan=import_plan_from_json(row.plan),
        state=ImportState(row.state),
        size=row.size,
        position=row.position,
        line=row.line,
        bad_size=row.bad_size,
        counts=ImportCounts(read=sum(gained.values()), **gained),
        scan=file_scan_from_json(row.scan),
        outcomes=row.outcomes,
        skip_reasons=row.skip_reasons,
        error=row.error,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
    )
