"""Merge two subscribers who are the same person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.subscriber import Membership, Subscriber
from distributor.storage import audience_lock, consents, subscribers
from distributor.storage.database import Connection

# Of two memberships of one list the state further to the left is kept: unsubscribed wins.
_STRONGEST = (Membership.UNSUBSCRIBED, Membership.SUBSCRIBED, Membership.PENDING)


def merge(connection: Connection, *, kept: int, merged: int, now: datetime) -> Subscriber:
    """Merge two subscribers into one. The values of `kept` stay; empty ones are filled from `merged`.

    A membership unsubscribed with either address is unsubscribed. Records of consent are copied with the address they
    were given under; deliveries and events are moved. Permanent suppressions of `merged` are copied to `kept`.
    Raises NotFoundError, and InputError if both are the same.
    """
    if kept == merged:
        raise InputError("a subscriber cannot be merged with itself: name two subscribers")
    audience_lock.lock_exclusive(connection)
    # Always in the same order, so that two merges of the same subscribers cannot deadlock.
    locked = {number: subscribers.lock(connection, number) for number in sorted((kept, merged))}
    other = locked[merged]
    if locked[kept] is None or other is None:
        raise NotFoundError("subscriber", merged if other is None else kept)
    copies = consents.copy_to(connection, of=merged, to=kept, note={"merged_from": other.email})
    values: dict[str, Any] = {"kept": kept, "merged": merged, "now": now}
    connection.execute(text(_FILL_IN), values)
    connection.execute(
        text(_MOVE_PLACES),
        {
            **values,
            "strongest": [state.value for state in _STRONGEST],
            "old": list(copies),
            "new": list(copies.values()),
        },
    )
    # In this order: a delivery that has just become a past one is found there.
    connection.execute(text("UPDATE deliveries SET subscriber_id = :kept WHERE subscriber_id = :merged"), values)
    connection.execute(text("UPDATE past_deliveries SET subscriber_id = :kept WHERE subscriber_id = :merged"), values)
    connection.execute(text("UPDATE campaigns SET test_as = :kept WHERE test_as = :merged"), values)
    connection.execute(text("UPDATE events SET subscriber_id = :kept WHERE subscriber_id = :merged"), values)
    connection.execute(text(_COPY_SUPPRESSIONS), values)
    consents.allow_deletion(connection)
    connection.execute(text("DELETE FROM memberships WHERE subscriber_id = :merged"), values)
    connection.execute(text("DELETE FROM subscribers WHERE id = :merged"), values)
    return subscribers.find_by_id(connection, kept)


def likely_duplicates(connection: Connection, *, limit: int) -> list[tuple[str, list[str]]]:
    """Groups of addresses that are the same mailbox at most providers, with the common form of each group.

    Only likely: by RFC 5321 only the receiving server interprets the local part, so nothing is merged automatically.
    """
    rows = connection.execute(
        text("""
            SELECT mailbox, array_agg(email ORDER BY id) AS emails FROM (
                SELECT id, email, regexp_replace(
                    CASE WHEN domain IN ('gmail.com', 'googlemail.com')
                         THEN replace(split_part(key, '@', 1), '.', '') ELSE split_part(key, '@', 1) END,
                    '^(.+?)\\+.*$', '\\1'
                ) || '@' || replace(domain, 'googlemail.com', 'gmail.com') AS mailbox FROM subscribers
            ) AS known
            GROUP BY mailbox HAVING count(*) > 1 ORDER BY mailbox LIMIT :limit
        """),
        {"limit": limit},
    )
    return [(row.mailbox, list(row.emails)) for row in rows]


_FILL_IN = """
    UPDATE subscribers k SET
        name = COALESCE(NULLIF(k.name, ''), m.name),
        language = COALESCE(NULLIF(k.language, ''), m.language),
        zone = COALESCE(NULLIF(k.zone, ''), m.zone),
        attributes = m.attributes || k.attributes,
        tags = k.tags || ARRAY(SELECT t FROM unnest(m.tags) t WHERE t <> ALL (k.tags)),
        status = CASE WHEN 'disabled' IN (k.status, m.status) THEN 'disabled' ELSE k.status END,
        created_at = LEAST(k.created_at, m.created_at),
        updated_at = :now
    FROM subscribers m WHERE k.id = :kept AND m.id = :merged
"""

_MOVE_PLACES = """
    INSERT INTO memberships AS held (list_id, subscriber_id, state, topics, consent_id, state_changed_at)
    SELECT m.list_id, :kept, m.state, m.topics, copied.new, m.state_changed_at
    FROM memberships m
    LEFT JOIN unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS copied(old, new) ON copied.old = m.consent_id
    WHERE m.subscriber_id = :merged
    ON CONFLICT (list_id, subscriber_id) DO UPDATE SET
        state = excluded.state, topics = excluded.topics, consent_id = excluded.consent_id,
        state_changed_at = :now
    WHERE array_position(CAST(:strongest AS text[]), excluded.state)
        < array_position(CAST(:strongest AS text[]), held.state)
"""

_COPY_SUPPRESSIONS = """
    INSERT INTO suppressions (hash, email, reason, note, at)
    SELECT k.hash, k.email, e.reason, e.note, e.at
    FROM suppressions e JOIN subscribers m ON m.hash = e.hash AND m.id = :merged
    JOIN subscribers k ON k.id = :kept
    WHERE e.reason IN ('complaint', 'unsubscribe', 'manual')
    ON CONFLICT DO NOTHING
"""
