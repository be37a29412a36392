"""Lists, subscribers, suppression and audiences on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.embedded import Services
from distributor.storage import audiences
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Database
from tests.cli.conftest import Run
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def _a_list_with_people(run: Run) -> None:
    run("list", "create", "News", "--topic", "Lupus", "--visibility", "public", "--sender", "News <news@example.org>")
    for name in ("ada", "bo"):
        run("subscriber", "add", f"{name}@example.org", "--list", "news", "--name", name.title(), "--tag", "vip")
    run("article", "add", str(ROOT / "content" / "the_quiet_feed.md"))


def test_a_list_shows_its_settings_and_counts(run: Run) -> None:
    shown = json.loads(run("list", "show", "news", "--json").out)
    assert (shown["topics"], shown["visibility"], shown["opt_in"]) == (["lupus"], "public", "double")
    assert (shown["sender"], shown["subscribed"]) == ("News <news@example.org>", 2)
    assert run("list", "update", "news", "--no-topics", "--sender", "").code == 0
    assert json.loads(run("list", "show", "news", "--json").out)["topics"] == []


def test_a_list_with_people_cannot_be_removed_and_an_empty_one_can(run: Run) -> None:
    assert "people are or were on it" in run("list", "delete", "news").message
    run("list", "create", "Empty")
    assert run("list", "delete", "empty").code == 0


def test_a_person_is_changed_found_and_shown_with_their_consent(run: Run) -> None:
    assert run("subscriber", "update", "ada@example.org", "--attribute", "city=Graz", "--untag", "vip").code == 0
    found = json.loads(run("subscriber", "search", "gra", "--json").out)
    assert [one["email"] for one in found] == ["ada@example.org"]
    assert json.loads(run("subscriber", "show", "ada@example.org", "--json").out)["tags"] == []
    record = json.loads(run("subscriber", "consents", "ada@example.org", "--json").out)
    assert [(one["action"], one["method"]) for one in record] == [("granted", "person")]


def test_a_paused_or_suppressed_person_is_out_of_the_audience(run: Run) -> None:
    assert _audience(run) == (2, ["ada@example.org", "bo@example.org"])
    run("subscriber", "update", "ada@example.org", "--pause", "+30d")
    assert _audience(run) == (1, ["bo@example.org"])
    run("subscriber", "update", "ada@example.org", "--pause", "")
    assert run("suppression", "add", "BO@example.org", "--note", "asked on the phone").code == 0
    assert _audience(run) == (1, ["ada@example.org"])
    assert json.loads(run("suppression", "check", "bo@example.org", "--json").out)[0]["note"] == "asked on the phone"
    assert "1 suppressions" in run("suppression", "remove", "bo@example.org").message
    assert _audience(run)[0] == 2


def test_suppressions_are_imported_and_what_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "blocked.txt"
    file.write_text("# from the old system\nada@example.org\n\n@example.com\nnonsense\n")
    result = run("suppression", "import", str(file))
    assert result.code == 2
    assert "blocked.txt:5" in result.err
    assert "2 suppressed" in result.err
    assert [one["reason"] for one in json.loads(run("suppression", "list", "--json").out)] == ["imported", "imported"]


def test_two_records_of_one_person_become_one(run: Run) -> None:
    assert run("subscriber", "merge", "ada@example.org", "bo@example.org").code == 0
    assert _audience(run) == (1, ["ada@example.org"])


def test_the_data_of_a_person_is_reported_and_erased(run: Run, tmp_path: Path) -> None:
    assert run("subscriber", "data", "ada@example.org", "--out", str(tmp_path / "ada.json")).code == 0
    assert json.loads((tmp_path / "ada.json").read_text())["subscriber"]["name"] == "Ada"
    done = json.loads(run("subscriber", "erase", "ada@example.org", "--yes", "--json").out)
    assert done["counts"]["subscribers"] == 1
    assert done["traces"] == {}
    assert json.loads(run("subscriber", "find-data", "ada@example.org", "--json").out) == []
    assert run("subscriber", "show", "ada@example.org").code == 3


def test_an_audience_of_no_one_is_refused(run: Run) -> None:
    assert "name a list, a topic or a segment" in run("campaign", "audience").message


def _audience(run: Run) -> tuple[int, list[str]]:
    shown = json.loads(run("campaign", "audience", "--list", "news", "--article", "the-quiet-feed", "--json").out)
    return shown["count"], shown["sample"]


def test_a_person_is_taken_off_a_list_for_good_and_chooses_topics_through_the_team(run: Run) -> None:
    assert (
        "receives lupus of 'news'"
        in run("subscriber", "preferences", "ada@example.org", "--list", "news", "--topic", "Lupus").err
    )
    assert _audience(run) == (1, ["bo@example.org"])
    assert run("subscriber", "preferences", "ada@example.org", "--list", "news", "--every-article").code == 0
    assert run("subscriber", "unsubscribe", "bo@example.org", "--list", "news").code == 0
    run("subscriber", "add", "bo@example.org", "--list", "news")
    assert _audience(run) == (1, ["ada@example.org"])
    assert run("subscriber", "preferences", "bo@example.org", "--list", "news", "--every-article").code == 4


def test_whom_a_campaign_failed_can_be_counted_written_to_and_tried_again(run: Run, fresh_services: Services) -> None:
    assert run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1").code == 0
    create = ("campaign", "create", "--article", "the-quiet-feed", "--channel", "mail")
    assert run(*create, "--list", "news").code == 0
    database = Database(fresh_services.database_url)
    with database.begin() as connection:
        plan = AudiencePlan(lists=("news",))
        mailing = AudienceQuery(plan=plan, article_ids=(1,), tag_slugs=(), campaign_id=1)
        audiences.freeze(connection, 1, mailing, now=datetime.now(UTC))
        connection.execute(text("UPDATE deliveries SET state = 'failed' WHERE recipient = 'bo@example.org'"))
    database.close()

    listed = run(
        "campaign",
        "deliveries",
        "1",
        "--state",
        "failed",
        "--channel",
        "mail",
        "--recipient",
        "BO@example.org",
        "--json",
    )
    assert [one["recipient"] for one in json.loads(listed.out)] == ["bo@example.org"]
    assert "No such deliveries" in run("campaign", "deliveries", "1", "--recipient", "eve@example.org").out
    failed = ("campaign", "audience", "--article", "the-quiet-feed", "--to-failed-of", "1", "--json")
    assert json.loads(run(*failed).out) == {"count": 1, "sample": ["bo@example.org"]}
    counted = json.loads(run("campaign", "retry-failed", "1", "--dry-run", "--json").out)
    assert counted == {"failed": 1, "retried": 1, "not_selected": 0, "not_sendable": 0, "received_since": 0}
    given_up = run("campaign", "retry-failed", "1", "--failure", "temporary", "--reason", "mailboxfull")
    assert given_up.code == 4
    assert "none of the 1 failed deliveries of campaign 1 can be retried: 1 do not match" in given_up.message
    assert run(*create, "--to-failed-of", "1").code == 0
    assert "there is no campaign 9" in run(*create, "--to-failed-of", "9").message
    run("suppression", "add", "bo@example.org")
    result = run("campaign", "retry-failed", "1", "--dry-run").message
    assert result.startswith("0 of 1 failed deliveries would be retried")
    assert "1 go to recipients who may not receive it any more, or not now" in result
    assert json.loads(run(*failed).out)["count"] == 0


def test_a_suppression_that_cannot_be_read_stops_no_other(run: Run, tmp_path: Path) -> None:
    result = run("suppression", "add", "nonsense", "ada@example.org", "bo@")
    assert (result.code, "1 suppressed, 0 already were" in result.message) == (2, True)
    assert "'nonsense' is no address" in result.message
    assert _audience(run) == (1, ["bo@example.org"])

    result = run("suppression", "remove", "nonsense", "ada@example.org")
    assert (result.code, "1 suppressions are removed" in result.message) == (2, True)
    assert _audience(run)[0] == 2

    file = tmp_path / "latin1.txt"
    file.write_bytes(
        "\ufeffada@example.org\n".encode() + "Jürgen@example.org\n".encode("latin-1") + b"bo@example.org\n"
    )
    result = run("suppression", "import", str(file))
    assert (result.code, "2 suppressed, 0 already were, 1 lines could not be read" in result.message) == (2, True)
    assert "latin1.txt:2: " in result.err
