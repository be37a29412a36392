"""The posts of one delivery (such as a thread), each committed before the API call that makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.delivery import Delivery
from distributor.domain.errors import LeaseLostError
from distributor.domain.rendition import Json
from distributor.domain.stored_text import storable, storable_json
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPost:
    """One post; `remote_id` is None until the remote API has returned it."""

    number: int
    request: Mapping[str, Json]
    intended_at: datetime
    is_sent: bool
    remote_id: str | None
    permalink: str | None
    detail: Mapping[str, Json]


def of(connection: Connection, delivery_id: int) -> list[StoredPost]:
    """The posts of a delivery in order."""
    part = tables.delivery_posts
    rows = connection.execute(select(part).where(part.c.delivery_id == delivery_id).order_by(part.c.number))
    return [
        StoredPost(
            number=row.number,
            request=row.request,
            intended_at=row.intended_at,
            is_sent=row.state == "sent",
            remote_id=row.remote_id,
            permalink=row.permalink,
            detail=row.detail,
        )
        for row in rows
    ]


def intend(
    connection: Connection, delivery: Delivery, number: int, request: Mapping[str, Json], *, now: datetime
) -> bool:
    """Store the intent to make a post; False if there is one already, which stays as it is.

    Raises LeaseLostError if the delivery has been claimed anew meanwhile.
    """
    if not connection.execute(select(_is_current(delivery))).scalar_one():
        raise LeaseLostError(f"delivery {delivery.id} has been claimed by another worker meanwhile")
    written = connection.execute(
        insert(tables.delivery_posts)
        .values(delivery_id=delivery.id, number=number, request=dict(request), state="intended", intended_at=now)
        .on_conflict_do_nothing()
        .returning(tables.delivery_posts.c.number)
    )
    return written.first() is not None


def mark_sent(
    connection: Connection,
    delivery_id: int,
    number: int,
    *,
    remote_id: str,
    permalink: str | None,
    detail: Mapping[str, Json],
) -> None:
    """Store what the remote API returned for a post."""
    part = tables.delivery_posts
    connection.execute(
        update(part)
        .where(part.c.delivery_id == delivery_id, part.c.number == number)
        .values(
            state="sent",
            remote_id=storable(remote_id),
            permalink=permalink and storable(permalink),
            detail=storable_json(dict(detail)),
        )
    )


def delete_intent(connection: Connection, delivery: Delivery, number: int) -> None:
    """Delete the intent of a post that was definitely not made, unless the delivery has been claimed anew meanwhile."""
    part = tables.delivery_posts
    connection.execute(
        delete(part).where(
            part.c.delivery_id == delivery.id,
            part.c.number == number,
            part.c.state == "intended",
            _is_current(delivery),
        )
    )


def delete_intents(connection: Connection, delivery_ids: Iterable[int]) -> None:
    """Delete the intents of those deliveries that are still unknown, after the decision to send them again."""
    part, delivery = tables.delivery_posts, tables.deliveries
    unknown = select(delivery.c.id).where(delivery.c.id.in_(list(delivery_ids)), delivery.c.state == "unknown")
    connection.execute(delete(part).where(part.c.delivery_id.in_(unknown), part.c.state == "intended"))


def _is_current(delivery: Delivery) -> ColumnElement[bool]:
    """Whether the delivery has still the epoch under which it was claimed."""
    row = tables.deliveries.c
    return exists().where(row.id == delivery.id, row.epoch == delivery.epoch)
