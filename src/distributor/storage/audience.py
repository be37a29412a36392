"""Lists, subscribers and who is on what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import NotFoundError
from distributor.domain.subscriber import List, Membership, Subscriber
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody to be put on a list: `key` is unique, `address` is what mail is sent to."""

    key: str
    address: str
    name: str = ""
    language: str = ""


def add_list(connection: Connection, *, slug: str, name: str) -> List:
    """A list with this slug; one that exists keeps its name."""
    connection.execute(insert(tables.lists).values(slug=slug, name=name).on_conflict_do_nothing())
    return find_list(connection, slug)


def find_list(connection: Connection, slug: str) -> List:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.lists).where(tables.lists.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFoundError("list", slug, hint="`distributor list list` shows the ones there are")
    return _list(row)


def all_lists(connection: Connection) -> list[tuple[List, int]]:
    """Every list by its slug, and how many people are on it now."""
    rows = connection.execute(select(tables.lists).order_by(tables.lists.c.slug)).all()
    return [(_list(row), count_subscribed(connection, row.id)) for row in rows]


def count_subscribed(connection: Connection, list_id: int) -> int:
    """How many people are on a list now."""
    count: int = connection.execute(
        select(func.count()).where(
            tables.memberships.c.list_id == list_id, tables.memberships.c.state == Membership.SUBSCRIBED
        )
    ).scalar_one()
    return count


def subscribe(connection: Connection, list_id: int, people: Iterable[Person], *, now: datetime) -> int:
    """Put people on a list and return how many were not on it before.

    Somebody who left the list stays away: coming back is that person's own decision.
    """
    batch = {person.key: person for person in people}
    if not batch:
        return 0
    columns = list(batch.values())
    return connection.execute(
        text("""
            WITH given AS (
                SELECT * FROM unnest(
                    CAST(:keys AS text[]), CAST(:addresses AS text[]),
                    CAST(:names AS text[]), CAST(:languages AS text[])
                ) AS person(key, address, name, language)
            ), written AS (
                INSERT INTO subscribers (key, address, name, language, created_at)
                SELECT key, address, name, language, :now FROM given
                ON CONFLICT (key) DO UPDATE SET
                    name = CASE WHEN excluded.name = '' THEN subscribers.name ELSE excluded.name END,
                    language = CASE WHEN excluded.language = '' THEN subscribers.language ELSE excluded.language END
                RETURNING id
            )
            INSERT INTO memberships (list_id, subscriber_id, state, changed_at)
            SELECT :list_id, id, :subscribed, :now FROM written
            ON CONFLICT DO NOTHING
        """),
        {
            "keys": [person.key for person in columns],
            "addresses": [person.address for person in columns],
            "names": [person.name for person in columns],
            "languages": [person.language for person in columns],
            "list_id": list_id,
            "subscribed": Membership.SUBSCRIBED,
            "now": now,
        },
    ).rowcount


def unsubscribe(connection: Connection, delivery_id: int, *, now: datetime) -> bool:
    """Take the recipient of this delivery off the list it was sent to. False if that had happened before."""
    membership = tables.memberships
    target = (
        select(tables.campaigns.c.list_id, tables.deliveries.c.subscriber_id)
        .join(tables.dispatches, tables.dispatches.c.id == tables.deliveries.c.dispatch_id)
        .join(tables.campaigns, tables.campaigns.c.id == tables.dispatches.c.campaign_id)
        .where(tables.deliveries.c.id == delivery_id)
        .subquery()
    )
    changed = connection.execute(
        update(membership)
        .where(
            membership.c.list_id == target.c.list_id,
            membership.c.subscriber_id == target.c.subscriber_id,
            membership.c.state != Membership.UNSUBSCRIBED,
        )
        .values(state=Membership.UNSUBSCRIBED, changed_at=now)
    )
    return changed.rowcount > 0


def list_of_delivery(connection: Connection, delivery_id: int) -> tuple[List, Membership] | None:
    """The list a delivery was sent to, and whether its recipient is still on it."""
    row = connection.execute(
        select(tables.lists, tables.memberships.c.state)
        .select_from(tables.deliveries)
        .join(tables.dispatches, tables.dispatches.c.id == tables.deliveries.c.dispatch_id)
        .join(tables.campaigns, tables.campaigns.c.id == tables.dispatches.c.campaign_id)
        .join(tables.lists, tables.lists.c.id == tables.campaigns.c.list_id)
        .join(
            tables.memberships,
            (tables.memberships.c.list_id == tables.lists.c.id)
            & (tables.memberships.c.subscriber_id == tables.deliveries.c.subscriber_id),
        )
        .where(tables.deliveries.c.id == delivery_id)
    ).one_or_none()
    return (_list(row), Membership(row.state)) if row else None


def find_subscriber(connection: Connection, key: str) -> Subscriber:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.subscribers).where(tables.subscribers.c.key == key)).one_or_none()
    if row is None:
        raise NotFoundError("subscriber", key)
    return _subscriber(row)


def members(
    connection: Connection, list_id: int, *, limit: int, after_id: int = 0
) -> list[tuple[Subscriber, Membership]]:
    """People who are or were on a list, by ascending number, from after `after_id`."""
    rows = connection.execute(
        select(tables.subscribers, tables.memberships.c.state)
        .join(tables.memberships, tables.memberships.c.subscriber_id == tables.subscribers.c.id)
        .where(tables.memberships.c.list_id == list_id, tables.subscribers.c.id > after_id)
        .order_by(tables.subscribers.c.id)
        .limit(limit)
    )
    return [(_subscriber(row), Membership(row.state)) for row in rows]


def memberships_of(connection: Connection, subscriber_id: int) -> list[tuple[str, Membership, datetime]]:
    """The lists a person is or was on: slug, state, since when."""
    rows = connection.execute(
        select(tables.lists.c.slug, tables.memberships.c.state, tables.memberships.c.changed_at)
        .join(tables.memberships, tables.memberships.c.list_id == tables.lists.c.id)
        .where(tables.memberships.c.subscriber_id == subscriber_id)
        .order_by(tables.lists.c.slug)
    )
    return [(row.slug, Membership(row.state), row.changed_at) for row in rows]


def _list(row: Row[tuple[object, ...]]) -> List:
    return List(id=row.id, slug=row.slug, name=row.name)


def _subscriber(row: Row[tuple[object, ...]]) -> Subscriber:
    return Subscriber(
        id=row.id, key=row.key, address=row.address, name=row.name, language=row.language, created_at=row.created_at
    )
