"""Several small dispatches of one channel are sent by one run, and what is wrong with one is that one's matter."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from distributor.domain.campaign import DispatchState
from distributor.domain.delivery import Outcome
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.delivery.deliver import deliver_small
from distributor.flow.delivery.delivery_runs import DeliveryRuns
from distributor.flow.jobs import DISPATCHES_AT_ONCE, SMALL_AUDIENCE, Job, JobKind
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import channels, deliveries, quarantine
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.scripted_channel import ScriptedChannel

PEOPLE = ("ada@example.org", "bo@example.org", "cy@example.org")


def running(harness: CampaignHarness, count: int, channel: str = "mail") -> list[int]:
    """So many campaigns to the three people that have been released; returns their ids."""
    made = [harness.plan(channel) for _ in range(count)]
    for campaign_id in made:
        dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
        prepare(harness.app, dispatch_id)
        assert release(harness.app, dispatch_id)
    return made


def send(harness: CampaignHarness, channel: str = "mail") -> list[Job]:
    """One run for the small dispatches of a channel."""
    with harness.app.database.begin() as connection:
        channel_id = channels.find(connection, channel).id
    return deliver_small(harness.app, channel_id, until=harness.app.clock() + timedelta(seconds=20))


def counts(harness: CampaignHarness, made: list[int]) -> list[dict[str, int]]:
    return [harness.counts(one) for one in made]


def test_each_is_sent_once_to_everybody(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, 4)
    assert {job.kind for job in run_scheduler(harness.app)} == {JobKind.DELIVER_SMALL}
    assert send(harness) == []
    assert counts(harness, made) == [{"audience": 3, "sent": 3}] * 4
    assert Counter(harness.seen) == dict.fromkeys(PEOPLE, 4)


def test_accounts_are_posted_to_one_after_another(harness: CampaignHarness) -> None:
    harness.channel("posts", "scripted_broadcast")
    made = running(harness, 3, "posts")
    assert send(harness, "posts") == []
    assert counts(harness, made) == [{"audience": 1, "sent": 1}] * 3


def test_more_than_one_run_takes_are_left_to_the_job_that_follows(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, DISPATCHES_AT_ONCE + 1)
    (job,) = send(harness)
    assert job.kind is JobKind.DELIVER_SMALL
    assert sum(one.get("sent", 0) for one in counts(harness, made)) == DISPATCHES_AT_ONCE * 3
    assert send(harness) == []
    assert counts(harness, made) == [{"audience": 3, "sent": 3}] * len(made)


def test_a_large_dispatch_of_the_channel_has_jobs_of_its_own(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    small = running(harness, 2)
    harness.people(*(f"reader{number}" for number in range(SMALL_AUDIENCE)))
    (large,) = running(harness, 1)
    dispatch_id = harness.report(large).dispatches[0].dispatch.id
    assert {(job.kind, job.subject_id) for job in run_scheduler(harness.app)} >= {(JobKind.DELIVER, dispatch_id)}
    send(harness)
    assert counts(harness, small) == [{"audience": 3, "sent": 3}] * 2
    assert "sent" not in harness.counts(large)


def test_one_that_is_paused_is_not_sent(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    first, second, third = running(harness, 3)
    campaign_control.pause(harness.app, second)
    send(harness)
    assert counts(harness, [first, second, third]) == [
        {"audience": 3, "sent": 3},
        {"audience": 3, "pending": 3},
        {"audience": 3, "sent": 3},
    ]


def test_one_whose_channel_fails_is_paused_and_in_quarantine_and_the_others_are_sent(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, 3)
    broken = harness.report(made[1]).dispatches[0].dispatch.id
    send_as_ever = ScriptedChannel.send

    async def failing(self: ScriptedChannel, rendition: Any, batch: Any, context: Any) -> AsyncIterator[Outcome]:
        if batch[0].dispatch_id == broken:
            raise RuntimeError("a bug in the channel")
        async for outcome in send_as_ever(self, rendition, batch, context):
            yield outcome

    monkeypatch.setattr(ScriptedChannel, "send", failing)
    harness.run()
    assert counts(harness, [made[0], made[2]]) == [{"audience": 3, "sent": 3}] * 2
    found = harness.report(made[1]).dispatches[0].dispatch
    assert (found.state, found.reason) == (
        DispatchState.PAUSED,
        "the channel failed: RuntimeError: a bug in the channel",
    )
    with harness.app.database.begin() as connection:
        assert list(quarantine.of_loop(connection, QuarantineLoop.JOB)) == [f"deliver {broken}"]
    assert Counter(harness.seen) == dict.fromkeys(PEOPLE, 2)


def test_a_channel_that_cannot_be_opened_holds_each_in_quarantine_with_its_reason(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, 2)
    with harness.app.database.begin() as connection:
        channels.save(connection, name="mail", kind="scripted", settings={}, sealed=None)
    jobs = send(harness)
    assert [job.kind for job in jobs] == [JobKind.DELIVER] * 2
    for job in jobs:
        DeliveryRuns().deliver(harness.app, job.subject_id, until=harness.app.clock() + timedelta(seconds=20))
    with harness.app.database.begin() as connection:
        assert set(quarantine.of_loop(connection, QuarantineLoop.JOB)) == {str(job).replace(":", " ") for job in jobs}
    assert counts(harness, made) == [{"audience": 3, "pending": 3}] * 2


def test_no_more_than_one_batch_is_claimed_at_a_time(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, 3)
    with harness.app.database.begin() as connection:
        ids = [harness.report(one).dispatches[0].dispatch.id for one in made]
        now = harness.app.clock()
        claimed = deliveries.claim(connection, ids, worker="w", limit=5, now=now, lease_until=now)
    assert len(claimed.deliveries) == 5


def test_a_run_that_waits_for_the_servers_of_one_leaves_the_others_to_the_next(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.channel("mail", "scripted")
    made = running(harness, 3)
    slow = harness.report(made[0]).dispatches[0].dispatch.id
    answer, send_as_ever = threading.Event(), ScriptedChannel.send

    async def silent(self: ScriptedChannel, rendition: Any, batch: Any, context: Any) -> AsyncIterator[Outcome]:
        if batch[0].dispatch_id == slow:
            await asyncio.to_thread(answer.wait, 120)
        async for outcome in send_as_ever(self, rendition, batch, context):
            yield outcome

    monkeypatch.setattr(ScriptedChannel, "send", silent)
    with harness.app.database.begin() as connection:
        channel_id = channels.find(connection, "mail").id
    runs = DeliveryRuns(silent_after=timedelta())
    until = harness.app.clock() + timedelta(seconds=60)
    try:
        (job,) = runs.deliver_small(harness.app, channel_id, until=until)
        assert (job.kind, job.subject_id) == (JobKind.DELIVER_SMALL, channel_id)
        while harness.counts(made[2]) != {"audience": 3, "sent": 3}:
            threading.Event().wait(0.05)
            send(harness)
        assert harness.counts(made[1]) == {"audience": 3, "sent": 3}
        assert "sent" not in harness.counts(made[0])
    finally:
        answer.set()
        runs.wait()
    assert harness.counts(made[0]) == {"audience": 3, "sent": 3}
    assert Counter(harness.seen) == dict.fromkeys(PEOPLE, 3)
