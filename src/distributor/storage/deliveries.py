"""Changes of the state of deliveries, by set-based statements; every write after a claim names its epoch."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.delivery import TRANSITIONS, Delivery, DeliveryState, Settlement, Verdict
from distributor.domain.rendition import Json
from distributor.domain.stored_text import storable, storable_json
from distributor.domain.suppression import LIFTED_BY_CONFIRMING
from distributor.storage import tables
from distributor.storage.arrays import array_of
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The result of a claim: deliveries to send, and how many were suppressed instead."""

    deliveries: list[Delivery]
    suppressed: int


def freeze_recipients(connection: Connection, dispatch_id: int, recipients: Sequence[str], *, now: datetime) -> int:
    """One pending delivery for each account or feed; returns how many."""
    rows = [
        {
            "dispatch_id": dispatch_id,
            "recipient": recipient,
            "state": DeliveryState.PENDING,
            "created_at": now,
            "updated_at": now,
        }
        for recipient in dict.fromkeys(recipients)
    ]
    if rows:
        connection.execute(insert(tables.deliveries), rows)
    return len(rows)


def gather_statistics(connection: Connection) -> None:
    """Let PostgreSQL look at a sample of all deliveries, by which it plans its queries, unless it is doing so.

    Autovacuum does the same, a minute or more after many were added. Nobody waits for it.
    """
    connection.execute(text("ANALYZE (SKIP_LOCKED) deliveries"))


