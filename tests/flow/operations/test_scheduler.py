"""What the scheduler finds, and what each step enqueues when it has succeeded."""

from __future__ import annotations

from datetime import timedelta

from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.scheduler import next_jobs, run_scheduler
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from tests.flow.campaign_harness import CampaignHarness


def test_the_scheduler_finds_everything_that_is_due_at_once(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    for _ in range(60):
        harness.plan("mail")
    jobs = run_scheduler(harness.app)
    assert len(set(jobs)) == len(jobs) == 60
    assert {job.queue for job in jobs} == {"prepare"}


def test_what_is_due_the_longest_comes_first(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaigns = [harness.plan("mail", after=timedelta(seconds=seconds)) for seconds in (90, 60, 30, 0)]
    numbers = [harness.report(campaign).dispatches[0].dispatch.id for campaign in reversed(campaigns)]
    assert run_scheduler(harness.app) == [Job(JobKind.PREPARE, number) for number in numbers]


def test_a_dispatch_that_is_prepared_enqueues_its_own_release_and_no_one_elses(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    own, other = (harness.report(harness.plan("mail")).dispatches[0].dispatch.id for _ in range(2))
    for number in (own, other):
        assert prepare(harness.app, number)
    assert next_jobs(harness.app, JobKind.PREPARE, own) == [Job(JobKind.RELEASE, own)]


def test_a_dispatch_that_is_prepared_before_its_time_enqueues_nothing(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    (planned,) = harness.report(harness.plan("mail", after=timedelta(minutes=1))).dispatches
    assert prepare(harness.app, planned.dispatch.id)
    assert next_jobs(harness.app, JobKind.PREPARE, planned.dispatch.id) == []


def test_the_last_dispatch_of_a_campaign_to_be_prepared_enqueues_the_release_of_those_that_waited_for_it(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    harness.channel("posts", "scripted_broadcast")
    first, last = (one.dispatch.id for one in harness.report(harness.plan("mail", "posts")).dispatches)
    assert prepare(harness.app, first)
    assert next_jobs(harness.app, JobKind.PREPARE, first) == []
    assert prepare(harness.app, last)
    assert next_jobs(harness.app, JobKind.PREPARE, last) == [Job(JobKind.RELEASE_DUE)]


def test_a_dispatch_that_is_released_enqueues_its_deliveries_on_the_queue_of_its_channel(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    number = harness.report(harness.plan("mail")).dispatches[0].dispatch.id
    assert prepare(harness.app, number)
    assert release(harness.app, number)
    (job,) = next_jobs(harness.app, JobKind.RELEASE, number)
    assert (job.kind, job.subject_id) == (JobKind.DELIVER, number)
    assert run_scheduler(harness.app) == [job], "the scheduler finds the same, should it be lost"


def test_a_large_audience_is_sent_by_several_jobs_that_are_told_apart(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    harness.people(*(f"reader{number}" for number in range(2500)))
    number = harness.report(harness.plan("mail")).dispatches[0].dispatch.id
    assert prepare(harness.app, number)
    assert release(harness.app, number)
    assert [str(job) for job in next_jobs(harness.app, JobKind.RELEASE, number)] == [
        f"deliver:{number}",
        f"deliver:{number}:1",
        f"deliver:{number}:2",
    ]
