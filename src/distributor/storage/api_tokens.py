"""API tokens. Only the hash of a secret is stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from distributor.domain.api_token import SCOPES, ApiToken, TokenScope, hash_of_secret
from distributor.domain.errors import NotFoundError, StateError
from distributor.storage import tables
from distributor.storage.database import Connection

# The use of a token is written once in this time, not on each request.
_NOTED_EVERY = timedelta(minutes=1)


def add(
    connection: Connection,
    secret: str,
    *,
    name: str,
    scopes: Iterable[TokenScope],
    expires_at: datetime | None,
    now: datetime,
) -> ApiToken:
    """Insert a token with the hash of its secret."""
    row = connection.execute(
        insert(tables.api_tokens)
        .values(
            name=name,
            hash=hash_of_secret(secret),
            scopes=sorted(scopes),
            created_at=now,
            expires_at=expires_at,
        )
        .returning(tables.api_tokens)
    ).one()
    return _token(row)


def find(connection: Connection, secret: str) -> ApiToken | None:
    """The token with this secret, valid or not; None if there is none."""
    row = connection.execute(
        select(tables.api_tokens).where(tables.api_tokens.c.hash == hash_of_secret(secret))
    ).one_or_none()
    return _token(row) if row else None


def expiring(connection: Connection, *, after: datetime, before: datetime) -> list[ApiToken]:
    """The valid tokens that expire between these times, the first one first."""
    token = tables.api_tokens.c
    rows = connection.execute(
        select(tables.api_tokens)
        .where(token.revoked_at.is_(None), token.expires_at > after, token.expires_at <= before)
        .order_by(token.expires_at)
    )
    return [_token(row) for row in rows]


def record_use(connection: Connection, token: ApiToken, *, now: datetime) -> None:
    """Record that a token was used, at most once a minute."""
    if token.last_used_at is not None and now - token.last_used_at < _NOTED_EVERY:
        return
    noted = tables.api_tokens.c
    connection.execute(
        update(tables.api_tokens)
        .where(noted.id == token.id, or_(noted.last_used_at.is_(None), noted.last_used_at <= now - _NOTED_EVERY))
        .values(last_used_at=now)
    )


def revoke(connection: Connection, token_id: int, *, now: datetime) -> ApiToken:
    """Revoke a token. Raises NotFoundError, and StateError if it was revoked before."""
    row = connection.execute(
        select(tables.api_tokens).where(tables.api_tokens.c.id == token_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError("token", token_id, hint="`distributor token list` lists them")
    if row.revoked_at is not None:
        raise StateError(f"token {token_id} was revoked on {row.revoked_at:%Y-%m-%d %H:%M} UTC")
    changed = connection.execute(
        update(tables.api_tokens)
        .where(tables.api_tokens.c.id == token_id)
        .values(revoked_at=now)
        .returning(tables.api_tokens)
    ).one()
    return _token(changed)


def listed(connection: Connection) -> list[ApiToken]:
    """All tokens by id, revoked ones too."""
    return [_token(row) for row in connection.execute(select(tables.api_tokens).order_by(tables.api_tokens.c.id))]


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        # A scope that this version does not know permits nothing.
        scopes=frozenset(SCOPES[scope] for scope in row.scopes if scope in SCOPES),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
