"""API tokens on the command line: shown once, listed without their secret, revoked permanently."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run


def test_a_token_is_shown_once_and_never_again(run: Run) -> None:
    result = run("token", "create", "shop", "--scope", "lists:read", "--scope", "subscribers:write", "--expires", "90d")
    secret = result.out.strip()
    assert result.code == 0
    assert secret.startswith("dst_")
    assert len(secret) == 47
    assert secret not in result.err
    listed = run("token", "list", "--json")
    assert secret not in listed.out + run("token", "list").out
    (token,) = json.loads(listed.out)
    assert (token["name"], token["state"]) == ("shop", "valid")
    assert token["scopes"] == ["lists:read", "subscribers:write"]
    assert token["last_used_at"] is None


def test_two_tokens_have_two_secrets(run: Run) -> None:
    one, two = (json.loads(run("token", "create", "a", "--scope", "*", "--json").out) for _ in range(2))
    assert one["token"] != two["token"]
    assert one["id"] != two["id"]


def test_a_revoked_token_stays_in_the_list(run: Run) -> None:
    made = json.loads(run("token", "create", "shop", "--scope", "*", "--json").out)
    assert run("token", "revoke", str(made["id"])).code == 0
    assert json.loads(run("token", "list", "--json").out)[0]["state"] == "revoked"
    assert run("token", "revoke", str(made["id"])).code == 4
    assert run("token", "revoke", "99").code == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shop"], "at least one scope"),
        (["shop", "--scope", "lists:everything"], "no scope 'lists:everything'"),
        (["", "--scope", "*"], "needs a name"),
        (["shop", "--scope", "*", "--expires", "soon"], "'soon'"),
        (["shop", "--scope", "*", "--expires", "now"], "not in the future"),
        (["shop", "--scope", "*", "--expires", "2020-01-01T00:00Z"], "in the past"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(run: Run, arguments: list[str], words: str) -> None:
    result = run("token", "create", *arguments)
    assert result.code == 2
    assert words in result.message
    assert json.loads(run("token", "list", "--json").out) == []