def claim(
    connection: Connection,
    dispatch_ids: Collection[int],
    *,
    worker: str,
    limit: int,
    now: datetime,
    lease_until: datetime,
    state: DeliveryState = DeliveryState.CLAIMED,
) -> Claimed:
    """Lease up to `limit` due deliveries of these running dispatches to this worker, each under a new epoch.

    Their new state is CLAIMED, or IN_FLIGHT for those that may reach their recipients from here on. Those to
    subscribers who may no longer get mail become suppressed instead, each with its reason.
    """
    rows = connection.execute(
        text("""
            WITH chosen AS MATERIALIZED (
                SELECT mail.* FROM unnest(CAST(:dispatch_ids AS bigint[])) AS wanted(id) CROSS JOIN LATERAL (
                    -- First, and alone: joined with the tables below, PostgreSQL reads all that waits, until it has
                    -- statistics of a campaign that was released just now. A limit that it does not know makes it
                    -- follow the index for the first ones, where it would sort all.
                    SELECT id, dispatch_id, subscriber_id, list_id, recipient, attempt, first_attempt_at
                    FROM deliveries d
                    -- Not simply equal: only the index of the unsettled has this order, and a campaign that is on its
                    -- way has too much behind it to be looked through.
                    WHERE (dispatch_id, id) > (wanted.id, 0) AND dispatch_id <= wanted.id
                      AND (state = 'pending' OR (state = 'deferred' AND next_at <= :now))
                      AND EXISTS (SELECT 1 FROM dispatches x WHERE x.id = wanted.id AND x.state = 'running')
                    ORDER BY dispatch_id, id LIMIT (SELECT CAST(:limit AS bigint)) FOR UPDATE SKIP LOCKED
                ) mail
            ), due AS MATERIALIZED (
                SELECT d.id, d.attempt, d.first_attempt_at, s.zone, CASE
                    WHEN c.purpose = 'test' AND EXISTS (SELECT 1 FROM suppressions e
                         WHERE e.hash = sha256(convert_to(lower(d.recipient), 'UTF8'))
                            OR e.domain = split_part(lower(d.recipient), '@', 2))
                    THEN 'was suppressed before it was sent'
                    WHEN d.list_id IS NULL THEN NULL
                    WHEN s.id IS NULL THEN 'was erased before it was sent'
                    WHEN m.state IS DISTINCT FROM
                         (CASE c.purpose WHEN 'confirmation' THEN 'pending' ELSE 'subscribed' END)
                    THEN 'unsubscribed before it was sent'
                    WHEN s.status <> 'active' THEN 'was disabled before it was sent'
                    WHEN s.paused_until > :now AND c.purpose <> 'confirmation'
                    THEN 'paused all mail before it was sent'
                    WHEN EXISTS (SELECT 1 FROM suppressions e WHERE e.hash = s.hash
                                 AND (c.purpose <> 'confirmation' OR e.reason <> ALL (CAST(:lifted AS text[]))))
                      OR EXISTS (SELECT 1 FROM suppressions e WHERE e.domain = s.domain)
                    THEN 'was suppressed before it was sent'
                END AS obstacle
                FROM (SELECT * FROM chosen LIMIT :limit) d
                JOIN dispatches x ON x.id = d.dispatch_id JOIN campaigns c ON c.id = x.campaign_id
                LEFT JOIN subscribers s ON s.id = d.subscriber_id
                LEFT JOIN memberships m ON m.list_id = d.list_id AND m.subscriber_id = d.subscriber_id
            )
            UPDATE deliveries d SET epoch = d.epoch + 1, next_at = NULL, updated_at = :now,
                   state = CASE WHEN obstacle IS NULL THEN :state ELSE 'suppressed' END,
                   reply = COALESCE(obstacle, d.reply),
                   worker = CASE WHEN obstacle IS NULL THEN CAST(:worker AS text) END,
                   lease_until = CASE WHEN obstacle IS NULL THEN CAST(:lease_until AS timestamptz) END,
                   attempt = d.attempt + CASE WHEN obstacle IS NULL THEN :started ELSE 0 END,
                   first_attempt_at = CASE WHEN obstacle IS NOT NULL OR :started = 0 THEN d.first_attempt_at
                                           WHEN d.attempt = 0 THEN :now
                                           ELSE COALESCE(d.first_attempt_at, d.created_at) END
            FROM due WHERE d.id = due.id
            RETURNING d.id, d.dispatch_id, d.recipient, d.epoch, due.attempt, d.created_at, due.first_attempt_at,
                      d.fields, d.state, due.zone
        """),
        {
            "dispatch_ids": array_of(dispatch_ids),
            "worker": worker,
            "limit": limit,
            "now": now,
            "lease_until": lease_until,
            "state": state.value,
            "started": int(state is DeliveryState.IN_FLIGHT),
            # These suppressions do not stop the mail by which a subscriber confirms a new sign-up.
            "lifted": sorted(LIFTED_BY_CONFIRMING),
        },
    ).all()
    held = sorted(
        (delivery_of(row, zone=row.zone or "") for row in rows if row.state == state),
        key=lambda delivery: delivery.id,
    )
    return Claimed(deliveries=held, suppressed=len(rows) - len(held))


def mark_in_flight(
    connection: Connection, deliveries: Sequence[Delivery], *, now: datetime, lease_until: datetime
) -> set[int]:
    """Mark claimed deliveries as in flight before anything is sent; returns the ids still leased and not paused."""
    rows = connection.execute(
        text("""
            UPDATE deliveries d SET state = 'in_flight', attempt = d.attempt + 1,
                   first_attempt_at = CASE d.attempt WHEN 0 THEN :now
                                      ELSE COALESCE(d.first_attempt_at, d.created_at) END,
                   lease_until = :lease_until, updated_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[])) AS held(id, epoch), dispatches x
            WHERE d.id = held.id AND d.epoch = held.epoch AND d.state = 'claimed'
              AND x.id = d.dispatch_id AND x.state = 'running'
            RETURNING d.id
        """),
        {**_held(deliveries), "now": now, "lease_until": lease_until},
    )
    return {row.id for row in rows}


