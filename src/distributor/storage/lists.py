"""Mailing lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.subscriber import ListVisibility, MailingList, Membership, OptIn
from distributor.storage import audience_lock, tables, tags
from distributor.storage.database import Connection


def add(
    connection: Connection,
    *,
    slug: str,
    name: str,
    description: str = "",
    visibility: ListVisibility = ListVisibility.PRIVATE,
    opt_in: OptIn = OptIn.DOUBLE,
    sender: str = "",
    footer: str = "",
    topics: tuple[str, ...] = (),
) -> MailingList:
    """Insert a list; one that exists under this slug stays as it is."""
    connection.execute(
        insert(tables.lists)
        .values(
            slug=slug,
            name=name,
            description=description,
            visibility=visibility,
            opt_in=opt_in,
            sender=sender,
            footer=footer,
            topics=tags.current_slugs(connection, topics),
        )
        .on_conflict_do_nothing()
    )
    return find(connection, slug)


def change(connection: Connection, slug: str, changes: Mapping[str, Any]) -> MailingList:
    """Update columns of a list by their names; its slug never changes. Raises NotFoundError."""
    found = find(connection, slug)
    if "topics" in changes:
        changes = {**changes, "topics": tags.current_slugs(connection, changes["topics"])}
    if changes:
        connection.execute(update(tables.lists).where(tables.lists.c.id == found.id).values(**changes))
    return find(connection, slug)


def remove(connection: Connection, slug: str) -> None:
    """Delete a list that never had a member and that no mail was sent for. Raises NotFoundError, StateError."""
    audience_lock.lock_exclusive(connection)
    found = find(connection, slug)
    # Waits for a transaction that is adding a member, which the queries below then see.
    connection.execute(select(tables.lists.c.id).where(tables.lists.c.id == found.id).with_for_update())
    for table, reason in (
        (tables.memberships, "people are or were on it"),
        (tables.consents, "it has records of consent"),
        (tables.deliveries, "mail was sent on its behalf"),
        (tables.past_deliveries, "mail was sent on its behalf"),
    ):
        if connection.execute(select(table.c.list_id).where(table.c.list_id == found.id).limit(1)).first():
            raise StateError(f"list {slug!r} cannot be removed, {reason}; make it private instead")
    connection.execute(tables.lists.delete().where(tables.lists.c.id == found.id))


def lock(connection: Connection, list_id: int) -> None:
    """Until the transaction ends the list is not deleted. Raises NotFoundError if it has been."""
    held = connection.execute(
        select(tables.lists.c.id).where(tables.lists.c.id == list_id).with_for_update(read=True, key_share=True)
    ).first()
    if held is None:
        raise NotFoundError("list", list_id)


def find(connection: Connection, slug: str) -> MailingList:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.lists).where(tables.lists.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFoundError("list", slug, hint="`distributor list list` lists them")
    return list_of(row)


def find_by_id(connection: Connection, list_id: int) -> MailingList:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.lists).where(tables.lists.c.id == list_id)).one_or_none()
    if row is None:
        raise NotFoundError("list", list_id)
    return list_of(row)


def listed(connection: Connection) -> list[MailingList]:
    """All lists by slug."""
    return [list_of(row) for row in connection.execute(select(tables.lists).order_by(tables.lists.c.slug))]


def public(connection: Connection) -> list[MailingList]:
    """The public lists, by name."""
    rows = connection.execute(
        select(tables.lists).where(tables.lists.c.visibility == ListVisibility.PUBLIC).order_by(tables.lists.c.name)
    )
    return [list_of(row) for row in rows]


def counts(connection: Connection, list_id: int) -> dict[Membership, int]:
    """How many subscribers are in each state on a list now."""
    rows = connection.execute(
        select(tables.memberships.c.state, func.count().label("people"))
        .where(tables.memberships.c.list_id == list_id)
        .group_by(tables.memberships.c.state)
    )
    found = {Membership(row.state): row.people for row in rows}
    return {state: found.get(state, 0) for state in Membership}


def sizes(connection: Connection) -> dict[int, int]:
    """How many subscribers are subscribed to each list now, by its id; a list without any is left out."""
    membership = tables.memberships.c
    rows = connection.execute(
        select(membership.list_id, func.count().label("people"))
        .where(membership.state == Membership.SUBSCRIBED)
        .group_by(membership.list_id)
    )
    return {row.list_id: row.people for row in rows}


def list_of(row: Row[Any]) -> MailingList:
    """The list in a row of the table."""
    return MailingList(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=row.description,
        visibility=ListVisibility(row.visibility),
        opt_in=OptIn(row.opt_in),
        sender=row.sender,
        footer=row.footer,
        topics=tuple(row.topics),
    )
