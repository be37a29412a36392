"""What became of deliveries, what was said about campaigns and what needs a person, on the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.cli.console import ACTOR
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import delivery_queries
from tests.cli.conftest import Run
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted", answers={"ada@example.org": "unknown_user", "bo@example.org": "begun"})
    return made


@pytest.fixture
def sent(harness: CampaignHarness) -> int:
    """A campaign: ada's mailbox does not exist, of bo's mail it is not known, cy's was sent."""
    return harness.plan_and_run("mail")


def delivery_to(harness: CampaignHarness, campaign_id: int, name: str) -> int:
    with harness.app.database.begin() as connection:
        (found,) = delivery_queries.of_campaign(connection, campaign_id, recipient=f"{name}@example.org", limit=2)
    return found.id


def test_one_delivery_shows_its_life_and_one_is_retried(run: Run, harness: CampaignHarness, sent: int) -> None:
    ada = delivery_to(harness, sent, "ada")
    assert run("suppression", "remove", "ada@example.org").code == 0
    assert run("campaign", "retry-failed", str(sent), "--delivery", str(ada)).code == 0
    shown = json.loads(run("campaign", "delivery", str(ada), "--json").out)
    assert (shown["recipient"], shown["state"]) == ("ada@example.org", "pending")
    assert [one["kind"] for one in shown["moments"]] == ["planned", "attempt", "event", "by_hand"]
    assert (shown["moments"][1]["what"], shown["moments"][-1]["by"]) == ("failed", ACTOR)
    assert "by_hand" in run("campaign", "delivery", str(ada), COLUMNS="80").out
    assert run("campaign", "delivery", "999").code == 3


def test_the_deliveries_are_written_to_a_file(run: Run, sent: int, tmp_path: Path) -> None:
    file = tmp_path / "deliveries.csv"
    assert run("campaign", "export-deliveries", str(sent), "--out", str(file)).code == 0
    found = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [row["state"] for row in found] == ["failed", "unknown", "sent"]
    assert run("campaign", "export-deliveries", str(sent), "--state", "unknown", "--out", str(file)).code == 0
    (row,) = csv.DictReader(io.StringIO(file.read_text()))
    assert row["recipient"] == "bo@example.org"
    assert run("campaign", "export-deliveries", "999").code == 3


def test_campaigns_are_listed_by_state(run: Run, harness: CampaignHarness, sent: int) -> None:
    draft = harness.draft("mail", after=timedelta(days=2))
    for state, numbers in {"draft": [draft], "finished": [sent], "paused": []}.items():
        listed = json.loads(run("campaign", "list", "--state", state, "--json").out)
        assert [one["id"] for one in listed] == numbers
    assert run("campaign", "list", "--state", "paused").out == "No such campaigns.\n"


def test_a_comment_is_kept_and_an_approval_is_asked_for(run: Run, harness: CampaignHarness) -> None:
    draft = str(harness.draft("mail", after=timedelta(days=2)))
    operator = Actor(name="cli:test")
    accounts.create_user(harness.app, email="dora@gazette.example", name="", role=Role.APPROVER, actor=operator)
    assert run("campaign", "comment", draft, "The date is wrong.").code == 0
    refused = run("campaign", "comment", draft, "Please look.", "--ask", "--tell", "dora@gazette.example")
    assert refused.code == 3, "she has not accepted her invitation"
    assert "choose one" in run("campaign", "comment", draft, "x", "--ask", "--send-back").message
    (shown,) = json.loads(run("campaign", "comments", draft, "--json").out)
    assert (shown["by"], shown["kind"], shown["text"]) == (ACTOR, "comment", "The date is wrong.")


def test_test_groups_are_made_changed_and_removed(run: Run) -> None:
    assert run("test-group", "create", "Editors", "me@gazette.example", "you@gazette.example").code == 0
    assert run("test-group", "change", "1", "Desk", "me@gazette.example").code == 0
    (shown,) = json.loads(run("test-group", "list", "--json").out)
    assert (shown["name"], shown["addresses"], shown["changed_by"]) == ("Desk", ["me@gazette.example"], ACTOR)
    assert run("test-group", "create", "DESK", "me@gazette.example").code == 2
    assert run("test-group", "remove", "1").code == 0
    assert json.loads(run("test-group", "list", "--json").out) == []


def test_what_needs_a_person_is_listed(run: Run, sent: int) -> None:
    shown = json.loads(run("attention", "--json").out)
    about = {(one["concern"], one["campaign_id"]) for one in shown["items"]}
    assert {("unknown", sent), ("failed", sent)} <= about
    assert "of 3 failed" in " ".join(run("attention", COLUMNS="80").out.split())
