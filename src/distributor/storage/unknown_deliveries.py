"""Deliveries of unknown outcome that a person settles, because neither the network nor the policy could."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from distributor.domain.delivery import DeliveryState
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownDelivery:
    """One of unknown outcome. `is_unreported`: the worker that had it may still report what became of it."""

    id: int
    epoch: int
    is_unreported: bool


def lock(
    connection: Connection,
    dispatch_ids: Collection[int],
    *,
    since: datetime,
    delivery_ids: Collection[int] = (),
) -> list[UnknownDelivery]:
    """The deliveries of unknown outcome of these dispatches, locked, if given only those of these ids.

    Those are unreported that became unknown after `since`, and whose worker has not said what it sent. The caller
    holds the lock of the dispatches.
    """
    rows = connection.execute(
        text("""
            SELECT id, epoch, worker IS NOT NULL AND updated_at > :since AS is_unreported FROM deliveries
            WHERE dispatch_id = ANY(CAST(:dispatch_ids AS bigint[])) AND state = 'unknown'
              AND (CAST(:is_all AS boolean) OR id = ANY(CAST(:ids AS bigint[])))
            ORDER BY id FOR UPDATE
        """),
        {
            "dispatch_ids": list(dispatch_ids),
            "since": since,
            "is_all": not delivery_ids,
            "ids": list(delivery_ids),
        },
    )
    return [UnknownDelivery(id=row.id, epoch=row.epoch, is_unreported=row.is_unreported) for row in rows]


def count(connection: Connection, dispatch_ids: Collection[int]) -> dict[int, int]:
    """How many deliveries of unknown outcome each of these dispatches has; those without any are left out."""
    rows = connection.execute(
        text("""
            SELECT dispatch_id, count(*) AS deliveries FROM deliveries
            WHERE dispatch_id = ANY(CAST(:dispatch_ids AS bigint[])) AND state = 'unknown' GROUP BY dispatch_id
        """),
        {"dispatch_ids": list(dispatch_ids)},
    )
    return {row.dispatch_id: row.deliveries for row in rows}


def settle(connection: Connection, epochs: Mapping[int, int], state: DeliveryState, *, now: datetime) -> int:
    """Give this state to deliveries that are unknown under these epochs by their ids; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries d SET state = :state, next_at = NULL, worker = NULL, lease_until = NULL, updated_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[])) AS known(id, epoch)
            WHERE d.id = known.id AND d.epoch = known.epoch AND d.state = 'unknown'
        """),
        {"ids": list(epochs), "epochs": list(epochs.values()), "state": state.value, "now": now},
    ).rowcount
