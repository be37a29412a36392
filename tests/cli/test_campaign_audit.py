"""`distributor campaign audit`: its output and exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.bootstrap import make_app_context
from distributor.embedded import Services
from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.smtp_server import SMTP
from distributor.settings import Settings
from tests.chaos.mail_relay import Relay, running_relay
from tests.cli.conftest import Run
from tests.flow.campaign_harness import CampaignHarness


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running_relay(tmp_path / "inbox") as relay:
        yield relay


@pytest.fixture
def sent(run: Run, relay: Relay, environment: dict[str, str], fresh_services: Services, article: Path) -> Relay:
    """A campaign to two people, of whom one has the mail and no answer arrived."""
    for arguments in (
        ("channel", "set", "mail", "--kind", "email", "--set", f"smtp_url={relay.url}"),
        ("list", "create", "News"),
        ("subscriber", "add", "ada@example.org", "--list", "news"),
        ("subscriber", "add", "bo@example.org", "--list", "news"),
        ("article", "add", str(article)),
        ("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--list", "news", "--now", "--yes"),
    ):
        result = run(*arguments, DISTRIBUTOR_UNDO_SECONDS="0")
        assert result.code == 0, result.err
    relay.switches.set(SMTP, InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    settings = Settings(
        _env_file=None,
        secret_key=environment["DISTRIBUTOR_SECRET_KEY"],
        data_dir=environment["DISTRIBUTOR_DATA_DIR"],
        postal_address=environment["DISTRIBUTOR_POSTAL_ADDRESS"],
    )
    app = make_app_context(settings, fresh_services)
    CampaignHarness(app, Path()).run()
    app.database.close()
    relay.wait_until_idle()
    return relay


def test_a_difference_is_printed_and_ends_with_status_4(run: Run, sent: Relay) -> None:
    result = run("campaign", "audit", "1", "--records", f"inbox:{sent.folder}")
    assert result.code == 4
    assert "bo@example.org" in result.out
    assert "ada@example.org" not in result.out
    assert "inbox: 2 messages, 2 of this campaign, 0 of others, 0 that this system did not send" in result.message
    assert result.message.endswith("differences: 1 found")


def test_settling_what_is_unknown_ends_the_difference(run: Run, sent: Relay) -> None:
    evidence = f"inbox:{sent.folder}"
    result = run("campaign", "audit", "1", "--records", evidence, "--resolve")
    assert result.code == 0
    assert "1 unknown deliveries are marked as sent" in result.message
    assert result.message.endswith("no differences")
    assert run("campaign", "audit", "1", "--records", evidence).code == 0


def test_a_program_gets_counts_and_differences(run: Run, sent: Relay) -> None:
    result = run("campaign", "audit", "1", "--records", f"inbox:{sent.folder}", "--json")
    shown = json.loads(result.out)
    assert result.code == 4
    assert shown["states"] == {
        "sent": {"deliveries": 1, "in_the_records": 1},
        "unknown": {"deliveries": 1, "in_the_records": 1},
    }
    assert shown["counts"] == {"found": 1}
    (difference,) = shown["differences"]
    assert (difference["recipient"], difference["state"], difference["evidence"]) == (
        "bo@example.org",
        "unknown",
        "inbox",
    )
    fewer = json.loads(run("campaign", "audit", "1", "--records", f"inbox:{sent.folder}", "--json", "--limit", "0").out)
    assert (fewer["counts"], fewer["differences"]) == ({"found": 1}, [])


def test_without_records_the_ledger_is_held_against_itself(run: Run, sent: Relay) -> None:
    result = run("campaign", "audit", "1")
    assert (result.code, result.message) == (0, "no differences")
    assert "unknown" in result.out


def test_evidence_that_cannot_be_read_is_named(run: Run, sent: Relay) -> None:
    assert "write KIND:PATH" in run("campaign", "audit", "1", "--records", "mail.log").message
    result = run("campaign", "audit", "1", "--records", "maillog:nowhere.log")
    assert (result.code, result.message) == (2, "distributor: nowhere.log: cannot be read: No such file or directory")
    assert run("campaign", "audit", "99").code == 3
