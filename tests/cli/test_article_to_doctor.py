"""Commands do what their help says, with tables for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor import bootstrap
from distributor.channels.api import DiagnosticContext
from distributor.channels.email.channel import EmailChannel
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.flow.app_context import AppContext
from tests.cli.conftest import ARTICLE, Run


def test_an_article_is_added_listed_shown_and_revised(run: Run, article: Path) -> None:
    assert json.loads(run("article", "add", str(article), "--json").out)["change"] == "added"
    assert json.loads(run("article", "add", str(article), "--json").out)["change"] == "unchanged"
    article.write_text(ARTICLE.replace("some words", "other words"))
    assert json.loads(run("article", "add", str(article), "--json").out)["change"] == "revised"
    (listed,) = json.loads(run("article", "list", "--json").out)
    assert (listed["slug"], listed["revision"]) == ("a-first-article", 2)
    shown = json.loads(run("article", "show", "a-first-article", "--json").out)
    assert shown["text"] == "A paragraph with other words."


def test_a_scan_takes_what_is_good_and_names_what_is_not(run: Run, article: Path, tmp_path: Path) -> None:
    article.rename(tmp_path / "content" / "good.md")
    (tmp_path / "content" / "bad.md").write_text("---\ntitle: Fine\ndate: soon\n---\n\nText.\n")
    result = run("article", "scan", "--json")
    shown = json.loads(result.out)
    assert shown["added"] == ["good"]
    (reason,) = shown["broken"]
    assert reason.startswith("bad.md:3: ")
    assert "date" in reason
    assert result.code == 2
    assert "bad.md:3" in run("article", "list").message


def test_people_are_added_and_shown(run: Run) -> None:
    assert run("list", "create", "Weekly letter").code == 0
    assert run("subscriber", "add", "Ada@Example.org", "--list", "weekly-letter", "--name", "Ada").code == 0
    assert json.loads(run("list", "list", "--json").out)[0]["subscribed"] == 1
    assert json.loads(run("subscriber", "show", "ada@example.org", "--json").out)["email"] == "Ada@example.org"


def test_a_channel_keeps_its_secrets_to_itself(run: Run) -> None:
    result = run(
        "channel",
        "set",
        "masto",
        "--kind",
        "mastodon",
        "--set",
        "instance_url=https://a.example",
        "--set",
        "access_token=@TOKEN",
        TOKEN="very-secret",
    )
    assert result.code == 0
    shown = run("channel", "show", "masto", "--json")
    assert json.loads(shown.out)["secrets_set"] == ["access_token"]
    assert "very-secret" not in shown.out + run("channel", "list").out + result.err


def test_the_mails_that_ask_for_a_confirmation_are_listed_apart_from_campaigns(run: Run) -> None:
    assert "distributor campaign create" in run("campaign", "list").out
    assert "No confirmation mails yet" in run("campaign", "list", "--purpose", "confirmation").out


def test_a_campaign_is_planned_paused_resumed_and_cancelled(run: Run, run_process: Run, article: Path) -> None:
    run("article", "add", str(article))
    run("list", "create", "Readers")
    run("subscriber", "add", "ada@example.org", "--list", "readers")
    run("channel", "set", "feeds", "--kind", "feed")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    result = run(
        *("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--channel", "feeds"),
        *(
            "--list",
            "readers",
            "--at",
            "2099-03-01 09:00",
            "--zone",
            "Europe/Berlin",
            "--channel-at",
            "feeds=+2h",
            "--json",
        ),
    )
    shown = json.loads(result.out)
    times = {one["channel"]: one["scheduled_at"] for one in shown["dispatches"]}
    assert times == {"mail": "2099-03-01T09:00:00+01:00", "feeds": "2099-03-01T11:00:00+01:00"}
    for command in (("campaign", "list"), ("campaign", "show", "1")):
        # In this process the width of tables may be that of an earlier test.
        table = run_process(*command).out
        assert "2099-03-01 09:00:00 Europe/Berlin (UTC+01:00)" in table
    assert run("campaign", "pause", "1").code == 0
    assert json.loads(run("campaign", "show", "1", "--json").out)["state"] == "paused"
    assert run("campaign", "resume", "1").code == 0
    assert run("campaign", "cancel", "1").code == 0
    assert json.loads(run("campaign", "list", "--json").out)[0]["state"] == "cancelled"
    assert run("campaign", "resume", "1").code == 4


def test_how_an_ambiguous_time_or_zone_was_read_is_said(run: Run, article: Path) -> None:
    run("article", "add", str(article))
    run("channel", "set", "feeds", "--kind", "feed")
    create = ("campaign", "create", "--article", "a-first-article", "--channel", "feeds")
    twice = run(*create, "--at", "2099-10-25 02:30", "--zone", "Europe/Berlin").message
    assert "2099-10-25T02:30+02:00 and 2099-10-25T02:30+01:00; the first one is taken" in twice
    assert "feeds: 2099-10-25 02:30:00 Europe/Berlin (UTC+02:00)" in twice
    assert "there is no 02:30" in run(*create, "--at", "2099-03-29 02:30", "--zone", "Europe/Berlin").message
    notes = json.loads(run(*create, "--at", "2099-03-01 09:00", "--zone", "Etc/GMT+10", "--json").out)["notes"]
    assert "Etc/GMT+10 is UTC-10:00" in notes[0]
    ahead = json.loads(run(*create, "--at", "2099-03-01 09:00", "--zone", "GMT+10", "--json").out)
    assert ahead["dispatches"][0]["scheduled_at"] == "2099-03-01T09:00:00+10:00"
    assert (ahead["dispatches"][0]["zone"], ahead["notes"]) == ("UTC+10:00", [])


def test_a_channel_gets_the_words_that_name_it(run: Run, article: Path, tmp_path: Path) -> None:
    run("article", "add", str(article))
    run("list", "create", "Readers")
    run("subscriber", "add", "ada@example.org", "--list", "readers")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    keys = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    run("channel", "set", "x", "--kind", "x", *(f"--set={key}=k" for key in keys))
    create: tuple[str, ...] = ("campaign", "create", "--article", "a-first-article", "--channel", "mail")
    create += ("--channel", "x")
    create += ("--list", "readers")
    words = ("--subject", "1+1=2", "--subject", "mail=For readers", "--text", "x=In short", "--cut-after", "mail=1")
    assert run(*create, *words).code == 0
    run("campaign", "preview", "1", "--out", str(tmp_path / "look"))
    assert b"Subject: For readers" in (tmp_path / "look" / "mail" / "email.eml").read_bytes()
    assert "In short" in (tmp_path / "look" / "x" / "x.json").read_text()
    assert "--subject is there twice for mail" in run(*create, *words, "--subject", "mail=Again").message
    assert "channel x does not use subject" in run(*create, "--subject", "x=No").message
    assert "--cut-after 'two': write a number" in run(*create, "--cut-after", "two").message


def test_rendering_needs_no_server_and_writes_every_file(run: Run, article: Path, tmp_path: Path) -> None:
    result = run(
        "render", str(article), "--out", str(tmp_path / "out"), DISTRIBUTOR_DATABASE_URL="postgresql://127.0.0.1:1/x"
    )
    assert result.code == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} >= {
        *("email.html", "email.txt", "email.eml", "rss.xml", "atom.xml", "feed.json"),
        *("x.json", "mastodon.json", "bluesky.json", "problems.json"),
    }


def test_rendering_twice_gives_the_same_bytes(run: Run, article: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("render", str(article), "--out", str(tmp_path / name))
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_a_backup_can_be_restored(run: Run, article: Path, tmp_path: Path) -> None:
    run("article", "add", str(article))
    assert run("backup", str(tmp_path / "all.dump")).code == 0
    refused = run("restore", str(tmp_path / "all.dump"))
    assert refused.code == 4
    assert "add --replace" in refused.message
    run("list", "create", "made after the backup")
    assert run("restore", str(tmp_path / "all.dump"), "--replace").code == 0
    assert json.loads(run("list", "list", "--json").out) == []
    assert [one["slug"] for one in json.loads(run("article", "list", "--json").out)] == ["a-first-article"]


def test_a_channel_whose_check_raises_stops_no_other(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        run("channel", "set", name, "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    called: list[EmailChannel] = []

    def fail_once(self: EmailChannel, context: DiagnosticContext) -> Iterator[Finding]:
        called.append(self)
        if len(called) == 1:
            raise RuntimeError("a bug")
        yield Finding("dns", DiagnosticStatus.OK, "fine")

    monkeypatch.setattr(EmailChannel, "diagnose", fail_once)
    result = run("doctor", "--json")
    findings = {one["check"]: one for one in json.loads(result.out)}
    assert (findings["first"]["state"], result.code) == ("fail", 5)
    assert findings["first"]["finding"] == "its check failed: RuntimeError: a bug"
    assert findings["second: dns"]["finding"] == "fine"


def test_the_doctor_says_what_is_wrong_and_what_to_do(run: Run) -> None:
    result = run("doctor", "--json")
    states = {finding["check"]: finding for finding in json.loads(result.out)}
    assert states["postgresql"]["state"] == "ok"
    assert states["beat"]["finding"].startswith("the beat was never seen")
    assert result.code == 5


def test_the_doctor_misses_a_postal_address_only_for_channels_without_one_of_their_own(
    run: Run,
) -> None:
    def finding() -> tuple[str, str]:
        found = {one["check"]: one for one in json.loads(run("doctor", "--json", DISTRIBUTOR_POSTAL_ADDRESS="").out)}
        return found["postal address"]["state"], found["postal address"]["finding"]

    new = ("--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    run("channel", "set", "mail", *new, "--set", "postal_address=1 Example Street")
    state, sentence = finding()
    assert (state, "mails have that of their channel: mail" in sentence) == ("warn", True)
    run("channel", "set", "other", *new)
    state, sentence = finding()
    assert (state, "no newsletter on other is sent without it" in sentence) == ("fail", True)


def test_the_doctor_says_of_a_database_without_tables_what_to_do(run: Run, app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    result = run("doctor", "--json")
    states = {finding["check"]: finding for finding in json.loads(result.out)}
    assert (states["postgresql"]["state"], states["schema"]["state"], result.code) == ("ok", "fail", 5)
    assert "run `distributor migrate`" in states["schema"]["finding"]


def test_the_doctor_names_a_public_url_that_nothing_listens_on(run: Run) -> None:
    result = run("doctor", "--json", DISTRIBUTOR_PUBLIC_URL="http://127.0.0.1:8000", DISTRIBUTOR_PORT="8010")
    (found,) = [one for one in json.loads(result.out) if one["check"] == "public url"]
    assert found["state"] == "warn"
    assert "DISTRIBUTOR_PUBLIC_URL=http://127.0.0.1:8000" in found["finding"]


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (5, "warn"), (-5, "warn"), (40, "fail"), (-40, "fail")])
def test_the_doctor_says_whose_clock_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch, seconds: int, state: str
) -> None:
    # The comparison takes milliseconds, and hardly the seconds that would make it another finding.
    monkeypatch.setattr(bootstrap, "_utc_now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    result = run("doctor", "--json")
    (found,) = [one for one in json.loads(result.out) if one["check"] == "clocks"]
    assert found["state"] == state
    if seconds:
        assert found["finding"].startswith("the clock of this machine is ")
        assert ("ahead of" if seconds > 0 else "behind") in found["finding"]
        assert "NTP" in found["finding"]
    else:
        assert "this machine, Redis" in found["finding"]
