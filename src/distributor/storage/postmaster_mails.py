"""Mails to postmaster@ a bounce domain (RFC 5321 section 4.5.1), kept for an operator to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, delete, func, insert, select

from distributor.domain.errors import NotFoundError
from distributor.storage import tables
from distributor.storage.database import Connection

# Anyone may write to postmaster: only the newest are kept, and the beginning of each.
_MAX_MAILS = 500
_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmasterMail:
    """One mail as it was received; `raw` is its beginning."""

    id: int
    received_at: datetime
    raw: bytes


def keep(connection: Connection, raw: bytes, *, now: datetime) -> None:
    """Store a mail; beyond so many the oldest are deleted."""
    mail = tables.postmaster_mails.c
    connection.execute(insert(tables.postmaster_mails).values(received_at=now, raw=raw[:_MAX_BYTES]))
    oldest = select(mail.id).order_by(mail.id.desc()).offset(_MAX_MAILS).limit(1).scalar_subquery()
    connection.execute(delete(tables.postmaster_mails).where(mail.id <= oldest))


def listed(connection: Connection) -> list[PostmasterMail]:
    """All mails, the newest first."""
    query = select(tables.postmaster_mails).order_by(tables.postmaster_mails.c.id.desc())
    return [_mail(row) for row in connection.execute(query)]


def count(connection: Connection) -> int:
    """How many mails there are."""
    total: int = connection.execute(select(func.count()).select_from(tables.postmaster_mails)).scalar_one()
    return total


def find(connection: Connection, mail_id: int) -> PostmasterMail:
    """Raises NotFoundError."""
    row = connection.execute(
        select(tables.postmaster_mails).where(tables.postmaster_mails.c.id == mail_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("mail to postmaster", mail_id, hint="`distributor bounce postmaster list` lists them")
    return _mail(row)


def remove(connection: Connection, mail_id: int) -> None:
    """Delete a mail. Raises NotFoundError."""
    found = find(connection, mail_id)
    connection.execute(delete(tables.postmaster_mails).where(tables.postmaster_mails.c.id == found.id))


def delete_before(connection: Connection, before: datetime) -> int:
    """Delete the mails that were received before that time; returns how many."""
    return connection.execute(
        delete(tables.postmaster_mails).where(tables.postmaster_mails.c.received_at < before)
    ).rowcount


def _mail(row: Row[tuple[object, ...]]) -> PostmasterMail:
    return PostmasterMail(id=row.id, received_at=row.received_at, raw=bytes(row.raw))
