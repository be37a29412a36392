"""The audit of a campaign on a page: asked for once, done in the background, and in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.event import Event, EventKind
from distributor.domain.user import Role
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations import audit_runs
from distributor.flow.operations.audit import audit
from distributor.flow.operations.audit_runs import last_audit, request_audit, work_on_audit
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.people.privacy import search_traces
from distributor.storage import delivery_queries, events
from distributor.storage.campaign_audits import AuditState
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Browser, Team


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(team.app, tmp_path)
    made.channel("mail", "scripted", answers={"ada@example.org": "unknown_user"})
    made.channel("wall", "scripted_posts")
    return made


@pytest.fixture
def sent(harness: CampaignHarness) -> int:
    return harness.plan_and_run("mail", "wall")


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


def words(browser: Browser, campaign_id: int) -> str:
    return " ".join(browser.page(f"/app/campaigns/{campaign_id}/audit").xpath("string(//main)").split())


def contradict(harness: CampaignHarness, campaign_id: int) -> int:
    """Let the failed mail be opened, so that it was sent after all; gives its delivery."""
    with harness.app.database.begin() as connection:
        (ada,) = delivery_queries.of_campaign(connection, campaign_id, recipient="ada@example.org", limit=2)
        opened = Event(delivery_id=ada.id, kind=EventKind.OPEN, at=harness.app.clock(), key="opened")
        events.record(connection, [opened])
    return ada.id


def test_every_delivery_is_accounted_for(harness: CampaignHarness, marketer: Browser, sent: int):
    path = f"/app/campaigns/{sent}/audit"
    assert "It has not been checked yet" in words(marketer, sent)
    assert [marketer.post(path).status_code for _ in range(3)] == [303] * 3
    assert "0 of 4 deliveries are compared" in words(marketer, sent)
    jobs = [job for job in run_scheduler(harness.app) if job.kind is JobKind.AUDIT]
    assert len(jobs) == 1, "it was asked for once"
    harness.run()
    shown = words(marketer, sent)
    assert "Every delivery is accounted for. 4 were compared" in shown
    assert "asked for by marketer@example.org" in shown


def test_a_difference_is_told_in_words_and_leads_to_its_delivery(
    team: Team, harness: CampaignHarness, marketer: Browser, sent: int
):
    ada = contradict(harness, sent)
    marketer.post(f"/app/campaigns/{sent}/audit")
    harness.run()
    shown = words(marketer, sent)
    assert "1 difference. 4 deliveries were compared" in shown
    assert "Recorded as not sent, and yet sent" in shown
    page = marketer.page(f"/app/campaigns/{sent}/audit")
    assert f"/app/deliveries/{ada}" in page.xpath("//table//a/@href")
    plain = audit(team.app, sent, [])
    found = last_audit(team.app, sent)
    assert found is not None
    assert found.counts == {kind.value: count for kind, count in plain.counts.items()}
    assert "campaign_audits" not in search_traces(team.app, "ada@example.org")


def test_it_goes_on_slice_by_slice_and_counts_each_delivery_once(
    team: Team, harness: CampaignHarness, sent: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_runs, "_SLICE", 2)
    contradict(harness, sent)
    number = request_audit(team.app, sent, actor="a test")
    past = team.app.clock() - timedelta(seconds=1)
    rounds = 0
    while work_on_audit(team.app, number, until=past) == [Job(JobKind.AUDIT, number)]:
        rounds += 1
    found = last_audit(team.app, sent)
    assert found is not None
    assert (found.state, found.checked, dict(found.counts)) == (AuditState.FINISHED, 4, {"contradicted": 1})
    assert rounds >= 3
    assert work_on_audit(team.app, number, until=past) == []


def test_a_sum_that_is_not_the_audience_is_found(team: Team, harness: CampaignHarness, sent: int):
    with team.app.database.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE recipient = 'bo@example.org'"))
    work_on_audit(
        team.app, request_audit(team.app, sent, actor="a test"), until=team.app.clock() + timedelta(minutes=1)
    )
    found = last_audit(team.app, sent)
    assert found is not None
    assert dict(found.counts) == {"unbalanced": 1}
    assert found.differences[0]["evidence"] == "released to 3, but there are 2 deliveries"


def test_a_viewer_reads_and_does_not_start_one(team: Team, harness: CampaignHarness, sent: int):
    viewer = team.signed_in(team.user(Role.VIEWER))
    assert viewer.post(f"/app/campaigns/{sent}/audit").status_code == 403
    assert last_audit(team.app, sent) is None
    assert "Check every delivery" not in words(viewer, sent)
    assert viewer.get("/app/campaigns/999/audit").status_code == 404
    draft = harness.draft("mail")
    assert "nothing to check before" in words(viewer, draft)
