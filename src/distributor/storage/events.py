"""Events of deliveries, each stored once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Row, func, or_, select, text

from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.rendition import Json
from distributor.domain.stored_text import storable_json, stored_key
from distributor.storage import tables
from distributor.storage.database import Connection


def record(connection: Connection, events: Sequence[Event]) -> int:
    """Insert events and return how many were new. Events of deleted deliveries are dropped.

    Of a subscriber who has been erased only the kind and the time are stored.
    """
    if not events:
        return 0
    return connection.execute(
        text("""
            INSERT INTO events (delivery_id, subscriber_id, kind, at, key, detail)
            SELECT e.delivery_id, d.subscriber_id, e.kind, e.at, e.key,
                   CASE WHEN d.subscriber_id IS NULL AND d.list_id IS NOT NULL THEN '{}'
                        ELSE CAST(e.detail AS jsonb) END
            FROM unnest(
                CAST(:delivery_ids AS bigint[]), CAST(:kinds AS text[]), CAST(:ats AS timestamptz[]),
                CAST(:keys AS text[]), CAST(:details AS text[])
            ) AS e(delivery_id, kind, at, key, detail)
            JOIN deliveries d ON d.id = e.delivery_id
            -- None of them becomes a past one meanwhile.
            FOR KEY SHARE OF d
            ON CONFLICT (key) DO NOTHING
        """),
        {
            "delivery_ids": [event.delivery_id for event in events],
            "kinds": [event.kind.value for event in events],
            "ats": [event.at for event in events],
            # From outside: of any length, and with characters that cannot be stored.
            "keys": [stored_key(event.key) for event in events],
            "details": [json.dumps(storable_json(dict(event.detail))) for event in events],
        },
    ).rowcount


def add_detail(connection: Connection, delivery_id: int, kind: EventKind, detail: Mapping[str, Json]) -> bool:
    """Add detail to the last event of this kind of a delivery; False if there is none."""
    return bool(
        connection.execute(
            text("""
                UPDATE events SET detail = detail || CAST(:detail AS jsonb)
                WHERE id = (SELECT max(id) FROM events WHERE delivery_id = :delivery_id AND kind = :kind)
            """),
            {"delivery_id": delivery_id, "kind": kind, "detail": json.dumps(storable_json(dict(detail)))},
        ).rowcount
    )


def of_delivery(connection: Connection, delivery_id: int) -> list[Event]:
    """The events of one delivery in the order they happened."""
    event = tables.events
    rows = connection.execute(select(event).where(event.c.delivery_id == delivery_id).order_by(event.c.at, event.c.id))
    return [_event(row) for row in rows]


def kinds_of(connection: Connection, delivery_ids: Collection[int]) -> dict[int, frozenset[EventKind]]:
    """The kinds of events of each of the deliveries that has any."""
    event = tables.events.c
    rows = connection.execute(
        select(event.delivery_id, func.array_agg(event.kind.distinct()).label("kinds"))
        .where(event.delivery_id.in_(delivery_ids))
        .group_by(event.delivery_id)
    )
    return {row.delivery_id: frozenset(map(EventKind, row.kinds)) for row in rows}


def last_delays(connection: Connection, delivery_ids: Collection[int]) -> dict[int, datetime]:
    """When a server last reported that a mail is delayed, for those of the deliveries that have such a report."""
    event = tables.events.c
    rows = connection.execute(
        select(event.delivery_id, func.max(event.at).label("at"))
        .where(event.delivery_id.in_(delivery_ids), event.kind == EventKind.DELAY)
        .group_by(event.delivery_id)
    )
    return {row.delivery_id: row.at for row in rows}


def of_subscriber(connection: Connection, subscriber_id: int) -> list[Event]:
    """The events of one subscriber in the order they happened."""
    event = tables.events
    rows = connection.execute(
        select(event).where(event.c.subscriber_id == subscriber_id).order_by(event.c.at, event.c.id)
    )
    return [_event(row) for row in rows]


def soft_bounce_days(connection: Connection, subscriber_id: int, *, since: datetime) -> int:
    """On how many days (UTC) since `since` the subscriber had a soft bounce that counts towards suppression."""
    days: int = connection.execute(
        text("""
            SELECT count(DISTINCT CAST(at AT TIME ZONE 'UTC' AS date)) FROM events
            WHERE subscriber_id = :subscriber_id AND kind = 'bounce' AND at > :since
              AND detail @> '{"counts": true}'
        """),
        {"subscriber_id": subscriber_id, "since": since},
    ).scalar_one()
    return days


def reset_soft_bounces(connection: Connection, hash_: bytes) -> None:
    """Soft bounces so far no longer count towards the suppression of this mailbox."""
    connection.execute(
        text("""
            UPDATE events SET detail = detail - 'counts'
            WHERE kind = 'bounce' AND detail @> '{"counts": true}'
              AND subscriber_id = (SELECT id FROM subscribers WHERE hash = :hash)
        """),
        {"hash": hash_},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackEvent:
    """A bounce, delay, complaint or unsubscribe event that came by mail or web hook, with its delivery."""

    id: int
    event: Event
    recipient: str
    state: DeliveryState


_FEEDBACK = (EventKind.BOUNCE, EventKind.DELAY, EventKind.COMPLAINT, EventKind.UNSUBSCRIBE)


def feedback_events(
    connection: Connection, *, kind: EventKind | None = None, before_id: int | None = None, limit: int
) -> list[FeedbackEvent]:
    """Bounces, delays, complaints and unsubscribes, the newest first, from before `before_id`; if given of one kind."""
    event, kinds = tables.events, [kind] if kind else list(_FEEDBACK)
    # An unsubscribe by a link did not come by mail.
    by_mail = or_(event.c.kind != EventKind.UNSUBSCRIBE, event.c.detail.has_key("match"))
    query = _WITH_DELIVERY.where(event.c.kind.in_(kinds), by_mail).order_by(event.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(event.c.id < before_id)
    return [_feedback_event(row) for row in connection.execute(query)]


def find_feedback_event(connection: Connection, event_id: int) -> FeedbackEvent:
    """Raises NotFoundError."""
    event = tables.events
    row = connection.execute(_WITH_DELIVERY.where(event.c.id == event_id, event.c.kind.in_(_FEEDBACK))).one_or_none()
    if row is None:
        raise NotFoundError("bounce", event_id, hint="`distributor bounce list` lists them")
    return _feedback_event(row)


def delete_before(connection: Connection, time: datetime, *, limit: int) -> int:
    """Delete up to `limit` of the oldest events from before `time` that are in the totals; returns how many."""
    return connection.execute(
        text("""
            DELETE FROM events WHERE id IN (
                SELECT id FROM events WHERE at < :time AND client IS NOT NULL AND client <> 'taken_back'
                ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
        """),
        {"time": time, "limit": limit},
    ).rowcount


def is_not_taken_back(event: FromClause) -> ColumnElement[bool]:
    """A condition on bounce events: a bounce that was taken back, because the mail arrived, counts nowhere."""
    is_taken_back: ColumnElement[bool] = event.c.detail.has_key("taken_back")
    return ~is_taken_back


_WITH_DELIVERY = select(tables.events, tables.deliveries.c.recipient, tables.deliveries.c.state).join(
    tables.deliveries, tables.deliveries.c.id == tables.events.c.delivery_id
)


def _feedback_event(row: Row[tuple[object, ...]]) -> FeedbackEvent:
    return FeedbackEvent(id=row.id, event=_event(row), recipient=row.recipient, state=DeliveryState(row.state))


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(delivery_id=row.delivery_id, kind=EventKind(row.kind), at=row.at, key=row.key, detail=row.detail)
