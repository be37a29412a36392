"""Memberships of lists. Every change stores a record of consent in the same transaction, with the subscriber locked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.consent import ConsentAction, ConsentEvidence
from distributor.domain.subscriber import MailingList, Membership, Person, Subscriber, Subscription
from distributor.storage import consents, lists, subscribers, tables, tags
from distributor.storage.database import Connection
from distributor.storage.lists import list_of


def subscribe(
    connection: Connection, list_id: int, people: Iterable[Person], evidence: ConsentEvidence, *, now: datetime
) -> int:
    """Subscribe people to a list by a consent that is valid by itself; returns how many were not on it before.

    Those who unsubscribed from the list stay unsubscribed, and those who were erased are not added again: only they
    themselves can sign up again. Pending memberships become subscribed.
    """
    lists.lock(connection, list_id)
    kept = _without_erased(connection, people)
    numbers = subscribers.upsert(connection, kept, now=now)
    if not numbers:
        return 0
    return connection.execute(
        text("""
            WITH fresh AS (
                SELECT id FROM unnest(CAST(:ids AS bigint[])) AS given(id)
                WHERE NOT EXISTS (
                    SELECT 1 FROM memberships m
                    WHERE m.list_id = :list_id AND m.subscriber_id = given.id AND m.state <> 'pending')
            ), granted AS (
                INSERT INTO consents (subscriber_id, list_id, action, method, at, text_id, ip_address, detail)
                SELECT id, :list_id, 'granted', :method, :now, :text_id, :ip_address, CAST(:detail AS jsonb) FROM fresh
                RETURNING id, subscriber_id
            )
            INSERT INTO memberships (list_id, subscriber_id, state, consent_id, state_changed_at)
            SELECT :list_id, subscriber_id, 'subscribed', id, :now FROM granted
            ON CONFLICT (list_id, subscriber_id) DO UPDATE SET
                state = 'subscribed', consent_id = excluded.consent_id, state_changed_at = excluded.state_changed_at
        """),
        {
            "ids": sorted(numbers.values()),
            "list_id": list_id,
            "method": evidence.method,
            "now": now,
            "text_id": consents.add_text(connection, evidence.text),
            "ip_address": evidence.ip_address,
            "detail": json.dumps(dict(evidence.detail)),
        },
    ).rowcount


def request(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    evidence: ConsentEvidence,
    *,
    topics: Sequence[str] | None = None,
    now: datetime,
) -> bool:
    """A sign-up that has yet to be confirmed; False if the subscriber is on the list already.

    A subscriber who unsubscribed may sign up again. The caller holds the lock of the subscriber.
    """
    lists.lock(connection, list_id)
    state = state_of(connection, subscriber_id, list_id)
    if state is Membership.SUBSCRIBED:
        return False
    consents.record(connection, subscriber_id, list_id, ConsentAction.REQUESTED, evidence, now=now)
    _put(
        connection,
        subscriber_id,
        list_id,
        state=Membership.PENDING,
        topics=_current_topics(connection, topics),
        consent_id=None,
        state_changed_at=now,
    )
    return True


def confirm(
    connection: Connection, subscriber_id: int, evidence: ConsentEvidence, *, since: datetime, now: datetime
) -> list[MailingList]:
    """Confirm the pending memberships of a subscriber since `since`; returns the lists. The caller holds the lock."""
    membership = tables.memberships.c
    waiting = connection.execute(
        select(tables.lists)
        .join(tables.memberships, membership.list_id == tables.lists.c.id)
        .where(
            membership.subscriber_id == subscriber_id,
            membership.state == Membership.PENDING,
            membership.state_changed_at >= since,
        )
        .order_by(tables.lists.c.name)
    ).all()
    confirmed = [list_of(row) for row in waiting]
    for one in confirmed:
        number = consents.record(connection, subscriber_id, one.id, ConsentAction.CONFIRMED, evidence, now=now)
        _set(connection, subscriber_id, one.id, state=Membership.SUBSCRIBED, consent_id=number, state_changed_at=now)
    return confirmed


def grant(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    evidence: ConsentEvidence,
    *,
    topics: Sequence[str] | None = None,
    now: datetime,
) -> bool:
    """Subscribe an identified subscriber, also after an unsubscribe; False if subscribed already.

    The caller holds the lock of the subscriber.
    """
    lists.lock(connection, list_id)
    if state_of(connection, subscriber_id, list_id) is Membership.SUBSCRIBED:
        return False
    number = consents.record(connection, subscriber_id, list_id, ConsentAction.GRANTED, evidence, now=now)
    _put(
        connection,
        subscriber_id,
        list_id,
        state=Membership.SUBSCRIBED,
        topics=_current_topics(connection, topics),
        consent_id=number,
        state_changed_at=now,
    )
    return True


def unsubscribe(
    connection: Connection, subscriber_id: int, list_id: int, evidence: ConsentEvidence, *, now: datetime
) -> bool:
    """Unsubscribe from a list; False if they were not on it. The caller holds the lock of the subscriber."""
    if state_of(connection, subscriber_id, list_id) not in {Membership.SUBSCRIBED, Membership.PENDING}:
        return False
    consents.record(connection, subscriber_id, list_id, ConsentAction.WITHDRAWN, evidence, now=now)
    _set(connection, subscriber_id, list_id, state=Membership.UNSUBSCRIBED, consent_id=None, state_changed_at=now)
    return True


def set_topics(connection: Connection, subscriber_id: int, list_id: int, topics: Sequence[str] | None) -> None:
    """Set the topics of a membership, or None for every article."""
    _set(connection, subscriber_id, list_id, topics=_current_topics(connection, topics))


def unconfirmed(connection: Connection, *, before: datetime, after_id: int, limit: int) -> list[int]:
    """Ids of subscribers above `after_id`, in order, with a membership pending since before `before`."""
    return list(
        connection.execute(
            text("""
                SELECT DISTINCT m.subscriber_id FROM memberships m
                WHERE m.state = 'pending' AND m.state_changed_at < :before AND m.subscriber_id > :after_id
                ORDER BY m.subscriber_id LIMIT :limit
            """),
            {"before": before, "after_id": after_id, "limit": limit},
        ).scalars()
    )


def delete_unconfirmed(connection: Connection, subscriber_id: int, *, before: datetime) -> bool:
    """Delete a subscriber's memberships pending since before `before`; whether none is left. Locks the subscriber."""
    if subscribers.lock(connection, subscriber_id) is None:
        return False
    place = tables.memberships.c
    is_theirs = place.subscriber_id == subscriber_id
    connection.execute(
        delete(tables.memberships).where(is_theirs, place.state == Membership.PENDING, place.state_changed_at < before)
    )
    return connection.execute(select(place.list_id).where(is_theirs)).first() is None


