"""Leases: which worker holds which deliveries, and what happens when a lease ends without an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import text

from distributor.domain.delivery import Delivery, DeliveryState
from distributor.storage import dispatches
from distributor.storage.arrays import array_of
from distributor.storage.database import Connection
from distributor.storage.deliveries import delivery_of


def extend(connection: Connection, worker: str, *, lease_until: datetime) -> int:
    """Extend the leases of a worker; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries SET lease_until = :lease_until
            WHERE worker = :worker AND lease_until IS NOT NULL AND state IN ('claimed', 'in_flight')
        """),
        {"worker": worker, "lease_until": lease_until},
    ).rowcount


def release_worker(
    connection: Connection, worker: str, *, in_flight: Mapping[int, int], is_complete: bool = True, now: datetime
) -> tuple[int, int]:
    """Settle what a dead worker held, by its journal: `in_flight` maps deliveries without an outcome to their epochs.

    These become unknown; the rest was definitely not sent and is pending again, and its dispatches, which the caller
    has locked, run again if they had finished. Deliveries that were set to unknown only because the worker's lease ran
    out are settled the same way. Of a journal that is not complete the rest may have been sent: only what was claimed
    and not yet in flight is pending again. Returns both counts.
    """
    values = {
        "worker": worker,
        "ids": list(in_flight),
        "epochs": list(in_flight.values()),
        "is_complete": is_complete,
        "now": now,
    }
    unknown = connection.execute(
        text("""
            UPDATE deliveries d SET state = 'unknown', next_at = :now, worker = NULL, lease_until = NULL,
                   updated_at = :now, reply = 'the worker died while sending'
            FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[])) AS started(id, epoch)
            WHERE d.id = started.id AND d.epoch = started.epoch AND d.worker = :worker
              AND d.state IN ('in_flight', 'unknown')
        """),
        values,
    ).rowcount
    if not is_complete:
        unknown += connection.execute(
            text("""
                UPDATE deliveries SET state = 'unknown', next_at = :now, worker = NULL, lease_until = NULL,
                       updated_at = :now, reply = 'the worker died while sending, and its journal may lack records'
                WHERE worker = :worker AND state = 'in_flight'
            """),
            values,
        ).rowcount
    released = connection.execute(
        text("""
            UPDATE deliveries d SET state = 'pending', worker = NULL, lease_until = NULL, next_at = NULL,
                   attempt = d.attempt - CASE WHEN d.state = 'claimed' THEN 0 ELSE 1 END, updated_at = :now
            WHERE d.worker = :worker AND d.state IN ('claimed', 'in_flight', 'unknown')
              AND (:is_complete OR d.state = 'claimed') AND d.id IN (
                -- Found each by an index of its own; what has changed since is known by the line above.
                SELECT id FROM deliveries WHERE worker = :worker AND state IN ('claimed', 'in_flight')
                UNION ALL SELECT id FROM deliveries WHERE worker = :worker AND state = 'unknown'
              )
              AND NOT EXISTS (SELECT 1 FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[])) AS b(id, epoch)
                              WHERE b.id = d.id AND b.epoch = d.epoch)
            RETURNING d.dispatch_id
        """),
        values,
    ).all()
    for dispatch_id in {row.dispatch_id for row in released}:
        dispatches.reopen(connection, dispatch_id)
    return unknown, len(released)


def expire(connection: Connection, *, now: datetime) -> tuple[int, int]:
    """End expired leases: claimed becomes pending, in flight becomes unknown.

    The worker's name stays on the unknown ones as long as it has not reported: it may be stopped and not dead, and its
    journal can still settle them. Returns both counts.
    """
    values = {"now": now}
    released = connection.execute(
        text("""
            UPDATE deliveries SET state = 'pending', worker = NULL, lease_until = NULL, updated_at = :now
            WHERE id IN (SELECT id FROM deliveries WHERE state = 'claimed' AND lease_until < :now
                         FOR UPDATE SKIP LOCKED)
        """),
        values,
    ).rowcount
    unknown = connection.execute(
        text("""
            UPDATE deliveries SET state = 'unknown', lease_until = NULL, next_at = :now, updated_at = :now,
                   reply = 'no answer was recorded before the lease ran out'
            WHERE id IN (SELECT id FROM deliveries WHERE state = 'in_flight' AND lease_until < :now
                         FOR UPDATE SKIP LOCKED)
        """),
        values,
    ).rowcount
    return released, unknown


def unreported_workers(connection: Connection, workers: Iterable[str]) -> list[str]:
    """Those of the workers whose lease on a delivery ran out, and who have not reported what they sent."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT worker FROM deliveries WHERE worker = ANY(CAST(:workers AS text[])) AND state = 'unknown'"
        ),
        {"workers": list(workers)},
    )
    return [row.worker for row in rows]


