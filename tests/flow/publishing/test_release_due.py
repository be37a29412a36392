"""Several dispatches that are due are released together, and what is wrong with one is that one's matter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.domain.campaign import DispatchState
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.jobs import DISPATCHES_AT_ONCE, Job, JobKind
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release_due
from distributor.storage import channels, quarantine
from tests.flow.campaign_harness import CampaignHarness


def prepared(harness: CampaignHarness, *slugs: str, repeats: bool = True) -> list[int]:
    """A campaign of each of these articles, due and ready to be released; returns the ids of the campaigns."""
    made = [harness.plan("mail", slugs=(slug,), repeats=repeats) for slug in slugs]
    for campaign_id in made:
        prepare(harness.app, harness.report(campaign_id).dispatches[0].dispatch.id)
    return made


def states(harness: CampaignHarness, made: list[int]) -> list[DispatchState]:
    return [harness.report(one).dispatches[0].dispatch.state for one in made]


@pytest.fixture
def mailing(harness: CampaignHarness) -> CampaignHarness:
    harness.channel("mail", "scripted")
    for number in range(3):
        harness.article(f"note-{number}")
    return harness


def test_their_deliveries_are_one_job(mailing: CampaignHarness) -> None:
    made = prepared(mailing, "note-0", "note-1", "note-2")
    (job,) = release_due(mailing.app)
    assert (job.kind, job.queue) == (JobKind.DELIVER_SMALL, "email")
    assert states(mailing, made) == [DispatchState.RUNNING] * 3
    assert [mailing.counts(one) for one in made] == [{"audience": 3, "pending": 3}] * 3


def test_more_than_are_released_together_are_left_to_the_job_that_follows(mailing: CampaignHarness) -> None:
    made = prepared(mailing, *["note-0"] * (DISPATCHES_AT_ONCE + 2))
    assert release_due(mailing.app)[-1] == Job(JobKind.RELEASE_DUE)
    assert len(release_due(mailing.app)) == 1
    assert release_due(mailing.app) == []
    assert set(states(mailing, made)) == {DispatchState.RUNNING}


def test_two_campaigns_of_one_article_that_start_together_send_it_once_to_everybody(mailing: CampaignHarness) -> None:
    first, second = prepared(mailing, "note-0", "note-0", repeats=False)
    release_due(mailing.app)
    assert sorted(mailing.counts(one).get("audience", 0) for one in (first, second)) == [0, 3]


def test_one_that_is_too_late_keeps_no_other_from_starting(mailing: CampaignHarness) -> None:
    late = prepared(mailing, "note-0")
    later = replace(mailing, app=mailing.later(days=1))
    made = [*late, *prepared(later, "note-1", "note-2")]
    release_due(later.app)
    assert states(later, made) == [DispatchState.PAUSED, DispatchState.RUNNING, DispatchState.RUNNING]
    assert "could not; nothing was sent" in later.report(late[0]).dispatches[0].dispatch.reason


def test_one_that_fails_is_in_quarantine_until_it_works_and_the_others_start(mailing: CampaignHarness) -> None:
    mailing.channel("odd", "scripted")
    broken = mailing.plan("odd", slugs=("note-0",))
    dispatch_id = mailing.report(broken).dispatches[0].dispatch.id
    prepare(mailing.app, dispatch_id)
    fine = prepared(mailing, "note-1", "note-2")
    with mailing.app.database.begin() as connection:
        channels.save(connection, name="odd", kind="scripted", settings={}, sealed=None)
    release_due(mailing.app)
    assert states(mailing, [broken, *fine]) == [
        DispatchState.SCHEDULED,
        DispatchState.RUNNING,
        DispatchState.RUNNING,
    ]
    assert held(mailing) == [f"release {dispatch_id}"]

    mailing.channel("odd", "scripted")
    release_due(mailing.later(days=0.01))
    assert states(mailing, [broken]) == [DispatchState.RUNNING]
    assert held(mailing) == []


def held(harness: CampaignHarness) -> list[str]:
    """What is in quarantine."""
    with harness.app.database.begin() as connection:
        return list(quarantine.of_loop(connection, QuarantineLoop.JOB))
