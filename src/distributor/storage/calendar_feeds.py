"""The private calendar feed of each user. Only the hash of its token is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.api_token import hash_of_secret
from distributor.storage import tables
from distributor.storage.database import Connection

# That it was read is recorded at most once in this time.
_READ_EVERY = timedelta(minutes=10)

_feeds = tables.calendar_feeds.c


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFeedRecord:
    """The feed of a user: since when it has its address, and when a calendar last read it."""

    user_id: int
    created_at: datetime
    last_read_at: datetime | None


def put(connection: Connection, user_id: int, token: str, *, now: datetime) -> None:
    """Give a user a feed with this token; the one before is gone."""
    values = {"hash": hash_of_secret(token), "created_at": now, "last_read_at": None}
    connection.execute(
        insert(tables.calendar_feeds)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )


def remove(connection: Connection, user_id: int) -> bool:
    """Take the feed of a user away; False if there was none."""
    return connection.execute(delete(tables.calendar_feeds).where(_feeds.user_id == user_id)).rowcount > 0


def of_user(connection: Connection, user_id: int) -> CalendarFeedRecord | None:
    """The feed of a user, if there is one."""
    row = connection.execute(select(tables.calendar_feeds).where(_feeds.user_id == user_id)).one_or_none()
    if row is None:
        return None
    return CalendarFeedRecord(user_id=row.user_id, created_at=row.created_at, last_read_at=row.last_read_at)


def reader_of(connection: Connection, token: str, *, now: datetime) -> int | None:
    """The user whose feed has this token, for which it is now being read; None if no feed has it."""
    user_id: int | None = connection.execute(
        select(_feeds.user_id).where(_feeds.hash == hash_of_secret(token))
    ).scalar_one_or_none()
    if user_id is not None:
        is_stale = or_(_feeds.last_read_at.is_(None), _feeds.last_read_at < now - _READ_EVERY)
        connection.execute(
            update(tables.calendar_feeds).where(_feeds.user_id == user_id, is_stale).values(last_read_at=now)
        )
    return user_id
