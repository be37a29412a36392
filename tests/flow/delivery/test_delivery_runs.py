"""Delivery runs of one process: as `deliver` while servers answer, in the background while they are silent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from distributor.domain.delivery import Outcome
from distributor.domain.errors import ServiceError
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.delivery_runs import MAX_OF_DISPATCH, DeliveryRuns
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.jobs import JobKind
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.quarantine import guarded_job
from distributor.storage import channels, deliveries, quarantine
from distributor.storage.database import Database
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.scripted_channel import ScriptedChannel
from tests.mail.smtp.http_server import in_a_thread
from tests.mail.smtp.smtp_servers import Server, Silence

PEOPLE = 500


def released(harness: CampaignHarness, name: str) -> tuple[int, int]:
    """A campaign on this channel and its dispatch, ready to be delivered."""
    campaign_id = harness.plan(name)
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    prepare(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    return campaign_id, dispatch_id


def test_a_run_that_has_results_is_awaited(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id, dispatch_id = released(harness, "mail")
    runs = DeliveryRuns()
    assert runs.deliver(harness.app, dispatch_id, until=harness.app.clock() + timedelta(seconds=20)) == []
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_an_error_of_a_run_is_in_quarantine(harness: CampaignHarness) -> None:
    assert DeliveryRuns().deliver(harness.app, 4711, until=harness.app.clock()) == []
    assert list(held(harness)) == ["deliver 4711"]


def test_an_error_of_a_service_is_raised(harness: CampaignHarness) -> None:
    away = replace(harness.app, database=Database("postgresql://127.0.0.1:1/nothing", pool_size=0))
    with pytest.raises(ServiceError):
        DeliveryRuns().deliver(away, 1, until=harness.app.clock())


def held(harness: CampaignHarness) -> dict[str, str]:
    """The reasons of the jobs in quarantine."""
    with harness.app.database.begin() as connection:
        return {key: item.reason for key, item in quarantine.of_loop(connection, QuarantineLoop.JOB).items()}


class SilentOnce:
    """A channel's `send` that waits for `answer` before it sends the first batch: no outcome comes before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer = threading.Event()
        send = ScriptedChannel.send

        async def silent(*arguments: Any) -> AsyncIterator[Outcome]:
            await asyncio.to_thread(self.answer.wait, 60)
            async for outcome in send(*arguments):
                yield outcome

        monkeypatch.setattr(ScriptedChannel, "send", silent)


def test_a_run_that_fails_in_the_background_is_in_quarantine_until_a_run_works(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, runs, server = harness.app, DeliveryRuns(silent_after=timedelta()), SilentOnce(monkeypatch)
    harness.channel("mail", "scripted", answers={"ada@example.org": "silent"})
    campaign_id, dispatch_id = released(harness, "mail")
    until = app.clock() + timedelta(seconds=20)

    def failing(*arguments: Any, **options: Any) -> int:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        # What got no outcome is given back.
        patched.setattr(deliveries, "release", failing)
        runs.deliver(app, dispatch_id, until=until)
        assert held(harness) == {}
        server.answer.set()
        runs.wait()
    (reason,) = held(harness).values()
    assert reason.startswith("RuntimeError in test_delivery_runs.py")
    assert harness.report(campaign_id).dispatches[0].dispatch.reason == reason
    recover_journals(app)
    assert run_scheduler(app) == [], "it rests for a second"

    later = harness.later(days=1)
    (job,) = [one for one in run_scheduler(later) if one.kind is JobKind.DELIVER]
    with harness.app.database.begin() as connection:
        channels.save(
            connection, name="mail", kind="scripted", settings={"seen": str(harness.folder / "seen")}, sealed=None
        )
    runs = DeliveryRuns()
    runs.deliver(later, job.subject_id, until=later.clock() + timedelta(seconds=20))
    assert held(harness) == {}
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert len(harness.seen) == 3


def test_a_run_that_goes_on_in_the_background_stays_in_quarantine_until_its_end(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, server = DeliveryRuns(silent_after=timedelta()), SilentOnce(monkeypatch)
    harness.channel("mail", "scripted")
    campaign_id, dispatch_id = released(harness, "mail")
    with guarded_job(harness.app, JobKind.DELIVER, dispatch_id):
        raise RuntimeError("a bug")
    runs.deliver(harness.app, dispatch_id, until=harness.app.clock() + timedelta(seconds=20))
    assert list(held(harness)) == [f"deliver {dispatch_id}"]
    server.answer.set()
    runs.wait()
    assert held(harness) == {}
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_runs_that_wait_for_a_silent_server_go_on_in_the_background_and_are_not_many(
    harness: CampaignHarness,
) -> None:
    harness.people(*(f"reader{number}" for number in range(PEOPLE - 3)))
    server = Server(lambda session, verb, line: None if server.is_speaking else Silence())
    runs = DeliveryRuns(silent_after=timedelta(milliseconds=200))
    with in_a_thread(server) as loop:
        with harness.app.database.begin() as connection:
            settings = {"smtp_url": server.url, "connections": 2}
            channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)
        campaign_id, dispatch_id = released(harness, "mail")
        until = harness.app.clock() + timedelta(minutes=5)
        for _ in range(MAX_OF_DISPATCH):
            # What the run has not claimed is left to others.
            (job,) = runs.deliver(harness.app, dispatch_id, until=until)
            assert job.subject_id == dispatch_id
        assert runs.deliver(harness.app, dispatch_id, until=until) == []
        loop.call_soon_threadsafe(server.speak)
        runs.wait()
        # Each has ended with its batch.
        assert harness.counts(campaign_id)["sent"] == MAX_OF_DISPATCH * 100
        deliver(harness.app, dispatch_id, until=until)
    assert harness.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}
    assert len({taken.rcpt_to for taken in server.taken}) == len(server.taken) == PEOPLE
