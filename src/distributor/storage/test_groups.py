"""Test groups: addresses that tests of campaigns are sent to, under one name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.test_group import TestGroup
from distributor.storage import tables
from distributor.storage.database import Connection

_groups = tables.test_groups.c


def add(connection: Connection, name: str, addresses: Sequence[str], *, actor: str, now: datetime) -> TestGroup:
    """Insert a group. Raises InputError if there is one of this name."""
    row = connection.execute(
        insert(tables.test_groups)
        .values(name=name, key=name.casefold(), addresses=list(addresses), changed_by=actor, changed_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(tables.test_groups)
    ).one_or_none()
    if row is None:
        raise InputError(f"there is a test group called {name} already; choose another name, or change that group")
    return _group(row)


def change(
    connection: Connection,
    group_id: int,
    name: str,
    addresses: Sequence[str],
    *,
    version: int,
    actor: str,
    now: datetime,
) -> TestGroup:
    """Replace a group.

    Raises NotFoundError, StateError if it has another version, and InputError for a name that is taken.
    """
    found = find(connection, group_id, lock=True)
    if found.version != version:
        raise StateError(f"the test group {found.name} was changed meanwhile by {found.changed_by}; look at it again")
    taken = connection.execute(select(_groups.id).where(_groups.key == name.casefold(), _groups.id != group_id))
    if taken.first() is not None:
        raise InputError(f"there is a test group called {name} already; choose another name, or change that group")
    row = connection.execute(
        update(tables.test_groups)
        .where(_groups.id == group_id)
        .values(
            name=name,
            key=name.casefold(),
            addresses=list(addresses),
            version=version + 1,
            changed_by=actor,
            changed_at=now,
        )
        .returning(tables.test_groups)
    ).one()
    return _group(row)


def remove(connection: Connection, group_id: int) -> None:
    """Delete a group, if it is still there."""
    connection.execute(delete(tables.test_groups).where(_groups.id == group_id))


def find(connection: Connection, group_id: int, *, lock: bool = False) -> TestGroup:
    """Raises NotFoundError."""
    query = select(tables.test_groups).where(_groups.id == group_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFoundError("test group", group_id)
    return _group(row)


def all_groups(connection: Connection) -> list[TestGroup]:
    """All groups by name. There are few: each is written by hand."""
    return [_group(row) for row in connection.execute(select(tables.test_groups).order_by(_groups.key))]


def _group(row: Row[Any]) -> TestGroup:
    return TestGroup(
        id=row.id,
        name=row.name,
        addresses=tuple(row.addresses),
        version=row.version,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
