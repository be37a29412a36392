"""Users of the team's app, and the one-time links with which they choose a password, stored as hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from distributor.domain.address import parse_address
from distributor.domain.api_token import hash_of_secret
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.user import AccountLink, LinkPurpose, Role, User
from distributor.storage import tables
from distributor.storage.database import Connection

_users = tables.users.c
_links = tables.user_links.c


def add(connection: Connection, *, email: str, name: str, role: Role, now: datetime) -> User:
    """Insert a user without a password. Raises AddressError, and InputError if the address has an account already."""
    address = parse_address(email)
    row = connection.execute(
        insert_or(tables.users)
        .values(email=address.address, key=address.key, name=name, role=role, created_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(tables.users)
    ).one_or_none()
    if row is None:
        raise InputError(f"{address.address} has an account already")
    return _user(row)


def find(connection: Connection, email: str) -> User:
    """The user with this address, in any spelling. Raises AddressError and NotFoundError."""
    address = parse_address(email)
    row = connection.execute(select(tables.users).where(_users.key == address.key)).one_or_none()
    if row is None:
        raise NotFoundError("user", address.address, hint="`distributor user list` lists them")
    return _user(row)


def find_by_id(connection: Connection, user_id: int, *, lock: bool = False) -> User:
    """The user with this number, locked to the end of the transaction if asked for. Raises NotFoundError."""
    query = select(tables.users).where(_users.id == user_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFoundError("user", user_id)
    return _user(row)


def names_by_email(connection: Connection, emails: Sequence[str]) -> dict[str, str]:
    """The names of the users with these addresses, exactly as they are stored; those without a name are left out."""
    rows = connection.execute(select(_users.email, _users.name).where(_users.email.in_(emails), _users.name != ""))
    return {row.email: row.name for row in rows}


def all_users(connection: Connection) -> list[User]:
    """All users by role and address, disabled ones last."""
    rows = connection.execute(select(tables.users))
    order = list(Role)
    return sorted(map(_user, rows), key=lambda user: (user.disabled_at is not None, order.index(user.role), user.email))


def has_owner(connection: Connection) -> bool:
    return bool(connection.execute(select(exists().where(_users.role == Role.OWNER))).scalar_one())


def lock_owners(connection: Connection) -> list[User]:
    """All owners, locked to the end of the transaction, so that no two changes each leave the other's as the last."""
    rows = connection.execute(
        select(tables.users).where(_users.role == Role.OWNER).order_by(_users.id).with_for_update()
    )
    return [_user(row) for row in rows]


def lock_all(connection: Connection) -> None:
    """Wait for other transactions that hold this lock: only one of them makes the first owner."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('users', 0))"))


def password_hash(connection: Connection, user_id: int) -> str:
    """The hash of the user's password; empty if there is none yet."""
    found = connection.execute(select(_users.password_hash).where(_users.id == user_id)).scalar_one_or_none()
    return found or ""


def change(connection: Connection, user_id: int, changes: Mapping[str, object]) -> User:
    """Update these columns of a user. Raises NotFoundError."""
    row = connection.execute(
        update(tables.users).where(_users.id == user_id).values(**changes).returning(tables.users)
    ).one_or_none()
    if row is None:
        raise NotFoundError("user", user_id)
    return _user(row)


def add_link(
    connection: Connection,
    secret: str,
    *,
    user_id: int | None,
    purpose: LinkPurpose,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Insert a link; those of all users that have expired are deleted."""
    connection.execute(delete(tables.user_links).where(_links.expires_at < now))
    connection.execute(
        insert(tables.user_links).values(
            user_id=user_id, hash=hash_of_secret(secret), purpose=purpose, created_at=now, expires_at=expires_at
        )
    )


def find_link(connection: Connection, secret: str, *, lock: bool = False) -> AccountLink | None:
    """The link with this secret, used and expired ones too; None if there is none."""
    query = select(tables.user_links).where(_links.hash == hash_of_secret(secret))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    return AccountLink(
        id=row.id,
        user_id=row.user_id,
        purpose=LinkPurpose(row.purpose),
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def mark_link_used(connection: Connection, link_id: int, *, now: datetime) -> None:
    connection.execute(update(tables.user_links).where(_links.id == link_id).values(used_at=now))


def delete_links(connection: Connection, user_id: int) -> None:
    """Delete the links of a user, so that none of them works any more."""
    connection.execute(delete(tables.user_links).where(_links.user_id == user_id))


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        has_password=row.password_hash is not None,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        last_signed_in_at=row.last_signed_in_at,
    )
