"""Read deliveries one by one. `storage.delivery_totals` has their number in each state."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, text, union_all

from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError
from distributor.storage import past_deliveries, tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery as it is stored. `reason` is why it failed or waits, as its channel classifies it; often empty."""

    id: int
    dispatch_id: int
    subscriber_id: int | None
    list_id: int | None
    recipient: str
    state: DeliveryState
    epoch: int
    attempt: int
    next_at: datetime | None
    remote_id: str | None
    permalink: str | None
    reply_code: int | None
    reply: str
    created_at: datetime
    first_attempt_at: datetime | None
    updated_at: datetime
    reason: str


def next_attempt(connection: Connection, dispatch_id: int) -> datetime | None:
    """When the first of the deferred deliveries of this dispatch is due again; None if there are none."""
    row = tables.deliveries.c
    found: datetime | None = connection.execute(
        select(func.min(row.next_at)).where(row.dispatch_id == dispatch_id, text("state = 'deferred'"))
    ).scalar_one()
    return found


def last_problems(connection: Connection, dispatch_ids: Collection[int], *, limit: int) -> list[DeliveryRecord]:
    """The newest deliveries of each dispatch that failed, are deferred or unknown, so many of each state; last first.

    States are written out, because their index is not used for parameters once a statement is prepared.
    """
    rows = connection.execute(
        text("""
            SELECT found.* FROM unnest(CAST(:ids AS bigint[])) AS chosen(id) CROSS JOIN LATERAL (
                (SELECT * FROM deliveries WHERE dispatch_id = chosen.id AND state = 'failed'
                 ORDER BY dispatch_id, state, id DESC LIMIT :limit)
                UNION ALL
                (SELECT * FROM deliveries WHERE dispatch_id = chosen.id AND state = 'deferred'
                 ORDER BY dispatch_id, state, id DESC LIMIT :limit)
                UNION ALL
                (SELECT * FROM deliveries WHERE dispatch_id = chosen.id AND state = 'unknown'
                 ORDER BY dispatch_id, state, id DESC LIMIT :limit)
            ) AS found ORDER BY found.updated_at DESC, found.id DESC
        """),
        {"ids": sorted(dispatch_ids), "limit": limit},
    )
    return [record_of(row) for row in rows] if dispatch_ids else []


def last_change(connection: Connection, dispatch_id: int) -> datetime | None:
    """When a delivery of this dispatch last changed its state; None if it has none."""
    found: datetime | None = connection.execute(
        select(func.max(tables.deliveries.c.updated_at)).where(tables.deliveries.c.dispatch_id == dispatch_id)
    ).scalar_one()
    return found


def find(connection: Connection, delivery_id: int) -> DeliveryRecord:
    """Raises NotFoundError, and RemovedError for a past delivery."""
    return _found(connection, delivery_id, select(tables.deliveries))


def hold(connection: Connection, delivery_id: int) -> None:
    """Until the transaction ends the delivery does not become a past one. Raises what `find` raises.

    The caller has locked its subscriber.
    """
    _found(connection, delivery_id, select(tables.deliveries).with_for_update(read=True, key_share=True))


def dispatch_of(connection: Connection, delivery_id: int) -> int | None:
    """The dispatch of a delivery, also of a past one; None if there is none with this id."""
    row, past = tables.deliveries.c, tables.past_deliveries.c
    # One statement: a delivery is in one of both tables at any moment.
    either = union_all(
        select(row.dispatch_id).where(row.id == delivery_id), select(past.dispatch_id).where(past.id == delivery_id)
    )
    number: int | None = connection.execute(either).scalar_one_or_none()
    return number


def _found(connection: Connection, delivery_id: int, query: Select[Any]) -> DeliveryRecord:
    row = connection.execute(query.where(tables.deliveries.c.id == delivery_id)).one_or_none()
    if row is None:
        past_deliveries.refuse(connection, delivery_id)
        raise NotFoundError("delivery", delivery_id)
    return record_of(row)


def find_all(connection: Connection, ids: Collection[int]) -> list[DeliveryRecord]:
    """Those deliveries that exist, by id."""
    if not ids:
        return []
    row = tables.deliveries.c
    return [
        record_of(found)
        for found in connection.execute(select(tables.deliveries).where(row.id.in_(ids)).order_by(row.id))
    ]


def listed(
    connection: Connection, dispatch_id: int, *, state: DeliveryState | None, limit: int, after_id: int = 0
) -> list[DeliveryRecord]:
    """Deliveries of a dispatch by id, if given only in one state."""
    query = (
        select(tables.deliveries)
        .where(tables.deliveries.c.dispatch_id == dispatch_id, tables.deliveries.c.id > after_id)
        .order_by(tables.deliveries.c.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(tables.deliveries.c.state == state)
    return [record_of(row) for row in connection.execute(query)]


def of_campaign(
    connection: Connection,
    campaign_id: int,
    *,
    channel_name: str | None = None,
    state: DeliveryState | None = None,
    recipient: str | None = None,
    limit: int,
    after_id: int = 0,
) -> list[DeliveryRecord]:
    """Deliveries of a campaign by id, if given only on one channel, in one state, to one recipient.

    Deliveries to a subscriber are also found by the current address.
    """
    row = tables.deliveries.c
    query = (
        select(tables.deliveries)
        .join(tables.dispatches, tables.dispatches.c.id == row.dispatch_id)
        .where(tables.dispatches.c.campaign_id == campaign_id, row.id > after_id)
        .order_by(row.id)
        .limit(limit)
    )
    if channel_name is not None:
        query = query.join(tables.channels, tables.channels.c.id == tables.dispatches.c.channel_id).where(
            tables.channels.c.name == channel_name
        )
    if state is not None:
        query = query.where(row.state == state)
    if recipient is not None:
        person = select(tables.subscribers.c.id).where(tables.subscribers.c.key == recipient.lower()).scalar_subquery()
        query = query.where(or_(row.recipient == recipient, row.subscriber_id == person))
    return [record_of(found) for found in connection.execute(query)]


def of_subscriber(connection: Connection, subscriber_id: int) -> list[DeliveryRecord]:
    """The deliveries to one subscriber, by id."""
    rows = connection.execute(
        select(tables.deliveries)
        .where(tables.deliveries.c.subscriber_id == subscriber_id)
        .order_by(tables.deliveries.c.id)
    )
    return [record_of(row) for row in rows]


def last_to(connection: Connection, key: str, *, since: datetime) -> int | None:
    """The id of the last delivery to the subscriber with this key, if it was created after `since`."""
    number: int | None = connection.execute(
        text("""
            SELECT d.id FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
            WHERE s.key = :key AND d.created_at >= :since AND d.state NOT IN ('pending', 'claimed', 'suppressed')
            ORDER BY d.id DESC LIMIT 1
        """),
        {"key": key, "since": since},
    ).scalar_one_or_none()
    return number


def record_of(row: Row[tuple[object, ...]]) -> DeliveryRecord:
    """The delivery in a row of the table."""
    return DeliveryRecord(
        id=row.id,
        dispatch_id=row.dispatch_id,
        subscriber_id=row.subscriber_id,
        list_id=row.list_id,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        epoch=row.epoch,
        attempt=row.attempt,
        next_at=row.next_at,
        remote_id=row.remote_id,
        permalink=row.permalink,
        reply_code=row.reply_code,
        reply=row.reply,
        created_at=row.created_at,
        first_attempt_at=row.first_attempt_at,
        updated_at=row.updated_at,
        reason=str(row.detail.get("reason", "")),
    )
