"""The life of a campaign on the command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distributor.cli.console import ACTOR
from tests.cli.conftest import Run

CREATE = ("campaign", "create", "--article", "a-first-article", "--channel", "feeds", "--no-links")


@pytest.fixture
def ready(run: Run, article: Path) -> Run:
    """An article and a channel that needs no audience."""
    run("article", "add", str(article))
    run("channel", "set", "feeds", "--kind", "feed")
    return run


def shown(run: Run, number: int = 1) -> Any:
    return json.loads(run("campaign", "show", str(number), "--json").out)


def test_without_a_time_a_campaign_is_a_draft_that_was_reviewed(ready: Run) -> None:
    result = ready(*CREATE)
    assert result.code == 0
    assert "campaign 1 is a draft; `distributor campaign schedule 1 --at TIME` schedules it" in result.message
    assert (shown(ready)["state"], shown(ready)["dispatches"][0]["scheduled_at"]) == ("reviewed", None)


def test_what_is_to_be_sent_at_once_needs_a_terminal_or_a_yes(ready: Run) -> None:
    refused = ready(*CREATE, "--now")
    assert (refused.code, "add --yes" in refused.message) == (2, True)
    assert json.loads(ready("campaign", "list", "--json").out) == []

    result = ready(*CREATE, "--now", "--yes")
    assert result.code == 0
    assert "Publishes “A first article”" in result.message
    assert "`distributor campaign undo 1` makes it a draft again" in result.message
    assert "campaign 1 is a draft again" in ready("campaign", "undo", "1").message
    assert shown(ready)["state"] == "reviewed"
    assert ready("campaign", "undo", "1").code == 4


def test_what_blocks_a_channel_leaves_a_draft_until_the_channel_is_left_out(ready: Run) -> None:
    keys = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    ready("channel", "set", "x", "--kind", "x", *(f"--set={key}=k" for key in keys))
    blocked = (*CREATE, "--channel", "x", "--text", "x=X allows one of $AAA and $BBB", "--at", "+1d")
    result = ready(*blocked)
    assert result.code == 4
    assert "campaign 1 stays a draft" in result.message
    assert "blocker: x: " in result.message
    assert ready("campaign", "schedule", "1", "--without", "x", "--no-links").code == 0
    assert [one["channel"] for one in shown(ready)["dispatches"]] == ["feeds"]
    assert shown(ready)["state"] == "scheduled"

    as_json = ready(*blocked, "--json")
    assert (as_json.code, json.loads(as_json.out)["review"]["blockers"] > 0) == (4, True)


def test_a_campaign_is_edited_rescheduled_duplicated_and_has_a_history(ready: Run) -> None:
    ready("channel", "set", "other", "--kind", "feed")
    ready(*CREATE, "--at", "2099-03-01 09:00", "--zone", "Europe/Berlin")
    assert "campaign 1 is scheduled" in ready("campaign", "edit", "1", "--name", "Spring", "--channel", "other").message
    assert "campaign 1 is scheduled" in ready("campaign", "reschedule", "1", "--at", "2099-03-02T09:00Z").message
    (dispatch,) = shown(ready)["dispatches"]
    assert (shown(ready)["name"], dispatch["channel"]) == ("Spring", "other")
    assert dispatch["scheduled_at"] == "2099-03-02T10:00:00+01:00"
    assert "campaign 2 is a draft" in ready("campaign", "duplicate", "1").message
    history = json.loads(ready("campaign", "history", "1", "--json").out)
    assert [one["action"] for one in history] == [
        *("created", "reviewed", "reviewed", "scheduled", "edited", "reviewed", "scheduled"),
        *("rescheduled", "reviewed", "scheduled", "duplicated"),
    ]
    assert {one["by"] for one in history} == {ACTOR}


def test_words_are_edited_one_by_one_and_an_empty_value_clears(run: Run, article: Path, tmp_path: Path) -> None:
    run("article", "add", str(article))
    run("list", "create", "Readers")
    run("subscriber", "add", "ada@example.org", "--list", "readers")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    create = ("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--list", "readers")
    assert run(*create, "--no-links", "--subject", "One", "--greeting", "Hello", "--subject", "mail=Own").code == 0

    def mail() -> tuple[str, str]:
        run("campaign", "preview", "1", "--out", str(tmp_path / "look"))
        text = (tmp_path / "look" / "mail" / "email.eml").read_text(errors="replace")
        subject = next(line for line in text.splitlines() if line.startswith("Subject: "))
        return subject.removeprefix("Subject: "), (tmp_path / "look" / "mail" / "email.txt").read_text()[:5]

    assert mail() == ("Own", "Hello")
    run("campaign", "edit", "1", "--subject", "mail=")
    assert mail() == ("One", "Hello")
    run("campaign", "edit", "1", "--subject", "Two", "--greeting", "")
    subject, start = mail()
    assert (subject, start != "Hello") == ("Two", True)


def test_a_campaign_that_needs_approval_says_so_and_is_scheduled_after_it(ready: Run) -> None:
    result = ready(*CREATE, "--at", "+1d", "--needs-approval")
    assert result.code == 0
    assert "`distributor campaign approve 1` approves it, then `distributor campaign schedule 1` schedules" in (
        result.message
    )
    assert ready("campaign", "schedule", "1", "--no-links").code == 4
    assert "campaign 1 is approved" in ready("campaign", "approve", "1", "--no-links").message
    assert ready("campaign", "schedule", "1", "--no-links").code == 0
    assert shown(ready)["state"] == "scheduled"


@pytest.mark.parametrize(("answer", "state"), [("y", "scheduled"), ("n", "reviewed")])
def test_at_a_terminal_it_asks_before_it_sends(
    ready: Run, environment: dict[str, str], answer: str, state: str
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    program = Path(sys.executable).parent / "distributor"
    done = subprocess.run(
        [program, *CREATE, "--now"], env=environment, stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert "Send it? [y/N]" in done.stderr
    assert "Publishes “A first article”" in done.stderr
    assert (shown(ready)["state"], done.returncode) == (state, 0 if answer == "y" else 1)
