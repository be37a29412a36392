"""The log of a campaign: one JSON line for each step of the flow, with ids and counts, and no address."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from distributor.flow.articles.ingest import scan
from distributor.flow.people.retention import purge_expired
from distributor.flow.publishing import campaign_control
from distributor.logs import configure_logs
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.feedback import feedback_mails
from tests.flow.feedback.feedback_harness import FeedbackHarness
from tests.paths import ROOT

# The events that the operations guide lists.
DOCUMENTED = {
    name
    for line in (ROOT / "docs/guides/operations.md").read_text().splitlines()
    if line.startswith("| `")
    for name in line.split("|")[1].split("`")[1::2]
}


@pytest.fixture(autouse=True)
def real_logs() -> Iterator[None]:
    """The logging of a worker, for one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("INFO")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    output = capsys.readouterr()
    assert output.out == "", "logs go to stderr"
    assert "@" not in output.err, "no address is logged"
    return [json.loads(line) for line in output.err.splitlines()]


def test_a_campaign_logs_its_steps_with_ids_and_counts(
    harness: CampaignHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    harness.run()
    lines = logged(capsys)
    assert [line["event"] for line in lines if line["event"] != "scheduler.enqueued"] == [
        "campaign.created",
        "campaign.scheduled",
        "dispatch.prepared",
        "dispatch.released",
        "delivery.started",
        "delivery.finished",
    ]
    [released] = [line for line in lines if line["event"] == "dispatch.released"]
    [finished] = [line for line in lines if line["event"] == "delivery.finished"]
    assert (released["campaign_id"], released["channel"], released["audience"]) == (campaign_id, "mail", 3)
    assert (finished["campaign_id"], finished["sent"], finished["has_more"]) == (campaign_id, 3, False)
    assert finished["worker"]
    assert finished["seconds"] >= 0


def test_a_rejected_sender_is_logged_once_as_a_pause_without_the_reply(
    harness: CampaignHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.channel("mail", "scripted", answers={"ada@example.org": "sender_rejected"})
    campaign_id = harness.plan("mail")
    harness.run()
    campaign_control.resume(harness.app, campaign_id)
    lines = logged(capsys)
    [paused] = [line for line in lines if line["event"] == "delivery.paused"]
    assert (paused["campaign_id"], paused["reason"], paused["level"]) == (campaign_id, "sender rejected", "warning")
    [resumed] = [line for line in lines if line["event"] == "campaign.resumed"]
    assert (resumed["campaign_id"], resumed["dispatches"]) == (campaign_id, 1)


def test_an_outcome_that_is_resolved_by_the_policy_of_the_campaign_is_logged(
    harness: CampaignHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "begun"})
    harness.plan("mail")
    harness.run()
    [resolved] = [line for line in logged(capsys) if line["event"] == "delivery.unknown_resolved"]
    assert (resolved["deliveries"], resolved["method"]) == (1, "assume_sent")


def test_feedback_ingestion_and_purge_are_logged_without_addresses(
    harness: CampaignHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    feedback = FeedbackHarness(harness)
    feedback.take(feedback_mails.bounce(feedback.delivery(), to=feedback.return_path()))
    harness.app.content_dir.mkdir(exist_ok=True)
    (harness.app.content_dir / "new.md").write_text("---\ntitle: New\ntags: [a]\n---\nText.\n")
    scan(harness.app)
    scan(harness.app)
    purge_expired(harness.app)
    lines = logged(capsys)
    assert [line["added"] for line in lines if line["event"] == "ingest.finished"] == [1]
    assert [line["people"] for line in lines if line["event"] == "purge.finished"] == [0]


def test_every_event_of_the_flow_is_in_the_table_of_the_operations_guide() -> None:
    sources = [*(ROOT / "src/distributor/flow").rglob("*.py"), *(ROOT / "worker").rglob("*.py")]
    found = set()
    for source in sources:
        for part in source.read_text().split("log.")[1:]:
            _, _, rest = part.partition("(")
            name = rest.lstrip().removeprefix("logging.INFO if has_changes else logging.DEBUG,").lstrip()
            if name.startswith('"'):
                found.add(name.split('"')[1])
    assert found
    assert found - DOCUMENTED == set()
