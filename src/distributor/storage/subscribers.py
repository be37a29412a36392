"""Subscribers, one row per email address."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, false, func, select, text, update
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from distributor.domain.errors import NotFoundError
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, Person, Subscriber, SubscriberStatus
from distributor.storage import tables
from distributor.storage.database import Connection

# How many ids a search scans before it uses the indexes.
_NEAR = 5_000


def upsert(connection: Connection, people: Sequence[Person], *, now: datetime) -> dict[str, int]:
    """Insert subscribers, or update those who are known with the values given; returns their ids by key.

    The rows stay locked until the transaction ends.
    Attributes and tags are added to the existing ones; none is removed.
    """
    batch = sorted({person.key: person for person in people}.values(), key=lambda person: person.key)
    if not batch:
        return {}
    rows = connection.execute(
        text("""
            INSERT INTO subscribers AS known
                (key, email, name, language, zone, attributes, tags, created_at, updated_at)
            SELECT key, email, name, language, zone, CAST(attributes AS jsonb),
                   ARRAY(SELECT jsonb_array_elements_text(CAST(tags AS jsonb))), :now, :now
            FROM unnest(
                CAST(:keys AS text[]), CAST(:emails AS text[]), CAST(:names AS text[]), CAST(:languages AS text[]),
                CAST(:zones AS text[]), CAST(:attributes AS text[]), CAST(:tags AS text[])
            ) AS given(key, email, name, language, zone, attributes, tags)
            ON CONFLICT (key) DO UPDATE SET
                name = COALESCE(NULLIF(excluded.name, ''), known.name),
                language = COALESCE(NULLIF(excluded.language, ''), known.language),
                zone = COALESCE(NULLIF(excluded.zone, ''), known.zone),
                attributes = known.attributes || excluded.attributes,
                tags = known.tags || ARRAY(SELECT t FROM unnest(excluded.tags) t WHERE t <> ALL (known.tags)),
                updated_at = excluded.updated_at
            RETURNING id, key
        """),
        {
            "keys": [person.key for person in batch],
            "emails": [person.email for person in batch],
            "names": [person.name for person in batch],
            "languages": [person.language for person in batch],
            "zones": [person.zone for person in batch],
            "attributes": [json.dumps(dict(person.attributes)) for person in batch],
            "tags": [json.dumps(list(dict.fromkeys(person.tags))) for person in batch],
            "now": now,
        },
    )
    return {row.key: row.id for row in rows}


def find(connection: Connection, key: str) -> Subscriber:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.subscribers).where(tables.subscribers.c.key == key)).one_or_none()
    if row is None:
        raise NotFoundError("subscriber", key)
    return subscriber_of(row)


def find_by_id(connection: Connection, subscriber_id: int) -> Subscriber:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.subscribers).where(tables.subscribers.c.id == subscriber_id)).one_or_none()
    if row is None:
        raise NotFoundError("subscriber", subscriber_id)
    return subscriber_of(row)


def lock(connection: Connection, subscriber_id: int) -> Subscriber | None:
    """The subscriber, locked until the transaction ends; None if there is none with this id any more."""
    row = connection.execute(
        select(tables.subscribers).where(tables.subscribers.c.id == subscriber_id).with_for_update()
    ).one_or_none()
    return subscriber_of(row) if row else None


def lock_all(connection: Connection, subscriber_ids: Collection[int]) -> set[int]:
    """Lock several subscribers until the transaction ends, in the order of `upsert`; returns those that exist."""
    if not subscriber_ids:
        return set()
    person = tables.subscribers.c
    query = select(person.id).where(person.id.in_(subscriber_ids)).order_by(person.key).with_for_update()
    return set(connection.execute(query).scalars())


def change(connection: Connection, subscriber_id: int, changes: Mapping[str, Any], *, now: datetime) -> Subscriber:
    """Update columns of a subscriber by their names. Raises NotFoundError."""
    connection.execute(
        update(tables.subscribers)
        .where(tables.subscribers.c.id == subscriber_id)
        .values(**{name: _stored(value) for name, value in changes.items()}, updated_at=now)
    )
    return find_by_id(connection, subscriber_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to search for: each of the `words` begins a word of the address, name or attributes; empty finds all.

    They have all `attributes` and the tag `tag`; with a list, they are in `state` on it.
    """

    words: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    tag: str | None = None
    status: SubscriberStatus | None = None
    list_id: int | None = None
    state: Membership = Membership.SUBSCRIBED


def search(connection: Connection, wanted: Search, *, limit: int, after_id: int = 0) -> list[Subscriber]:
    """The first matching subscribers by ascending id.

    Frequent matches are found among the next few thousand rows; rare ones quickly by the indexes. The planner alone
    confuses the two cases and reads the whole table.
    """
    person = tables.subscribers.c
    onward = select(tables.subscribers).where(person.id > after_id).order_by(person.id)
    conditions = _conditions(wanted, person)
    if not conditions:
        return [subscriber_of(row) for row in connection.execute(onward.limit(limit))]
    # OFFSET keeps the planner from reading these rows in any other way than one by one.
    near = onward.where(person.id <= after_id + _NEAR).offset(0).subquery()
    found = connection.execute(select(near).where(*_conditions(wanted, near.c)).limit(limit)).all()
    if len(found) < limit:
        matching = select(tables.subscribers).where(*conditions).cte("matching").prefix_with("MATERIALIZED")
        rows = select(matching).where(matching.c.id > after_id).order_by(matching.c.id).limit(limit)
        found = connection.execute(rows).all()
    return [subscriber_of(row) for row in found]


def _conditions(wanted: Search, person: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [_begins(word, person) for word in wanted.words.split()]
    if wanted.attributes:
        conditions.append(person.attributes.contains(dict(wanted.attributes)))
    if wanted.tag is not None:
        conditions.append(person.tags.contains([wanted.tag]))
    if wanted.status is not None:
        conditions.append(person.status == wanted.status)
    if wanted.list_id is not None:
        membership = tables.memberships.c
        conditions.append(
            exists().where(
                membership.subscriber_id == person.id,
                membership.list_id == wanted.list_id,
                membership.state == wanted.state,
            )
        )
    return conditions


def _begins(word: str, person: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Each part of a word begins a word of the subscriber; the parts of an address are separated by punctuation."""
    lexemes = _lexemes(word.casefold())
    if not lexemes:
        return false()
    query = func.to_tsquery("simple", " & ".join(f"'{lexeme}':*" for lexeme in lexemes))
    matches: ColumnElement[bool] = person.search_vector.op("@@", is_comparison=True)(query)
    return matches


def _lexemes(word: str) -> list[str]:
    # Quoted text in a query is one word; a quote or a backslash in it would end it.
    for character in "@.+-_'\\&|!():*<>":
        word = word.replace(character, " ")
    return word.split()


def _stored(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def subscriber_of(row: Row[Any]) -> Subscriber:
    """The subscriber in a row of the table."""
    return Subscriber(
        id=row.id,
        key=row.key,
        email=row.email,
        name=row.name,
        language=row.language,
        zone=row.zone,
        attributes=row.attributes,
        tags=tuple(row.tags),
        status=SubscriberStatus(row.status),
        paused_until=row.paused_until,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
