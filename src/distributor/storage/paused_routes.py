"""Paused lanes of channels: what refuses the sender, since when, and when it is tried again."""

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
    """A paused lane; an empty `destination` stands for all that leaves the relay."""

    relay: str
    destination: str
    reason: str
    since: datetime
    probes: int
    next_probe_at: datetime

    @property
    def name(self) -> str:
        """As people and deliveries name it: RELAY/DESTINATION, or RELAY."""
        return _name(self.relay, self.destination)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteWait:
    """How many deliveries a paused lane holds back."""

    lane: PausedRouteRecord
    deliveries: int


def paused(connection: Connection, channel_id: int) -> list[PausedRouteRecord]:
    """The paused lanes of a channel, by name."""
    row = tables.paused_routes.c
    query = select(tables.paused_routes).where(row.channel_id == channel_id).order_by(row.relay, row.destination)
    return [_record(found) for found in connection.execute(query)]


def waits(connection: Connection, channel_id: int, *, dispatch_id: int | None = None) -> list[RouteWait]:
    """The paused lanes of a channel, by name, and how many deliveries of one dispatch, or of all, wait for each."""
    held = connection.execute(
        text("""
            SELECT d.detail ->> 'lane' AS lane, count(*) AS deliveries
            FROM deliveries d JOIN dispatches x ON x.id = d.dispatch_id
            WHERE x.channel_id = :channel_id AND x.state IN ('running', 'paused')
              AND x.id = COALESCE(CAST(:dispatch_id AS bigint), x.id)
              AND d.state = 'deferred' AND d.detail ->> 'reason' = 'held'
            GROUP BY 1
        """),
        {"channel_id": channel_id, "dispatch_id": dispatch_id},
    )
    counts = {row.lane: row.deliveries for row in held}
    return [RouteWait(lane=lane, deliveries=counts.get(lane.name, 0)) for lane in paused(connection, channel_id)]


def pause(
    connection: Connection, channel_id: int, relay: str, destination: str, *, reason: str, now: datetime
) -> PausedRouteRecord:
    """Pause a lane. One that is paused already keeps its times: many workers meet one refusal at the same moment."""
    row = connection.execute(
        text("""
            INSERT INTO paused_routes AS l (channel_id, relay, destination, reason, since, next_probe_at)
            VALUES (:channel_id, :relay, :destination, :reason, :now, :next_probe_at)
            ON CONFLICT (channel_id, relay, destination) DO UPDATE SET reason = EXCLUDED.reason
            RETURNING *
        """),
        {
            "channel_id": channel_id,
            "relay": relay,
            "destination": destination,
            # A stranger's words, and PostgreSQL holds no NUL.
            "reason": reason.replace("\x00", ""),
            "now": now,
            "next_probe_at": now + FIRST_PROBE,
        },
    ).one()
    return _record(row)


def begin_probe(
    connection: Connection, channel_id: int, relay: str, destination: str, *, now: datetime
) -> PausedRouteRecord | None:
    """Take the right to probe a lane whose time has come, which only one gets; the next time is further away."""
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
    """End a pause, and let what waited for it be due; False if there was none."""
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
              AND d.detail ->> 'reason' = 'held' AND d.detail ->> 'lane' = :lane
        """),
        {"channel_id": channel_id, "lane": _name(relay, destination), "now": now},
    )
    return ended is not None


def resume_all(connection: Connection, channel_id: int, lanes: Sequence[PausedRouteRecord], *, now: datetime) -> int:
    """Resume all of these; returns how many were still paused."""
    return sum(resume(connection, channel_id, lane.relay, lane.destination, now=now) for lane in lanes)


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