def release(connection: Connection, deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """Make deliveries that were definitely not sent pending again; returns how many.

    Those whose lease has run out are included, unless another worker has claimed them since.
    """
    if not deliveries:
        return 0
    return connection.execute(
        text("""
            UPDATE deliveries d SET state = 'pending', worker = NULL, lease_until = NULL, updated_at = :now,
                   next_at = NULL, attempt = d.attempt - CASE WHEN d.state = 'claimed' THEN 0 ELSE 1 END
            FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[])) AS held(id, epoch)
            WHERE d.id = held.id AND d.epoch = held.epoch AND d.state IN ('claimed', 'in_flight', 'unknown')
        """),
        {**_held(deliveries), "now": now},
    ).rowcount


def defer(
    connection: Connection, deliveries: Sequence[Delivery], until: Sequence[datetime], *, why: str, now: datetime
) -> int:
    """Defer claimed deliveries until the times `until`; returns how many were still leased."""
    return connection.execute(
        text("""
            UPDATE deliveries d SET state = 'deferred', next_at = off.next_at, worker = NULL, lease_until = NULL,
                   reply = :why, updated_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:epochs AS integer[]), CAST(:until AS timestamptz[]))
                 AS off(id, epoch, next_at)
            WHERE d.id = off.id AND d.epoch = off.epoch AND d.state = 'claimed'
        """),
        {**_held(deliveries), "until": array_of(until), "why": why, "now": now},
    ).rowcount


def settle(connection: Connection, settlements: Sequence[Settlement], *, now: datetime) -> int:
    """Store the outcomes of deliveries; returns how many were accepted.

    Accepted are those in flight or unknown under the same epoch: a late outcome still counts, one of an earlier claim
    does not. Attempts that did not succeed at once are kept in the history of the delivery.
    """
    if not settlements:
        return 0
    outcomes = [settlement.outcome for settlement in settlements]
    accepted: int = connection.execute(
        text("""
            WITH settled AS (
            UPDATE deliveries d SET state = s.state, next_at = s.next_at, worker = NULL, lease_until = NULL,
                   remote_id = COALESCE(s.remote_id, d.remote_id), permalink = COALESCE(s.permalink, d.permalink),
                   reply_code = s.reply_code, updated_at = :now,
                   -- A throttled delivery was not attempted.
                   attempt = d.attempt - CASE WHEN s.is_held AND d.state = 'in_flight' THEN 1 ELSE 0 END,
                   -- Nothing personal is written about a subscriber who has been erased meanwhile.
                   reply = CASE WHEN d.subscriber_id IS NULL AND d.list_id IS NOT NULL THEN '' ELSE s.reply END,
                   detail = CASE WHEN d.subscriber_id IS NULL AND d.list_id IS NOT NULL THEN '{}'
                            ELSE d.detail || CAST(s.detail AS jsonb) END
            FROM unnest(
                CAST(:ids AS bigint[]), CAST(:epochs AS integer[]), CAST(:states AS text[]),
                CAST(:next_ats AS timestamptz[]), CAST(:remote_ids AS text[]), CAST(:permalinks AS text[]),
                CAST(:reply_codes AS integer[]), CAST(:replies AS text[]), CAST(:details AS text[]),
                CAST(:helds AS boolean[])
            ) AS s(id, epoch, state, next_at, remote_id, permalink, reply_code, reply, detail, is_held)
            WHERE d.id = s.id AND d.epoch = s.epoch AND d.state IN ('in_flight', 'unknown')
            RETURNING d.id, d.state, d.attempt, d.reply_code, d.reply, s.is_held
            ), kept AS (
                INSERT INTO delivery_history (delivery_id, at, state, attempt, reply_code, reply)
                SELECT id, :now, state, attempt, reply_code, reply FROM settled
                WHERE NOT is_held AND (state <> 'sent' OR attempt > 1)
            )
            SELECT count(*) FROM settled
        """),
        {
            "ids": array_of(outcome.delivery_id for outcome in outcomes),
            "epochs": array_of(outcome.epoch for outcome in outcomes),
            "states": array_of(settlement.state.value for settlement in settlements),
            "next_ats": array_of(settlement.next_at for settlement in settlements),
            # Text of a remote server.
            "remote_ids": array_of(outcome.remote_id and storable(outcome.remote_id) for outcome in outcomes),
            "permalinks": array_of(outcome.permalink and storable(outcome.permalink) for outcome in outcomes),
            "reply_codes": array_of(outcome.reply_code for outcome in outcomes),
            # 1000 characters are enough to read.
            "replies": array_of(storable(outcome.reply[:1000]) for outcome in outcomes),
            "helds": array_of(outcome.verdict is Verdict.THROTTLED for outcome in outcomes),
            "details": array_of(_json_of(outcome.detail) for outcome in outcomes),
            "now": now,
        },
    ).scalar_one()
    return accepted


def mark_reported(connection: Connection, ids: Sequence[int], state: DeliveryState, *, now: datetime) -> int:
    """Store the state that a bounce, complaint or delivery report gives to mails; returns how many changed.

    A report proves that the mail was sent: it settles deliveries that are in flight or unknown, and an outcome that
    the worker writes later is ignored. A repeated report, or one of an earlier state, changes nothing.
    """
    return connection.execute(
        text("""
            UPDATE deliveries SET state = :state, next_at = NULL, worker = NULL, lease_until = NULL, updated_at = :now
            WHERE id = ANY(CAST(:ids AS bigint[])) AND state = ANY(CAST(:before AS text[]))
        """),
        {
            "ids": list(ids),
            "state": state.value,
            "before": sorted(before.value for before, after in TRANSITIONS.items() if state in after),
            "now": now,
        },
    ).rowcount


def suppress_unsent(connection: Connection, dispatch_id: int, reason: str, *, now: datetime) -> int:
    """Suppress every delivery of a dispatch that has not been sent; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries SET state = 'suppressed', reply = :reason, next_at = NULL, worker = NULL,
                   lease_until = NULL, epoch = epoch + 1, updated_at = :now
            WHERE dispatch_id = :dispatch_id AND state IN ('pending', 'claimed', 'deferred')
        """),
        {"dispatch_id": dispatch_id, "reason": reason, "now": now},
    ).rowcount


