"""`campaign test` on the command line: it waits for the outcome and says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distributor.cli.campaign import test as command
from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.service import Sandbox
from tests.cli.conftest import Run

ME = "me@team.example"


@pytest.fixture
def draft(run: Run, article: Path, sandbox: Sandbox) -> str:
    """The number of a draft for a mail channel into the sandbox."""
    for arguments in (
        ("article", "add", str(article)),
        ("list", "create", "Readers"),
        ("channel", "set", "news", "--kind", "email", "--set", f"smtp_url=smtp://127.0.0.1:{sandbox.smtp_port}"),
    ):
        assert run(*arguments).code == 0
    created = run(
        *("campaign", "create", "--article", "a-first-article", "--list", "readers", "--channel", "news", "--json")
    )
    return str(json.loads(created.out)["id"])


@pytest.mark.usefixtures("worker")
def test_it_waits_until_the_test_has_arrived(run: Run, draft: str) -> None:
    result = run("campaign", "test", draft, "--to", ME)
    assert result.code == 0
    assert next(line.split() for line in result.out.splitlines() if ME in line)[:2] == [ME, "sent"]
    tests = json.loads(run("campaign", "list", "--purpose", "test", "--json").out)
    assert [(one["name"], one["sent"]) for one in tests] == [(f"Test of campaign {draft}: A first article", 1)]
    assert [str(one["id"]) for one in json.loads(run("campaign", "list", "--json").out)] == [draft]


@pytest.mark.usefixtures("worker")
def test_what_did_not_arrive_ends_with_status_4_and_the_reply(run: Run, draft: str, sandbox: Sandbox) -> None:
    fault = InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, code=550, times=1)
    sandbox.state.switches.set("smtp", fault)
    result = run("campaign", "test", draft, "--to", ME, "--json")
    assert result.code == 4
    (one,) = json.loads(result.out)["deliveries"]
    assert (one["recipient"], one["state"]) == (ME, "failed")
    assert "no such user" in one["reply"]


def test_without_a_worker_it_says_so_instead_of_waiting_for_ever(
    run: Run, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PATIENCE_SECONDS", 0)
    result = run("campaign", "test", draft, "--to", ME)
    assert result.code == 4
    assert "not sent yet; is a worker running?" in result.message


def test_a_request_that_does_not_fit_ends_with_status_2(run: Run, draft: str) -> None:
    result = run("campaign", "test", draft)
    assert (result.code, result.message) == (2, "distributor: name at least one address that the test goes to")
