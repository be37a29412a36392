"""API tokens in the database: only the hash, use recorded once a minute, revocation for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.errors import NotFoundError, StateError
from distributor.flow.app_context import AppContext
from distributor.storage import api_tokens

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "dst_secret-of-a-test"


def make(app: AppContext) -> ApiToken:
    with app.database.begin() as connection:
        return api_tokens.add(
            connection,
            SECRET,
            name="shop",
            scopes={TokenScope.LISTS_READ, TokenScope.EVERYTHING},
            expires_at=None,
            now=NOW,
        )


def use(app: AppContext, *, now: datetime) -> ApiToken:
    with app.database.begin() as connection:
        found = api_tokens.find(connection, SECRET)
        assert found is not None
        api_tokens.record_use(connection, found, now=now)
    with app.database.begin() as connection:
        again = api_tokens.find(connection, SECRET)
    assert again is not None
    return again


def test_a_token_is_found_by_its_secret_and_by_nothing_else(app: AppContext):
    made = make(app)
    with app.database.begin() as connection:
        assert api_tokens.find(connection, SECRET) == made
        assert api_tokens.find(connection, SECRET + "x") is None


def test_the_secret_is_nowhere_in_the_database(app: AppContext):
    make(app)
    address = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        (row,) = connection.execute("SELECT t::text FROM api_tokens t").fetchall()
    assert SECRET not in row[0]
    assert SECRET.encode().hex() not in row[0]


def test_its_use_is_recorded_at_most_once_a_minute(app: AppContext):
    make(app)
    assert use(app, now=NOW).last_used_at == NOW
    assert use(app, now=NOW + timedelta(seconds=59)).last_used_at == NOW
    assert use(app, now=NOW + timedelta(seconds=60)).last_used_at == NOW + timedelta(seconds=60)


def test_it_is_revoked_once(app: AppContext):
    made = make(app)
    with app.database.begin() as connection:
        assert not api_tokens.revoke(connection, made.id, now=NOW).is_valid(NOW)
    with app.database.begin() as connection, pytest.raises(StateError, match="2026-11-22 12:00 UTC"):
        api_tokens.revoke(connection, made.id, now=NOW + timedelta(days=1))
    with app.database.begin() as connection:
        assert [token.revoked_at for token in api_tokens.listed(connection)] == [NOW]


def test_a_token_that_is_not_there_cannot_be_revoked(app: AppContext):
    with app.database.begin() as connection, pytest.raises(NotFoundError, match="token 7"):
        api_tokens.revoke(connection, 7, now=NOW)
