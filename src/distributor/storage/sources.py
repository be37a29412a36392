"""Sources that run: their settings, their runs and what they remember. Secrets are encrypted like those of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Row, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.rendition import Json
from distributor.domain.source import Publishing, Source, SourceResult, SourceState
from distributor.domain.stored_text import storable, storable_json
from distributor.storage import tables
from distributor.storage.database import Connection

_LONGEST_ERROR = 1000
_MOST_NOTES, _LONGEST_NOTE = 20, 500


def add(
    connection: Connection,
    *,
    name: str,
    kind: str,
    settings: Mapping[str, Json],
    sealed: bytes | None,
    publishing: Publishing,
    interval: timedelta,
    host: str,
    now: datetime,
) -> Source:
    """A new source, which is due at once. Raises StateError if there is one of this name."""
    row = connection.execute(
        insert(tables.sources)
        .values(
            name=name,
            kind=kind,
            settings=dict(settings),
            secrets=sealed,
            publishing=publishing,
            interval_seconds=int(interval.total_seconds()),
            host=host,
            next_run_at=now,
        )
        .on_conflict_do_nothing()
        .returning(tables.sources)
    ).one_or_none()
    if row is None:
        raise StateError(f"there is a source {name!r} already: choose another name, or remove that one first")
    return _source(row)


def listed(connection: Connection) -> list[Source]:
    """Every source, by name."""
    return [_source(row) for row in connection.execute(select(tables.sources).order_by(tables.sources.c.name))]


def names(connection: Connection) -> list[str]:
    """The names of all sources, in alphabetical order."""
    return list(connection.execute(select(tables.sources.c.name).order_by(tables.sources.c.name)).scalars())


def find(connection: Connection, name: str) -> Source:
    """The source called `name`. Raises NotFoundError."""
    row = connection.execute(select(tables.sources).where(tables.sources.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError("source", name, hint="`distributor source list` lists them")
    return _source(row)


def find_by_id(connection: Connection, source_id: int) -> Source | None:
    """The source with this id; None if there is none any more."""
    row = connection.execute(select(tables.sources).where(tables.sources.c.id == source_id)).one_or_none()
    return _source(row) if row is not None else None


def lock(connection: Connection, name: str) -> Source:
    """The same; it stays as it is until this transaction ends."""
    row = connection.execute(
        select(tables.sources).where(tables.sources.c.name == name).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError("source", name, hint="`distributor source list` lists them")
    return _source(row)


def due(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """The sources that are to be read now, one of each host, those first that are due the longest.

    Not those that a run has, or whose host another run asks.
    """
    rows = connection.execute(
        text("""
            WITH busy AS (SELECT host FROM sources WHERE leased_until > :now AND host <> ''),
            one_each AS (
                SELECT DISTINCT ON (CASE host WHEN '' THEN name ELSE '//' || host END) id, next_run_at
                FROM sources
                WHERE state = 'active' AND next_run_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
                    AND host NOT IN (SELECT host FROM busy)
                ORDER BY CASE host WHEN '' THEN name ELSE '//' || host END, next_run_at, id
            )
            SELECT id FROM one_each ORDER BY next_run_at, id LIMIT :limit
        """),
        {"now": now, "limit": limit},
    )
    return [row.id for row in rows]


def claim(connection: Connection, source_id: int, *, now: datetime, until: datetime, is_asked: bool) -> Source | None:
    """Lease a source to one run; None if it is not due (unless a person asked for it), or its host is being asked."""
    source = tables.sources.c
    host = connection.execute(select(source.host).where(source.id == source_id)).scalar_one_or_none()
    if host is None:
        return None
    # Two runs that ask for one host claim one after the other.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('source ' || :host, 0))"), {"host": host})
    row = connection.execute(
        text("""
            UPDATE sources s SET leased_until = :until
            WHERE id = :id AND (leased_until IS NULL OR leased_until <= :now)
                AND (:is_asked OR (state = 'active' AND next_run_at <= :now))
                AND NOT EXISTS (
                    SELECT 1 FROM sources o
                    WHERE o.host = s.host AND s.host <> '' AND o.id <> s.id AND o.leased_until > :now
                )
            RETURNING *
        """),
        {"id": source_id, "now": now, "until": until, "is_asked": is_asked},
    ).one_or_none()
    return _source(row) if row is not None else None


def record_success(
    connection: Connection,
    claimed: Source,
    result: SourceResult,
    *,
    cursor: Mapping[str, Json],
    settings: Mapping[str, Json],
    next_run_at: datetime,
    now: datetime,
) -> None:
    """A run has read the source as it was claimed; one that left nothing for the next run counts as complete.

    If somebody has changed the source meanwhile, the run was about another one: only its lease ends.
    """
    source = tables.sources.c
    values: dict[str, object] = {
        "cursor": storable_json(dict(cursor)),
        "settings": dict(settings),
        "next_run_at": next_run_at,
        "leased_until": None,
        "last_run_at": now,
        "last_success_at": now,
        "last_result": _result_as_json(result),
        "failing_since": None,
        "failures": 0,
        "error": "",
    }
    if not result.postponed:
        values["first_run_at"] = func.coalesce(source.first_run_at, now)
    _end_run(connection, claimed, values)


def record_received(connection: Connection, source_id: int, result: SourceResult, *, now: datetime) -> None:
    """Others have brought something to the source."""
    values = {"last_run_at": now, "last_success_at": now, "last_result": _result_as_json(result)}
    connection.execute(update(tables.sources).where(tables.sources.c.id == source_id).values(values))


def record_failure(
    connection: Connection, claimed: Source, error: str, *, next_run_at: datetime, is_final: bool, now: datetime
) -> None:
    """A run could not read the source as it was claimed. If the failure is final, it is paused until a person looks."""
    source = tables.sources.c
    values: dict[str, object] = {
        "next_run_at": next_run_at,
        "leased_until": None,
        "last_run_at": now,
        "failing_since": func.coalesce(source.failing_since, now),
        "failures": source.failures + 1,
        "error": storable(error)[:_LONGEST_ERROR],
    }
    if is_final:
        values["state"] = SourceState.PAUSED
    _end_run(connection, claimed, values)


def _end_run(connection: Connection, claimed: Source, values: Mapping[str, object]) -> None:
    source = tables.sources.c
    is_same = and_(source.settings == dict(claimed.settings), source.secrets.is_not_distinct_from(claimed.sealed))
    ended = update(tables.sources).where(source.id == claimed.id)
    if not connection.execute(ended.where(is_same).values(dict(values))).rowcount:
        connection.execute(ended.values(leased_until=None))


def set_state(connection: Connection, source_id: int, state: SourceState, *, now: datetime) -> None:
    """Pause a source, or let it run again, which it does at once. Failures are not counted any more."""
    values: dict[str, object] = {"state": state, "failures": 0, "failing_since": None}
    if state is SourceState.ACTIVE:
        values["next_run_at"] = now
    connection.execute(update(tables.sources).where(tables.sources.c.id == source_id).values(values))


def make_due(connection: Connection, source_id: int, *, now: datetime) -> None:
    """The source is read as soon as a worker is free, if it is active."""
    connection.execute(update(tables.sources).where(tables.sources.c.id == source_id).values(next_run_at=now))


def configure(
    connection: Connection,
    source_id: int,
    *,
    settings: Mapping[str, Json],
    sealed: bytes | None,
    publishing: Publishing,
    interval: timedelta,
    host: str,
    now: datetime,
) -> None:
    """Change a source. What its kind remembered is forgotten, and it is due at once: it may be elsewhere now."""
    connection.execute(
        update(tables.sources)
        .where(tables.sources.c.id == source_id)
        .values(
            settings=dict(settings),
            secrets=sealed,
            publishing=publishing,
            interval_seconds=int(interval.total_seconds()),
            host=host,
            cursor={},
            next_run_at=now,
            failing_since=None,
            failures=0,
            error="",
        )
    )


def remove(connection: Connection, source_id: int) -> None:
    """Delete a source with its secrets. Its articles stay."""
    connection.execute(delete(tables.sources).where(tables.sources.c.id == source_id))


def failing(connection: Connection, *, failures: int) -> list[Source]:
    """The sources that need a person, by name: their last runs failed, so many in a row or for good."""
    source = tables.sources.c
    is_final = and_(source.failures > 0, source.state == SourceState.PAUSED)
    query = select(tables.sources).where(or_(source.failures >= failures, is_final)).order_by(source.name)
    return [_source(row) for row in connection.execute(query)]


def _result_as_json(result: SourceResult) -> Json:
    notes = [note[:_LONGEST_NOTE] for note in result.notes[:_MOST_NOTES]]
    stored: Json = storable_json({**asdict(result), "notes": notes})
    return stored


def _source(row: Row[tuple[object, ...]]) -> Source:
    result = row.last_result
    return Source(
        id=row.id,
        name=row.name,
        kind=row.kind,
        settings=row.settings,
        sealed=bytes(row.secrets) if row.secrets is not None else None,
        state=SourceState(row.state),
        publishing=Publishing(row.publishing),
        interval=timedelta(seconds=row.interval_seconds),
        host=row.host,
        cursor=row.cursor,
        next_run_at=row.next_run_at,
        first_run_at=row.first_run_at,
        last_run_at=row.last_run_at,
        last_success_at=row.last_success_at,
        last_result=SourceResult(**{**result, "notes": tuple(result["notes"])}) if result is not None else None,
        failing_since=row.failing_since,
        failures=row.failures,
        error=row.error,
    )
