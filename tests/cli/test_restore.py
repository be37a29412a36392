"""`backup`, `restore` and `generation`: what is said to whoever runs them, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from distributor.domain.campaign import CampaignState
from distributor.flow.app_context import AppContext
from distributor.storage import processes
from distributor.storage.processes import ServiceProcess
from tests.cli.conftest import Run
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds
from tests.flow.restoring import back_up, read_content

__all__ = ["scripted_kinds"]


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted")
    return made


def test_a_restore_says_what_waits_and_a_person_lets_it_go_on(
    run: Run, harness: CampaignHarness, tmp_path: Path
) -> None:
    campaign_id = harness.plan("mail")
    file = str(tmp_path / "all.backup")
    assert run("backup", file).code == 0
    restored = run("restore", file, "--replace")
    assert restored.code == 0
    assert "1 dispatches and 0 imports that were open wait" in restored.message
    (waiting,) = json.loads(run("generation", "review", "--json").out)
    assert (waiting["campaign"], waiting["channel"], waiting["state"]) == (campaign_id, "mail", "scheduled")
    assert "campaigns wait since the database was restored" in run("doctor").out
    log = tmp_path / "log"
    log.mkdir()
    reviewed = run("generation", "review", "--records", f"inbox:{log}")
    assert "inbox: it has 0 mails that the database does not know" in reviewed.message
    assert f"campaign resume {campaign_id} --after-restore" in reviewed.message
    refused = run("campaign", "resume", str(campaign_id))
    assert refused.code == 4
    assert "--after-restore" in refused.message
    assert run("campaign", "resume", str(campaign_id), "--after-restore").code == 0
    assert json.loads(run("generation", "review", "--json").out) == []
    harness.run()
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    newest, first = json.loads(run("generation", "list", "--json").out)
    assert (newest["beginning"], newest["source"], first["beginning"]) == ("restored", "all.backup", "created")


def test_a_restore_that_was_killed_is_finished_by_whatever_comes_next(
    run: Run, harness: CampaignHarness, tmp_path: Path
) -> None:
    campaign_id = harness.plan("mail")
    read_content(harness.app, back_up(harness.app, tmp_path / "all.backup"))
    (waiting,) = json.loads(run("generation", "review", "--json").out)
    assert waiting["campaign"] == campaign_id


def test_mails_are_signed_with_the_same_keys_after_a_restore(
    run: Run, harness: CampaignHarness, environment: dict[str, str], tmp_path: Path
) -> None:
    assert run("channel", "set", "letters", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1").code == 0
    assert run("channel", "dkim", "create", "letters", "--selector", "s1").code == 0
    before = run("channel", "dkim", "list", "letters", "--json").out
    assert "s1" in before
    file = str(tmp_path / "all.backup")
    run("backup", file)
    assert run("restore", file, "--replace").code == 0
    assert run("channel", "dkim", "list", "letters", "--json").out == before
    # Without the key file nothing is signed; what is missing was said by the restore.
    missing = run("restore", file, "--replace", DISTRIBUTOR_SECRET_KEY="a key that was made up on the new machine")
    assert missing.code == 4
    assert "mails are not signed with the same keys" in missing.message


def test_another_secret_key_and_changed_settings_are_named(
    run: Run, harness: CampaignHarness, environment: dict[str, str], tmp_path: Path
) -> None:
    file = str(tmp_path / "all.backup")
    with harness.app.database.begin() as connection:
        processes.report(connection, _process(harness, settings={"public_url": "https://gazette.example"}))
    assert run("backup", file).code == 0
    with harness.app.database.begin() as connection:
        processes.forget(connection, [one.process.id for one in processes.all_reported(connection)])
    same = run("restore", file, "--replace")
    assert same.code == 0
    assert "DISTRIBUTOR_PUBLIC_URL; is its .env in place?" in same.message
    other = run("restore", file, "--replace", DISTRIBUTOR_SECRET_KEY="another key that is long enough to be one")
    assert other.code == 4
    assert "the secret key is not that of the backup: put its file in place" in other.message
    assert environment["DISTRIBUTOR_SECRET_KEY"] not in other.message


def test_a_restore_is_refused_while_the_service_runs(run: Run, harness: CampaignHarness, tmp_path: Path) -> None:
    file = str(tmp_path / "all.backup")
    assert run("backup", file).code == 0
    with harness.app.database.begin() as connection:
        processes.report(connection, _process(harness, settings={}))
    refused = run("restore", file, "--replace")
    assert refused.code == 4
    assert "the service runs: stop worker (process 1 on elsewhere) first" in refused.message


def test_a_copy_sends_only_once_it_is_activated(run: Run, harness: CampaignHarness, tmp_path: Path) -> None:
    file = str(tmp_path / "all.backup")
    assert run("backup", file).code == 0
    assert "already" in run("generation", "activate").message
    assert "it sends nothing until" in run("restore", file, "--replace", "--as-copy").message
    harness.plan("mail")
    harness.run()
    assert harness.seen == []
    assert run("generation", "activate").code == 0
    harness.run()
    assert len(harness.seen) == 3


def _process(harness: CampaignHarness, *, settings: dict[str, str]) -> ServiceProcess:
    return ServiceProcess(
        id=uuid4(),
        kind="worker",
        name="worker",
        host="elsewhere",
        pid=1,
        version="1",
        settings=settings,
        started_at=harness.app.clock(),
    )
