"""Users on the command line: links are printed once, and rules hold as in the app."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Run


def create(run: Run, email: str = "ada@example.org", role: str = "owner") -> Any:
    return json.loads(run("user", "create", email, "--role", role, "--json").out)


def test_a_user_is_created_with_a_link_that_only_standard_output_has(run: Run) -> None:
    result = run("user", "create", "ada@example.org", "--role", "owner", "--name", "Ada")
    assert result.code == 0
    link = result.out.strip()
    assert link.startswith("http://127.0.0.1:8000/app/set-up/")
    assert link not in result.err
    shown = json.loads(run("user", "show", "ADA@example.org", "--json").out)
    assert (shown["name"], shown["role"], shown["state"], shown["sessions"]) == ("Ada", "owner", "invited", 0)
    assert link not in run("user", "list").out + run("user", "audit-log", "--json").out


def test_a_user_is_changed_disabled_and_enabled_and_the_log_says_by_whom(run: Run) -> None:
    create(run)
    create(run, "eve@example.org", "viewer")
    assert run("user", "set-role", "eve@example.org", "editor").code == 0
    assert run("user", "disable", "eve@example.org").code == 0
    assert run("user", "reset-link", "eve@example.org").code == 4
    assert run("user", "enable", "eve@example.org").code == 0
    first, second = (run("user", "reset-link", "eve@example.org").out for _ in range(2))
    assert first != second
    assert run("user", "end-sessions", "eve@example.org").message == "0 sessions ended"
    assert run("user", "sessions", "eve@example.org").out.strip() == "Signed in nowhere."
    log = json.loads(run("user", "audit-log", "--json").out)
    assert [one["action"] for one in log[:4]] == ["sessions ended", "link created", "link created", "user enabled"]
    assert all(one["actor"].startswith("cli:") for one in log)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["create", "nobody", "--role", "owner"], 2, "is not an email address"),
        (["create", "ada@example.org", "--role", "owner"], 2, "has an account already"),
        (["create", "eve@example.org", "--role", "king"], 2, "there are owner, admin"),
        (["create", "eve@example.org", "--role", "viewer", "--mail"], 5, "there is no email channel"),
        (["show", "eve@example.org"], 3, "distributor user list"),
        (["set-role", "ada@example.org", "viewer"], 4, "last owner"),
        (["disable", "ada@example.org"], 4, "last owner"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(run: Run, arguments: list[str], code: int, words: str) -> None:
    create(run)
    result = run("user", *arguments)
    assert result.code == code
    assert words in result.message
    (only,) = json.loads(run("user", "list", "--json").out)
    assert (only["role"], only["state"]) == ("owner", "invited")
