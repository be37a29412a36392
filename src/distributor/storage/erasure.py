"""Erase a subscriber, and search every table for remaining traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import cast, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import ARRAY, Text

from distributor.domain.subscriber import Subscriber
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.storage import consents, quarantine, suppressions, tables
from distributor.storage.database import Connection


def erase(connection: Connection, person: Subscriber, *, requested_by: str, now: datetime) -> dict[str, int]:
    """Delete everything personal about a subscriber; returns how many rows of each table were changed or deleted.

    Deliveries stay, without the address and anything personal, so that totals stay true; events stay as kind and time.
    The SHA-256 of the address stays suppressed, so that no import adds the subscriber again. The caller holds the lock
    of the subscriber, and before that `audience_lock.lock_exclusive`.
    """
    hash_ = hash_of_key(person.key)
    counts = delete_subscriber(connection, person.id, now=now)
    counts["quarantine"] = quarantine.discard_naming(connection, {person.key, person.email})
    suppressions.forget_email(connection, hash_)
    suppressions.add(connection, [Target(hash=hash_)], SuppressionReason.ERASED, now=now)
    connection.execute(insert(tables.erasures).values(hash=hash_, at=now, requested_by=requested_by, counts=counts))
    return counts


def delete_subscriber(connection: Connection, subscriber_id: int, *, now: datetime) -> dict[str, int]:
    """Delete a subscriber without suppressing the address, such as one who never confirmed.

    The caller holds the lock of the subscriber, and before that `audience_lock.lock_exclusive`.
    """
    consents.allow_deletion(connection)
    values = {"person": subscriber_id, "now": now}
    return {name: connection.execute(text(statement), values).rowcount for name, statement in _STEPS.items()}


# Rows that refer to others are deleted first.
_STEPS = {
    "events": "UPDATE events SET subscriber_id = NULL, detail = '{}' WHERE subscriber_id = :person",
    "delivery_posts": """
        DELETE FROM delivery_posts p USING deliveries d WHERE d.id = p.delivery_id AND d.subscriber_id = :person
    """,
    "delivery_history": """
        UPDATE delivery_history h SET reply = '', reason = '' FROM deliveries d
        WHERE d.id = h.delivery_id AND d.subscriber_id = :person
    """,
    # Deliveries that wait cannot be sent any more; those in flight are settled by their worker, under its epoch.
    "deliveries": """
        UPDATE deliveries SET recipient = 'erased:' || id, fields = '{}', detail = '{}', reply = '',
               subscriber_id = NULL, updated_at = :now
        WHERE subscriber_id = :person
    """,
    # After the others: a delivery that has just become a past one is found here.
    "past_deliveries": "UPDATE past_deliveries SET subscriber_id = NULL WHERE subscriber_id = :person",
    # Of tests: those to the address, and those with the merge fields of the subscriber.
    "history_of_tests": """
        UPDATE delivery_history h SET reply = '', reason = ''
        FROM deliveries d, dispatches x, campaigns c, subscribers s
        WHERE d.id = h.delivery_id AND x.id = d.dispatch_id AND c.id = x.campaign_id AND c.purpose = 'test'
          AND s.id = :person AND (c.test_as = s.id OR lower(d.recipient) IN (s.key, lower(s.email)))
    """,
    "tests": """
        UPDATE deliveries d SET fields = '{}', detail = '{}', reply = '', updated_at = :now, recipient = CASE
                   WHEN lower(d.recipient) IN (s.key, lower(s.email)) THEN 'erased:' || d.id ELSE d.recipient END
        FROM dispatches x, campaigns c, subscribers s
        WHERE x.id = d.dispatch_id AND c.id = x.campaign_id AND c.purpose = 'test' AND s.id = :person
          AND (c.test_as = s.id OR lower(d.recipient) IN (s.key, lower(s.email)))
    """,
    "memberships": "DELETE FROM memberships WHERE subscriber_id = :person",
    "consents": "DELETE FROM consents WHERE subscriber_id = :person",
    "subscribers": "DELETE FROM subscribers WHERE id = :person",
}


def count_rows_with(connection: Connection, needles: Sequence[str]) -> dict[str, int]:
    """In how many rows of each table any text, JSON or array contains any of these strings, ignoring case.

    The proof of an erasure: it reads every table completely, whatever its columns mean.
    """
    found: dict[str, int] = {}
    for table in tables.metadata.sorted_tables:
        readable = [
            func.lower(cast(column, Text))
            for column in table.c
            if isinstance(column.type, Text | JSONB | ARRAY) or column.type.__class__.__name__ == "ARRAY"
        ]
        if not readable:
            continue
        holds = [column.contains(needle.lower(), autoescape=True) for column in readable for needle in needles]
        count: int = connection.execute(select(func.count()).select_from(table).where(or_(*holds))).scalar_one()
        if count:
            found[table.name] = count
    return found
