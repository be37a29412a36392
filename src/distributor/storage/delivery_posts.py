"""The posts of one delivery (such as a thread), each committed before the API call that makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.delivery import Attribution, Delivery
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
) -> bool:
    """Store what the remote API returned for a post; False if a lookup has found it for another delivery meanwhile."""
    _lock_attribution(connection)
    if _is_others(connection, delivery_id, number, remote_id, was_found=True):
        return False
    _store_sent(connection, delivery_id, number, remote_id=remote_id, permalink=permalink, detail=detail)
    return True


def mark_found(
    connection: Connection,
    delivery_id: int,
    number: int,
    *,
    remote_id: str,
    permalink: str | None,
    detail: Mapping[str, Json],
    now: datetime,
) -> Attribution:
    """Store a post that a lookup found, unless it is, or may become, another post of the account in the ledger."""
    # The lock also keeps what is being sent from being settled between these questions.
    _lock_attribution(connection)
    if is_attributed(connection, delivery_id, remote_id) or _is_others(connection, delivery_id, number, remote_id):
        return Attribution.OTHER
    if _is_sending_to_account(connection, delivery_id):
        return Attribution.OPEN
    _store_sent(connection, delivery_id, number, remote_id=remote_id, permalink=permalink, detail=detail, found_at=now)
    return Attribution.OWN


def _is_sending_to_account(connection: Connection, delivery_id: int) -> bool:
    """Whether another delivery to the same account may be making a post right now."""
    return _exists(
        connection,
        f"{_SAME_ACCOUNT} JOIN delivery_posts p ON p.delivery_id = other.id"
        " WHERE other.state IN ('claimed', 'in_flight') AND p.state = 'intended'",
        {"delivery_id": delivery_id},
    )


def is_attributed(connection: Connection, delivery_id: int, remote_id: str) -> bool:
    """Whether another delivery to the same account has this remote id: what it names is not this one's.

    Until the transaction ends, no other one gets an answer.
    """
    _lock_attribution(connection)
    return _exists(
        connection,
        f"{_SAME_ACCOUNT} WHERE other.remote_id = :remote_id",
        {"delivery_id": delivery_id, "remote_id": storable(remote_id)},
    )


# The other deliveries to the account of one delivery. A name identifies an account of a kind, and so does a channel, as
# long as its settings name the same account; where they do not, nothing is lost: ids of two accounts differ.
_SAME_ACCOUNT = """
    FROM deliveries own JOIN dispatches mine ON mine.id = own.dispatch_id JOIN channels c ON c.id = mine.channel_id
    JOIN channels same ON same.kind = c.kind JOIN dispatches x ON x.channel_id = same.id
    JOIN deliveries other ON other.dispatch_id = x.id AND other.id <> own.id AND own.id = :delivery_id
     AND (x.channel_id = mine.channel_id OR other.recipient = own.recipient)
"""


def _is_others(
    connection: Connection, delivery_id: int, number: int, remote_id: str, *, was_found: bool = False
) -> bool:
    """Whether another part, of this delivery or one to the same account, has this id, if asked by a lookup."""
    return _exists(
        connection,
        """
            FROM delivery_posts p JOIN deliveries other ON other.id = p.delivery_id
            JOIN dispatches x ON x.id = other.dispatch_id JOIN channels same ON same.id = x.channel_id,
            deliveries own JOIN dispatches mine ON mine.id = own.dispatch_id JOIN channels c ON c.id = mine.channel_id
            WHERE own.id = :delivery_id AND p.remote_id = :remote_id AND same.kind = c.kind
              AND (p.delivery_id, p.number) <> (:delivery_id, :number)
              AND (same.id = c.id OR other.recipient = own.recipient)
              AND (p.found_at IS NOT NULL OR NOT :was_found)
        """,
        {"delivery_id": delivery_id, "number": number, "remote_id": storable(remote_id), "was_found": was_found},
    )


def _exists(connection: Connection, source: str, values: Mapping[str, object]) -> bool:
    found: bool = connection.execute(text(f"SELECT EXISTS (SELECT 1 {source})"), values).scalar_one()
    return found


def _lock_attribution(connection: Connection) -> None:
    """Let only one transaction at a time give a post to a delivery, so that each sees what the others have given."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('delivery_posts.remote_id', 0))"))


def _store_sent(
    connection: Connection,
    delivery_id: int,
    number: int,
    *,
    remote_id: str,
    permalink: str | None,
    detail: Mapping[str, Json],
    found_at: datetime | None = None,
) -> None:
    part = tables.delivery_posts
    connection.execute(
        update(part)
        .where(part.c.delivery_id == delivery_id, part.c.number == number)
        .values(
            state="sent",
            remote_id=storable(remote_id),
            permalink=permalink and storable(permalink),
            detail=storable_json(dict(detail)),
            found_at=found_at,
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
