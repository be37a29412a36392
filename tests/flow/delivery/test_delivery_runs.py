"""Delivery runs of one process: as `deliver` while servers answer, in the background while they are silent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from distributor.domain.errors import NotFoundError
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.delivery_runs import MAX_OF_DISPATCH, DeliveryRuns
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.storage import channels
from tests.flow.campaign_harness import CampaignHarness
from tests.mail.smtp.http_server import in_a_thread
from tests.mail.smtp.smtp_servers import Server, Silence

PEOPLE = 500


def released(harness: CampaignHarness, name: str) -> tuple[int, int]:
    """A campaign on this channel and its dispatch, ready to be delivered."""
    campaign_id = harness.plan(name)
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    render(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    return campaign_id, dispatch_id


def test_a_run_that_has_results_is_awaited(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id, dispatch_id = released(harness, "mail")
    runs = DeliveryRuns()
    assert runs.deliver(harness.app, dispatch_id, until=harness.app.clock() + timedelta(seconds=20)) == []
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_an_error_of_a_run_is_raised(harness: CampaignHarness) -> None:
    with pytest.raises(NotFoundError):
        DeliveryRuns().deliver(harness.app, 4711, until=harness.app.clock())


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
