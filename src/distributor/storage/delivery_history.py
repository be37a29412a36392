"""The history of deliveries: attempts that did not succeed, and what people did by hand. Rows are only added."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from distributor.domain.delivery import DeliveryState
from distributor.domain.stored_text import storable
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStep:
    """An entry: `state` is that of the delivery after it.

    Of an attempt it has the server's reply, which is untrusted; of an act by hand who did it, and for what reason.
    """

    at: datetime
    state: DeliveryState
    attempt: int
    reply_code: int | None
    reply: str
    actor: str
    reason: str


def of_delivery(connection: Connection, delivery_id: int) -> list[DeliveryStep]:
    """The entries of one delivery in the order they were made."""
    entry = tables.delivery_history
    rows = connection.execute(select(entry).where(entry.c.delivery_id == delivery_id).order_by(entry.c.id))
    return [
        DeliveryStep(
            at=row.at,
            state=DeliveryState(row.state),
            attempt=row.attempt,
            reply_code=row.reply_code,
            reply=row.reply,
            actor=row.actor,
            reason=row.reason,
        )
        for row in rows
    ]


def record_by_hand(
    connection: Connection, delivery_ids: Collection[int], *, actor: str, reason: str, now: datetime
) -> None:
    """Add to each of these deliveries who changed it by hand, to the state that it has now, and why."""
    if not delivery_ids:
        return
    connection.execute(
        text("""
            INSERT INTO delivery_history (delivery_id, at, state, attempt, actor, reason)
            SELECT id, :now, state, attempt, :actor, :reason FROM deliveries
            WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id
        """),
        {"ids": list(delivery_ids), "actor": storable(actor), "reason": storable(reason), "now": now},
    )