def lock_unreported(connection: Connection, worker: str) -> list[Delivery]:
    """The deliveries, locked, that are unknown because this worker's lease ran out, and that it has not reported.

    Their subscribers are locked first, as everywhere: feedback about the same deliveries may arrive meanwhile.
    """
    connection.execute(
        text("""
            SELECT FROM subscribers WHERE id IN
                (SELECT subscriber_id FROM deliveries WHERE worker = :worker AND state = 'unknown')
            ORDER BY key FOR UPDATE
        """),
        {"worker": worker},
    )
    rows = connection.execute(
        text("SELECT * FROM deliveries WHERE worker = :worker AND state = 'unknown' ORDER BY id FOR UPDATE"),
        {"worker": worker},
    )
    return [delivery_of(row) for row in rows]


def lock_unknown(connection: Connection, dispatch_id: int, *, limit: int, now: datetime) -> list[Delivery]:
    """Deliveries of unknown outcome that are due to be resolved; other workers get them a minute later."""
    rows = connection.execute(
        text("""
            UPDATE deliveries d SET next_at = CAST(:now AS timestamptz) + interval '1 minute'
            FROM (SELECT id FROM deliveries WHERE dispatch_id = :dispatch_id AND state = 'unknown'
                  AND next_at <= :now ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED) AS due
            WHERE d.id = due.id
            RETURNING d.id, d.dispatch_id, d.recipient, d.epoch, d.attempt, d.created_at, d.first_attempt_at, d.fields
        """),
        {"dispatch_id": dispatch_id, "limit": limit, "now": now},
    )
    return sorted((delivery_of(row) for row in rows), key=lambda delivery: delivery.id)


def look_up_again(connection: Connection, dispatch_ids: Iterable[int], *, now: datetime) -> int:
    """Let the deliveries of unknown outcome of these dispatches be resolved once more; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries SET next_at = :now
            WHERE dispatch_id = ANY(CAST(:dispatch_ids AS bigint[])) AND state = 'unknown' AND next_at IS NULL
        """),
        {"dispatch_ids": array_of(dispatch_ids), "now": now},
    ).rowcount


def find_unreported(connection: Connection, delivery_ids: Iterable[int], *, since: datetime) -> set[int]:
    """Those of the deliveries that became unknown after `since` and whose worker has not reported what it sent."""
    rows = connection.execute(
        text("""
            SELECT id FROM deliveries WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'unknown'
            AND worker IS NOT NULL AND updated_at > :since
        """),
        {"ids": array_of(delivery_ids), "since": since},
    )
    return {row.id for row in rows}


def resolve_by_policy(
    connection: Connection, delivery_ids: Iterable[int], *, state: DeliveryState, now: datetime
) -> int:
    """Leave deliveries unknown, or make them pending again, by the policy of the campaign.

    Those that stay unknown keep the name of a worker that has not reported: it may still settle them.
    """
    return connection.execute(
        text("""
            UPDATE deliveries SET state = :state, next_at = NULL, updated_at = :now,
                   worker = CASE WHEN :state = 'unknown' THEN worker END
            WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'unknown'
        """),
        {"ids": list(delivery_ids), "state": state, "now": now},
    ).rowcount
