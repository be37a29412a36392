"""`distributor bounce process | list | show`: bounces processed by hand, listed and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import TokenSigner
from distributor.flow.feedback import inbound_mail
from distributor.mail.inbound import InboundMail, read_inbound_mail
from tests.cli.conftest import Run
from tests.flow.feedback import feedback_mails as mails

ADA = "ada@example.org"
MAIL = b"From: ann@example.net\r\nSubject: Your newsletter\r\n\r\n\x1b[2JHello\r\n"


@pytest.fixture
def delivery(run: Run, environment: dict[str, str]) -> Delivery:
    """A mail to Ada that has gone out."""
    run("list", "create", "News")
    run("subscriber", "add", ADA, "--list", "news")
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"]) as connection:
        row = connection.execute("""
            WITH channel AS (INSERT INTO channels (name, kind) VALUES ('mail', 'email') RETURNING id),
            campaign AS (INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at)
                         VALUES ('One', true, true, 'assume_sent', now()) RETURNING id),
            dispatch AS (INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone)
                         SELECT campaign.id, channel.id, 'finished', now(), 'UTC' FROM campaign, channel RETURNING id)
            INSERT INTO deliveries (dispatch_id, subscriber_id, list_id, recipient, state, created_at, updated_at)
            SELECT dispatch.id, subscribers.id, lists.id, email, 'sent', now(), now()
            FROM dispatch, subscribers, lists RETURNING id
        """).fetchone()
    assert row
    return Delivery(
        id=row[0], dispatch_id=1, recipient=ADA, epoch=1, attempt=1, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_a_bounce_taken_in_by_hand_is_shown_and_can_be_taken_back(
    run: Run, delivery: Delivery, environment: dict[str, str], tmp_path: Path
) -> None:
    tokens = TokenSigner(environment["DISTRIBUTOR_SECRET_KEY"].encode())
    file = tmp_path / "returned.eml"
    file.write_bytes(mails.bounce(delivery, to=mails.verp(delivery, tokens)))

    [taken] = json.loads(run("bounce", "process", str(file), "--json").out)
    assert (taken["kind"], taken["match"], taken["suppressed"]) == ("bounce", "return_path", "hard_bounce")
    assert json.loads(run("bounce", "process", str(file), "--json").out)[0]["new"] is False

    [listed] = json.loads(run("bounce", "list", "--json").out)
    assert (listed["recipient"], listed["reason"], listed["source"]) == (ADA, "userunknown", "hand")
    shown = json.loads(run("bounce", "show", str(listed["id"]), "--json").out)
    assert (shown["state"], shown["suppressions"]) == ("bounced", ["hard_bounce"])
    assert "hard_bounce" in run("subscriber", "show", ADA).out

    run("suppression", "remove", ADA)
    assert json.loads(run("bounce", "show", str(listed["id"]), "--json").out)["suppressions"] == []


def test_a_person_gets_tables_and_sentences(run: Run, delivery: Delivery, tmp_path: Path) -> None:
    assert "No bounces yet." in run("bounce", "list").out
    missing = run("bounce", "process", str(tmp_path / "missing.eml"))
    assert (missing.code, "cannot be read" in missing.message) == (2, True)
    unknown = run("bounce", "show", "7")
    assert (unknown.code, "bounce list" in unknown.message) == (3, True)
    assert "on 0 days; suppressed after 5" in run("subscriber", "show", ADA).out


def test_mail_to_postmaster_is_listed_shown_and_deleted(run: Run, environment: dict[str, str]) -> None:
    run("list", "create", "News")
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO postmaster_mails (received_at, raw) VALUES (now(), %s)", (MAIL,))
    assert postmaster_finding(run)[0] == "warn"
    assert "1 to read: `distributor bounce postmaster list`" in postmaster_finding(run)[1]
    [listed] = json.loads(run("bounce", "postmaster", "list", "--json").out)
    assert (listed["from"], listed["subject"]) == ("ann@example.net", "Your newsletter")
    shown = run("bounce", "postmaster", "show", str(listed["id"])).out
    assert "[2JHello" in shown
    assert "\x1b" not in shown
    run("bounce", "postmaster", "delete", str(listed["id"]))
    assert json.loads(run("bounce", "postmaster", "list", "--json").out) == []
    assert postmaster_finding(run) == ("ok", "none")


def postmaster_finding(run: Run) -> tuple[str, str]:
    """What doctor says about mails to postmaster."""
    [found] = [one for one in json.loads(run("doctor", "--json").out) if one["check"] == "postmaster mail"]
    return found["state"], found["finding"]


def test_a_delay_is_shown_and_changes_nothing(
    run: Run, delivery: Delivery, environment: dict[str, str], tmp_path: Path
) -> None:
    tokens = TokenSigner(environment["DISTRIBUTOR_SECRET_KEY"].encode())
    assert json.loads(run("campaign", "deliveries", "1", "--json").out)[0]["delayed_at"] is None
    file = tmp_path / "delayed.eml"
    file.write_bytes(
        mails.bounce(
            delivery, to=mails.verp(delivery, tokens), status="4.2.1", words="450 4.2.1 try later", action="delayed"
        )
    )
    [taken] = json.loads(run("bounce", "process", str(file), "--json").out)
    assert (taken["kind"], taken["match"], taken["new"], taken["suppressed"]) == ("delay", "return_path", True, None)

    [listed] = json.loads(run("bounce", "list", "--kind", "delay", "--json").out)
    assert (listed["kind"], listed["recipient"], listed["hard"], listed["status"]) == ("delay", ADA, False, "4.2.1")
    shown = json.loads(run("bounce", "show", str(listed["id"]), "--json").out)
    assert (shown["state"], shown["suppressions"]) == ("sent", [])
    [row] = json.loads(run("campaign", "deliveries", "1", "--json").out)
    assert (row["state"], row["delayed_at"]) == ("sent", listed["at"])
    assert json.loads(run("campaign", "show", "1", "--json").out)["events"]["delay"] == {"total": 1, "deliveries": 1}


def test_a_file_that_cannot_be_read_and_a_mail_that_cannot_be_processed_stop_no_other(
    run: Run, delivery: Delivery, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = TokenSigner(environment["DISTRIBUTOR_SECRET_KEY"].encode())
    bad, good = tmp_path / "bad.eml", tmp_path / "good.eml"
    bad.write_bytes(MAIL)
    good.write_bytes(mails.bounce(delivery, to=mails.verp(delivery, tokens)))

    def failing(raw: bytes, *arguments: Any, **options: Any) -> InboundMail:
        if raw == MAIL:
            raise RecursionError("too deep")
        return read_inbound_mail(raw, *arguments, **options)

    monkeypatch.setattr(inbound_mail, "read_inbound_mail", failing)
    result = run("bounce", "process", str(tmp_path / "missing.eml"), str(tmp_path), str(bad), str(good), "--json")
    assert [(one["file"], one["suppressed"]) for one in json.loads(result.out)] == [("good.eml", "hard_bounce")]
    assert result.code == 2
    assert f"{tmp_path}/missing.eml: cannot be read" in result.message
    assert f"{tmp_path}: cannot be read" in result.message
    assert f"{bad}: cannot be processed and is in quarantine" in result.message
    (item,) = json.loads(run("quarantine", "list", "--loop", "mail", "--json").out)
    assert "too deep" in item["reason"]

    monkeypatch.undo()
    assert run("quarantine", "retry", "--loop", "mail").code == 0