def state_of(connection: Connection, subscriber_id: int, list_id: int) -> Membership | None:
    """The state of a membership; None if there never was one."""
    membership = tables.memberships.c
    state = connection.execute(
        select(membership.state).where(membership.subscriber_id == subscriber_id, membership.list_id == list_id)
    ).scalar_one_or_none()
    return Membership(state) if state else None


def of_subscriber(connection: Connection, subscriber_id: int) -> list[Subscription]:
    """The memberships of a subscriber, by slug of the list."""
    rows = connection.execute(
        select(
            tables.lists,
            tables.memberships.c.state,
            tables.memberships.c.topics.label("chosen"),
            tables.memberships.c.state_changed_at,
        )
        .join(tables.memberships, tables.memberships.c.list_id == tables.lists.c.id)
        .where(tables.memberships.c.subscriber_id == subscriber_id)
        .order_by(tables.lists.c.slug)
    )
    return [_subscription(row) for row in rows]


def members(
    connection: Connection, list_id: int, *, limit: int, after_id: int = 0
) -> list[tuple[Subscriber, Membership]]:
    """Present and former members of a list by subscriber id, from after `after_id`."""
    rows = connection.execute(
        select(tables.subscribers, tables.memberships.c.state)
        .join(tables.memberships, tables.memberships.c.subscriber_id == tables.subscribers.c.id)
        .where(tables.memberships.c.list_id == list_id, tables.subscribers.c.id > after_id)
        .order_by(tables.subscribers.c.id)
        .limit(limit)
    )
    return [(subscribers.subscriber_of(row), Membership(row.state)) for row in rows]


def _without_erased(connection: Connection, people: Iterable[Person]) -> list[Person]:
    given = list(people)
    erased = set(
        connection.execute(
            text("""
                SELECT key FROM unnest(CAST(:keys AS text[])) AS given(key)
                JOIN suppressions e ON e.hash = sha256(CAST(key AS bytea)) AND e.reason = 'erased'
            """),
            {"keys": [person.key for person in given]},
        ).scalars()
    )
    return [person for person in given if person.key not in erased]


def _current_topics(connection: Connection, topics: Sequence[str] | None) -> list[str] | None:
    return None if topics is None else tags.current_slugs(connection, topics)


def _put(connection: Connection, subscriber_id: int, list_id: int, **values: Any) -> None:
    """Insert a membership, or update the one that exists."""
    connection.execute(
        insert(tables.memberships)
        .values(list_id=list_id, subscriber_id=subscriber_id, **values)
        .on_conflict_do_update(index_elements=["list_id", "subscriber_id"], set_=values)
    )


def _set(connection: Connection, subscriber_id: int, list_id: int, **values: Any) -> None:
    membership = tables.memberships.c
    connection.execute(
        update(tables.memberships)
        .where(membership.subscriber_id == subscriber_id, membership.list_id == list_id)
        .values(**values)
    )


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        list=list_of(row),
        state=Membership(row.state),
        topics=tuple(row.chosen) if row.chosen is not None else None,
        state_changed_at=row.state_changed_at,
    )