def suppress_cancelled(connection: Connection, reason: str, *, now: datetime) -> int:
    """Suppress deliveries that became pending again after their dispatch was cancelled; returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries d SET state = 'suppressed', reply = :reason, next_at = NULL, updated_at = :now
            WHERE d.state IN ('pending', 'deferred') AND d.id = ANY(ARRAY(
                -- By the index, dispatch by dispatch: a join would look through all that was ever sent.
                SELECT late.id FROM dispatches x CROSS JOIN LATERAL (
                    SELECT id FROM deliveries WHERE dispatch_id = x.id AND state IN ('pending', 'deferred')
                    ORDER BY id LIMIT 1000
                ) late WHERE x.state = 'cancelled'
            ))
        """),
        {"reason": reason, "now": now},
    ).rowcount


def find_for_sending(connection: Connection, ids: Sequence[int]) -> list[Delivery]:
    """Those deliveries as their channel saw them, where they still exist."""
    rows = connection.execute(select(tables.deliveries).where(tables.deliveries.c.id.in_(ids)))
    return [delivery_of(row) for row in rows]


def _json_of(detail: Mapping[str, Json]) -> str:
    return json.dumps(storable_json(dict(detail))) if detail else "{}"


def _held(deliveries: Sequence[Delivery]) -> dict[str, str]:
    return {
        "ids": array_of(delivery.id for delivery in deliveries),
        "epochs": array_of(delivery.epoch for delivery in deliveries),
    }


def delivery_of(row: Row[tuple[object, ...]], *, zone: str = "") -> Delivery:
    """The delivery in a row of the table, as its channel sees it at the next attempt."""
    return Delivery(
        id=row.id,
        dispatch_id=row.dispatch_id,
        recipient=row.recipient,
        epoch=row.epoch,
        attempt=row.attempt + 1,
        created_at=row.created_at,
        first_attempt_at=(row.first_attempt_at or row.created_at) if row.attempt else None,
        zone=zone,
        fields=row.fields,
    )
