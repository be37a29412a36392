"""Paused routes of channels: which servers reject the sender, since when, and when the next probe is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, select, text

from distributor.storage import tables
from distributor.storage.database import Connection

# The first probe is so long after the pause, each further one twice as long after the last, up to the longest.
FIRST_PROBE = timedelta(minutes=15)
LONGEST_PROBE = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedRouteRecord:
    """A paused route; an empty `destination` means everything sent by the relay."""

    relay: str
    destination: str
    reason: str
    since: datetime
    probes: int
    next_probe_at: datetime

    @property
    def name(self) -> str:
        """RELAY/DESTINATION, or RELAY."""
        return _name(self.relay, self.destination)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteWait:
    """How many deliveries wait for a paused route."""

    route: PausedRouteRecord
    deliveries: int


def paused(connection: Connection, channel_id: int) -> list[PausedRouteRecord]:
    """The paused routes of a channel, by name."""
    row = tables.paused_routes.c
    query = select(tables.paused_routes).where(row.channel_id == channel_id).order_by(row.relay, row.destination)
    return [_record(found) for found in connection.execute(query)]


def waits(connection: Connection, channel_id: int, *, dispatch_id: int | None = None) -> list[RouteWait]:
    """The paused routes of a channel, by name, and how many deliveries of one dispatch, or of all, wait for each."""
    held = connection.execute(
        text("""
            WITH chosen AS (
                SELECT id FROM dispatches x WHERE x.channel_id = :channel_id AND x.state IN ('running', 'paused')
                  AND x.id = COALESCE(CAST(:dispatch_id AS bigint), x.id)
            )
            SELECT substr(reason, 6) AS route, sum(deliveries)::bigint AS deliveries FROM (
                SELECT state, reason, deliveries FROM delivery_totals JOIN chosen ON id = dispatch_id
                UNION ALL SELECT state, reason, change FROM delivery_changes c JOIN chosen x ON x.id = c.dispatch_id
            ) AS parts WHERE state = 'deferred' AND reason LIKE 'held:%' GROUP BY 1
        """),
        {"channel_id": channel_id, "dispatch_id": dispatch_id},
    )
    counts = {row.route: row.deliveries for row in held}
    return [RouteWait(route=route, deliveries=counts.get(route.name, 0)) for route in paused(connection, channel_id)]


def pause(
    connection: Connection, channel_id: int, relay: str, destination: str, *, reason: str, now: datetime
) -> PausedRouteRecord:
    """Pause a route. One that is paused already keeps its times: many workers are rejected at the same time."""
    row = connection.execute(
        text("""
            INSERT INTO paused_routes (channel_id, relay, destination, reason, since, next_probe_at)
            VALUES (:channel_id, :relay, :destination, :reason, :now, :next_probe_at)
            ON CONFLICT (channel_id, relay, destination) DO UPDATE SET reason = EXCLUDED.reason
            RETURNING *
        """),
        {
            "channel_id": channel_id,
            "relay": relay,
            "destination": destination,
            # Text of a remote server: PostgreSQL stores no NUL.
            "reason": reason.replace("\x00", ""),
            "now": now,
            "next_probe_at": now + FIRST_PROBE,
        },
    ).one()
    return _record(row)


def begin_probe(
    connection: Connection, channel_id: int, relay: str, destination: str, *, now: datetime
) -> PausedRouteRecord | None:
    """Take the right to probe a route that is due, which only one worker gets; the next probe is later."""
    row = connection.execute(
        text("""
            UPDATE paused_routes SET probes = probes + 1,
                   next_probe_at = CAST(:now AS timestamptz)
                       + LEAST(CAST(:first AS interval) * power(2, LEAST(probes + 1, 20)), CAST(:longest AS interval))
            WHERE channel_id = :channel_id AND relay = :relay AND destination = :destination AND next_probe_at <= :now
            RETURNING *
        """),
        {
            "channel_id": channel_id,
            "relay": relay,
            "destination": destination,
            "now": now,
            "first": FIRST_PROBE,
            "longest": LONGEST_PROBE,
        },
    ).one_or_none()
    return _record(row) if row else None


def resume(connection: Connection, channel_id: int, relay: str, destination: str, *, now: datetime) -> bool:
    """End a pause and make deliveries that waited for it due; False if there was none."""
    row = tables.paused_routes.c
    ended = connection.execute(
        delete(tables.paused_routes)
        .where(row.channel_id == channel_id, row.relay == relay, row.destination == destination)
        .returning(row.relay)
    ).first()
    connection.execute(
        text("""
            UPDATE deliveries d SET next_at = :now
            FROM dispatches x
            WHERE x.channel_id = :channel_id AND x.state IN ('running', 'paused') AND d.dispatch_id = x.id
              AND d.state = 'deferred' AND d.next_at > :now
              AND d.detail ->> 'reason' = 'held' AND d.detail ->> 'route' = :route
        """),
        {"channel_id": channel_id, "route": _name(relay, destination), "now": now},
    )
    return ended is not None


def resume_all(connection: Connection, channel_id: int, routes: Sequence[PausedRouteRecord], *, now: datetime) -> int:
    """Resume all of these; returns how many were still paused."""
    return sum(resume(connection, channel_id, route.relay, route.destination, now=now) for route in routes)


def _name(relay: str, destination: str) -> str:
    return f"{relay}/{destination}" if destination else relay


def _record(row: Row[tuple[object, ...]]) -> PausedRouteRecord:
    return PausedRouteRecord(
        relay=row.relay,
        destination=row.destination,
        reason=row.reason,
        since=row.since,
        probes=row.probes,
        next_probe_at=row.next_probe_at,
    )
