"""Queries of an audit: the deliveries of a dispatch with their events and posts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from distributor.domain.delivery import DeliveryState
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedDelivery:
    """A delivery under audit.

    `is_personal`: to a subscriber, so that it has a Message-ID. `reply_code` is that of the last reply, `event_kinds`
    are the kinds of its events except a refusal by the server in the session; `has_hard_bounce` does not count that
    either, nor a bounce that was taken back; `taken_back` is the evidence for that. `posts_sent` and `posts_intended`
    count the posts of its thread.
    """

    id: int
    recipient: str
    is_personal: bool
    state: DeliveryState
    epoch: int
    updated_at: datetime
    reply_code: int | None
    event_kinds: frozenset[str]
    has_hard_bounce: bool
    taken_back: str
    posts_sent: int
    posts_intended: int


def audited_deliveries(
    connection: Connection, dispatch_id: int, *, page: int = 5000, after_id: int = 0
) -> Iterator[AuditedDelivery]:
    """All deliveries of a dispatch by ascending id, from after `after_id`, read `page` at a time."""
    last = after_id
    while True:
        rows = connection.execute(
            text("""
                SELECT d.id, d.recipient, d.list_id IS NOT NULL OR d.fields <> '{}' AS is_personal, d.state, d.epoch,
                       d.updated_at, d.reply_code,
                       ARRAY(SELECT DISTINCT e.kind FROM events e WHERE e.delivery_id = d.id
                             AND e.detail ->> 'match' IS DISTINCT FROM 'reply') AS event_kinds,
                       EXISTS (SELECT 1 FROM events e WHERE e.delivery_id = d.id AND e.kind = 'bounce'
                               AND e.detail->'hard' = 'true' AND NOT e.detail ? 'taken_back'
                               AND e.detail ->> 'match' IS DISTINCT FROM 'reply') AS has_hard_bounce,
                       COALESCE((SELECT max(e.detail ->> 'taken_back') FROM events e
                                 WHERE e.delivery_id = d.id AND e.kind = 'bounce'), '') AS taken_back,
                       p.sent, p.intended
                FROM deliveries d, LATERAL (
                    SELECT count(*) FILTER (WHERE state = 'sent') AS sent,
                           count(*) FILTER (WHERE state = 'intended') AS intended
                    FROM delivery_posts WHERE delivery_id = d.id) p
                WHERE d.dispatch_id = :dispatch_id AND d.id > :last ORDER BY d.id LIMIT :page
            """),
            {"dispatch_id": dispatch_id, "last": last, "page": page},
        ).all()
        for row in rows:
            yield AuditedDelivery(
                id=row.id,
                recipient=row.recipient,
                is_personal=row.is_personal,
                state=DeliveryState(row.state),
                epoch=row.epoch,
                updated_at=row.updated_at,
                reply_code=row.reply_code,
                event_kinds=frozenset(row.event_kinds),
                has_hard_bounce=row.has_hard_bounce,
                taken_back=row.taken_back,
                posts_sent=row.sent,
                posts_intended=row.intended,
            )
        if len(rows) < page:
            return
        last = rows[-1].id


def existing(connection: Connection, delivery_ids: Collection[int]) -> set[int]:
    """Those of the ids that belong to a delivery of any campaign, past ones included."""
    rows = connection.execute(
        text("""
            SELECT id FROM deliveries WHERE id = ANY(CAST(:ids AS bigint[]))
            UNION ALL SELECT id FROM past_deliveries WHERE id = ANY(CAST(:ids AS bigint[]))
        """),
        {"ids": list(delivery_ids)},
    )
    return {row.id for row in rows}


def past_of(connection: Connection, dispatch_ids: Collection[int], delivery_ids: Collection[int]) -> set[int]:
    """Those of the ids that belong to past deliveries of these dispatches."""
    rows = connection.execute(
        text("""
            SELECT id FROM past_deliveries
            WHERE id = ANY(CAST(:ids AS bigint[])) AND dispatch_id = ANY(CAST(:dispatch_ids AS bigint[]))
        """),
        {"ids": list(delivery_ids), "dispatch_ids": list(dispatch_ids)},
    )
    return {row.id for row in rows}


def count(connection: Connection, dispatch_id: int) -> int:
    """How many deliveries a dispatch has now, past ones included; it reads all of them."""
    number: int = connection.execute(
        text("""
            SELECT (SELECT count(*) FROM deliveries WHERE dispatch_id = :dispatch_id)
                 + (SELECT count(*) FROM past_deliveries WHERE dispatch_id = :dispatch_id)
        """),
        {"dispatch_id": dispatch_id},
    ).scalar_one()
    return number


def mark_sent(connection: Connection, remote_ids: Mapping[int, str], *, reply: str, now: datetime) -> int:
    """Mark unknown deliveries as sent, each with its remote id; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries d SET state = 'sent', next_at = NULL, worker = NULL, updated_at = :now, reply = :reply,
                   remote_id = COALESCE(d.remote_id, NULLIF(s.remote_id, ''))
            FROM unnest(CAST(:ids AS bigint[]), CAST(:remote_ids AS text[])) AS s(id, remote_id)
            WHERE d.id = s.id AND d.state = 'unknown'
        """),
        {"ids": list(remote_ids), "remote_ids": list(remote_ids.values()), "reply": reply, "now": now},
    ).rowcount
