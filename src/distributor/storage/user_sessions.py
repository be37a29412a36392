"""Sessions of users. Only the hash of a session's token is stored; a session that has ended is deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from distributor.domain.api_token import hash_of_secret
from distributor.domain.user import SESSION_IDLE, SESSION_LIFETIME, UserSession
from distributor.storage import tables
from distributor.storage.database import Connection

# A request is recorded at most once in this time.
_SEEN_EVERY = timedelta(minutes=1)

_sessions = tables.user_sessions.c


def add(
    connection: Connection, token: str, *, user_id: int, ip_address: str, user_agent: str, now: datetime
) -> UserSession:
    """Insert a session. Expired sessions of all users are deleted with it."""
    connection.execute(delete(tables.user_sessions).where(~_is_valid(now)))
    row = connection.execute(
        insert(tables.user_sessions)
        .values(
            user_id=user_id,
            hash=hash_of_secret(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
            ip_address=ip_address,
            user_agent=user_agent,
        )
        .returning(tables.user_sessions)
    ).one()
    return _session(row)


def find(connection: Connection, token: str, *, now: datetime) -> UserSession | None:
    """The valid session with this token, or None."""
    row = connection.execute(
        select(tables.user_sessions).where(_sessions.hash == hash_of_secret(token), _is_valid(now))
    ).one_or_none()
    return _session(row) if row else None


def record_use(connection: Connection, session: UserSession, *, ip_address: str, now: datetime) -> None:
    """Record a request of a session, at most once a minute unless it comes from another address."""
    if now - session.last_seen_at < _SEEN_EVERY and ip_address == session.ip_address:
        return
    connection.execute(
        update(tables.user_sessions)
        .where(_sessions.id == session.id, _sessions.last_seen_at <= now)
        .values(last_seen_at=now, ip_address=ip_address)
    )


def of_user(connection: Connection, user_id: int, *, now: datetime) -> list[UserSession]:
    """The valid sessions of a user, the one that was used last first."""
    rows = connection.execute(
        select(tables.user_sessions)
        .where(_sessions.user_id == user_id, _is_valid(now))
        .order_by(_sessions.last_seen_at.desc(), _sessions.id.desc())
    )
    return [_session(row) for row in rows]


def end(connection: Connection, session_id: int, *, user_id: int) -> bool:
    """End one session of a user; False if the user has no such session."""
    ended = delete(tables.user_sessions).where(_sessions.id == session_id, _sessions.user_id == user_id)
    return connection.execute(ended).rowcount > 0


def end_all(connection: Connection, user_id: int, *, besides: int | None = None) -> int:
    """End the sessions of a user, except the one with the number `besides`; returns how many there were."""
    ended = delete(tables.user_sessions).where(_sessions.user_id == user_id, _sessions.id.is_distinct_from(besides))
    return connection.execute(ended).rowcount


def _is_valid(now: datetime) -> ColumnElement[bool]:
    return and_(_sessions.expires_at > now, _sessions.last_seen_at > now - SESSION_IDLE)


def _session(row: Row[Any]) -> UserSession:
    return UserSession(
        id=row.id,
        user_id=row.user_id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
    )
