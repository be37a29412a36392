"""The suppression list. It is checked twice: when an audience is frozen and when a delivery is claimed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, text

from distributor.domain.errors import NotFoundError
from distributor.domain.suppression import Suppression, SuppressionReason, Target, hash_of_key
from distributor.storage import events, tables
from distributor.storage.database import Connection


def add(
    connection: Connection, targets: Iterable[Target], reason: SuppressionReason, *, note: str = "", now: datetime
) -> int:
    """Suppress mailboxes and domains for a reason; returns how many were not suppressed for it before."""
    given = list(targets)
    if not given:
        return 0
    return connection.execute(
        text("""
            INSERT INTO suppressions (hash, domain, email, reason, note, at)
            SELECT DISTINCT ON (hash, domain) hash, domain, email, :reason, :note, :now
            FROM unnest(CAST(:hashes AS bytea[]), CAST(:domains AS text[]), CAST(:emails AS text[]))
                 AS target(hash, domain, email)
            ORDER BY hash, domain
            ON CONFLICT DO NOTHING
        """),
        {
            "hashes": [target.hash for target in given],
            "domains": [target.domain for target in given],
            "emails": [target.email for target in given],
            "reason": reason,
            "note": note,
            "now": now,
        },
    ).rowcount


def lift(
    connection: Connection, target: Target, *, reasons: Collection[SuppressionReason] = tuple(SuppressionReason)
) -> int:
    """Delete the entries of exactly this mailbox or domain, if given only for some reasons; returns how many."""
    rows = connection.execute(
        delete(tables.suppressions)
        .where(_is(target), tables.suppressions.c.reason.in_(list(reasons)))
        .returning(tables.suppressions.c.hash, tables.suppressions.c.reason)
    ).all()
    _reset_soft_bounces(connection, [row.hash for row in rows if row.reason == SuppressionReason.SOFT_BOUNCES])
    return len(rows)


def withdraw(connection: Connection, target: Target, reason: SuppressionReason) -> bool:
    """Delete an entry that should not have been made; unlike `lift`, the other soft bounces still count."""
    return bool(
        connection.execute(
            delete(tables.suppressions).where(_is(target), tables.suppressions.c.reason == reason)
        ).rowcount
    )


def remove(connection: Connection, suppression_id: int) -> None:
    """Delete one entry. Raises NotFoundError."""
    gone = connection.execute(
        delete(tables.suppressions)
        .where(tables.suppressions.c.id == suppression_id)
        .returning(tables.suppressions.c.hash, tables.suppressions.c.reason)
    ).all()
    _reset_soft_bounces(connection, [row.hash for row in gone if row.reason == SuppressionReason.SOFT_BOUNCES])
    if not gone:
        raise NotFoundError("suppression", suppression_id, hint="`distributor suppression list` lists them")


def matching(connection: Connection, target: Target, *, domain: str | None = None) -> list[Suppression]:
    """The entries of this mailbox or domain, oldest first; `domain` is that of the mailbox."""
    is_concerned = _is(target)
    if domain is not None:
        is_concerned = or_(is_concerned, tables.suppressions.c.domain == domain)
    rows = connection.execute(select(tables.suppressions).where(is_concerned).order_by(tables.suppressions.c.id))
    return [_suppression(row) for row in rows]


def of_key(connection: Connection, key: str) -> list[Suppression]:
    """The entries of the mailbox with this key, for itself or for its domain, oldest first."""
    return matching(connection, Target(hash=hash_of_key(key)), domain=key.rpartition("@")[2])


def listed(
    connection: Connection, *, reason: SuppressionReason | None = None, limit: int, after_id: int = 0
) -> list[Suppression]:
    """Entries by id, if given only of one reason."""
    query = (
        select(tables.suppressions)
        .where(tables.suppressions.c.id > after_id)
        .order_by(tables.suppressions.c.id)
        .limit(limit)
    )
    if reason is not None:
        query = query.where(tables.suppressions.c.reason == reason)
    return [_suppression(row) for row in connection.execute(query)]


def is_suppressed() -> ColumnElement[bool]:
    """A condition on subscribers: their address or domain is suppressed."""
    entry, person = tables.suppressions.c, tables.subscribers.c
    return or_(exists().where(entry.hash == person.hash), exists().where(entry.domain == person.domain))


def is_not_suppressed() -> ColumnElement[bool]:
    """The opposite. Written out: PostgreSQL joins over NOT EXISTS, but not over NOT (EXISTS … OR EXISTS …)."""
    entry, person = tables.suppressions.c, tables.subscribers.c
    return and_(~exists().where(entry.hash == person.hash), ~exists().where(entry.domain == person.domain))


def forget_email(connection: Connection, hash_: bytes) -> None:
    """Delete address and note of the entries of a mailbox; its hash stays suppressed."""
    connection.execute(text("UPDATE suppressions SET email = NULL, note = '' WHERE hash = :hash"), {"hash": hash_})


def _reset_soft_bounces(connection: Connection, hashes: Iterable[bytes | None]) -> None:
    """Soft bounces that led to a suppression must not lead to the next one as soon as it is lifted."""
    for hash_ in hashes:
        if hash_ is not None:
            events.reset_soft_bounces(connection, hash_)


def _is(target: Target) -> ColumnElement[bool]:
    entry = tables.suppressions.c
    return entry.hash == target.hash if target.hash is not None else entry.domain == target.domain


def _suppression(row: Row[tuple[object, ...]]) -> Suppression:
    return Suppression(
        id=row.id,
        target=Target(hash=row.hash, domain=row.domain, email=row.email),
        reason=SuppressionReason(row.reason),
        note=row.note,
        at=row.at,
    )
