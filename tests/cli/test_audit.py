"""`distributor campaign audit`: what it prints, and what it ends with."""

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
        ("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--list", "news"),
    ):
        said = run(*arguments)
        assert said.code == 0, said.err
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
    said = run("campaign", "audit", "1", "--evidence", f"inbox:{sent.folder}")
    assert said.code == 4
    assert "bo@example.org" in said.out
    assert "ada@example.org" not in said.out
    assert "inbox: 2 mails, 2 of this campaign, 0 of others, 0 not from here" in said.sentence
    assert said.sentence.endswith("differences: 1 found")


def test_settling_what_is_unknown_ends_the_difference(run: Run, sent: Relay) -> None:
    evidence = f"inbox:{sent.folder}"
    said = run("campaign", "audit", "1", "--evidence", evidence, "--settle")
    assert said.code == 0
    assert "1 deliveries of unknown outcome are settled as sent" in said.sentence
    assert said.sentence.endswith("no difference")
    assert run("campaign", "audit", "1", "--evidence", evidence).code == 0


def test_a_program_gets_counts_and_differences(run: Run, sent: Relay) -> None:
    said = run("campaign", "audit", "1", "--evidence", f"inbox:{sent.folder}", "--json")
    told = json.loads(said.out)
    assert said.code == 4
    assert told["states"] == {
        "sent": {"deliveries": 1, "in_the_records": 1},
        "unknown": {"deliveries": 1, "in_the_records": 1},
    }
    assert told["counts"] == {"found": 1}
    (difference,) = told["differences"]
    assert (difference["recipient"], difference["state"], difference["evidence"]) == (
        "bo@example.org",
        "unknown",
        "inbox",
    )
    fewer = json.loads(
        run("campaign", "audit", "1", "--evidence", f"inbox:{sent.folder}", "--json", "--limit", "0").out
    )
    assert (fewer["counts"], fewer["differences"]) == ({"found": 1}, [])


def test_without_records_the_ledger_is_held_against_itself(run: Run, sent: Relay) -> None:
    said = run("campaign", "audit", "1")
    assert (said.code, said.sentence) == (0, "no difference")
    assert "unknown" in said.out


def test_evidence_that_cannot_be_read_is_named(run: Run, sent: Relay) -> None:
    assert "write KIND:PATH" in run("campaign", "audit", "1", "--evidence", "mail.log").sentence
    said = run("campaign", "audit", "1", "--evidence", "maillog:nowhere.log")
    assert (said.code, said.sentence) == (2, "distributor: nowhere.log: cannot be read: No such file or directory")
    assert run("campaign", "audit", "99").code == 3
