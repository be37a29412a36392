"""A token of the API is a secret that cannot be guessed, and opens only what it was made for."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from distributor.domain.api_token import (
    ApiToken,
    TokenScope,
    checked_name,
    hash_of_secret,
    parse_scopes,
    secret_of,
)
from distributor.domain.errors import InputError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def token(**changes: Any) -> ApiToken:
    facts: dict[str, Any] = {
        "id": 1,
        "name": "shop",
        "scopes": frozenset({TokenScope.LISTS_READ}),
        "created_at": NOW,
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
    }
    return ApiToken(**{**facts, **changes})


def test_a_secret_tells_what_it_is_and_holds_all_of_its_chance():
    secret = secret_of(bytes(range(224, 256)))
    assert secret == "dst_4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8"
    assert hash_of_secret(secret) == hashlib.sha256(secret.encode()).digest()


def test_too_little_chance_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="32 random bytes"):
        secret_of(b"short")


def test_it_opens_what_it_was_made_for_and_nothing_else():
    assert token().allows(TokenScope.LISTS_READ)
    assert not token().allows(TokenScope.LISTS_WRITE)
    assert not token().allows(TokenScope.EVERYTHING)
    assert all(token(scopes=frozenset({TokenScope.EVERYTHING})).allows(scope) for scope in TokenScope)


def test_it_ends_at_its_moment_or_when_it_is_revoked():
    assert token().is_valid(NOW)
    assert token(expires_at=NOW + timedelta(seconds=1)).is_valid(NOW)
    assert not token(expires_at=NOW).is_valid(NOW)
    assert not token(revoked_at=NOW).is_valid(NOW)


@pytest.mark.parametrize("given", [[], ["lists:raed"], ["lists:read", ""]])
def test_scopes_that_do_not_exist_are_named_with_those_that_do(given: list[str]):
    with pytest.raises(InputError, match=r"there are subscribers:read, .*\*"):
        parse_scopes(given)


def test_scopes_are_a_set():
    assert parse_scopes(["lists:read", " lists:read ", "*"]) == {TokenScope.LISTS_READ, TokenScope.EVERYTHING}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * 101, "\ud800"])
def test_a_name_is_one_line_for_people(name: str):
    with pytest.raises(InputError, match="1 to 100 characters"):
        checked_name(name)
