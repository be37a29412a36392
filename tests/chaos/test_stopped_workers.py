"""A worker is stopped (SIGSTOP) for longer than its lease while others go on: on waking, it sends nothing of theirs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from distributor.domain.campaign import UnknownPolicy
from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.failpoints import Failpoint
from distributor.flow.operations.scheduler import run_scheduler
from distributor.testing.scripted_server import Reply, scripted_server
from tests.conftest import thorough

from .crash_campaign import CONNECTIONS, CrashCampaign
from .crash_worker import CrashAt
from .mail_relay import Relay, running_relay
from .test_provider_api_crashes import NoServer

# One batch.
PEOPLE = [f"reader{number}@example.org" for number in range(60)]
SENT_BEFORE = 20
LEASE = timedelta(seconds=6)
SECRET = b"a key that is only good for tests"

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("policy", [UnknownPolicy.RESEND, pytest.param(UnknownPolicy.ASSUME_SENT, marks=thorough)])
def test_a_worker_that_wakes_up_after_its_lease_reports_what_it_knows_and_leaves_the_rest(
    app: AppContext, tmp_path: Path, policy: UnknownPolicy
) -> None:
    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(app, relay, SECRET, people=PEOPLE, policy=policy)
        with _stopped_in_the_middle(campaign, relay):
            # The others do what there is to do.
            campaign.run_due_jobs()
        campaign.run()
        states, mails = campaign.states(), relay.mails()

    assert [mail for mail, count in mails.items() if count > 1] == []
    assert states == {DeliveryState.SENT: len(PEOPLE)}
    assert len(mails) == len(PEOPLE)


def test_what_others_have_sent_meanwhile_is_not_sent_by_a_worker_that_wakes_up(app: AppContext, tmp_path: Path) -> None:
    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(app, relay, SECRET, people=PEOPLE, policy=UnknownPolicy.RESEND)
        with _stopped_in_the_middle(campaign, relay):
            # So long that others send again what the worker may have sent.
            campaign.run()
            assert campaign.states() == {DeliveryState.SENT: len(PEOPLE)}
        campaign.run()
        states, mails = campaign.states(), relay.mails()

    # What was on the wire when the worker was stopped is all that can be doubled.
    assert sum(count - 1 for count in mails.values()) <= CONNECTIONS
    assert max(mails.values()) <= 2
    assert states == {DeliveryState.SENT: len(PEOPLE)}


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(Failpoint.AFTER_CLAIM, marks=thorough),
        Failpoint.AFTER_INTENT,
        pytest.param(Failpoint.AFTER_JOURNAL, marks=thorough),
    ],
)
def test_a_worker_stopped_before_the_content_of_a_mail_does_not_send_it(
    app: AppContext, tmp_path: Path, point: Failpoint
) -> None:
    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(app, relay, SECRET, people=PEOPLE, policy=UnknownPolicy.RESEND)
        campaign.release()
        worker = campaign.start_worker(crash=CrashAt(point=point, hit=1, signal=signal.SIGSTOP), lease=LEASE)
        with _stopped(worker):
            _wait_until_leases_end(campaign)
            campaign.run()
        campaign.run()
        states, mails = campaign.states(), relay.mails()

    assert [mail for mail, count in mails.items() if count > 1] == []
    assert states == {DeliveryState.SENT: len(PEOPLE)}


@pytest.mark.parametrize("policy", UnknownPolicy)
def test_a_post_is_made_once_though_a_worker_was_stopped_before_it(app: AppContext, policy: UnknownPolicy) -> None:
    created = Reply(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": 1, "username": "gazette"}}})
    with scripted_server(route=lambda _: created) as server:
        settings = {"api_url": server.url, "bot_token": "42:token", "handle": "@gazette"}
        campaign = CrashCampaign(
            app, NoServer(), SECRET, people=["ada@example.org"], policy=policy, kind="telegram", settings=settings
        )
        campaign.release()
        stop = CrashAt(point=Failpoint.AFTER_JOURNAL, hit=1, signal=signal.SIGSTOP)
        worker = campaign.start_worker(crash=stop, lease=LEASE)
        with _stopped(worker):
            _wait_until_leases_end(campaign)
            campaign.run()
            # Nobody can ask Telegram, so that the policy decides.
            assert len(server.requests) == (policy is UnknownPolicy.RESEND)
        campaign.run()

    assert len(server.requests) == 1
    assert campaign.states() == {DeliveryState.SENT: 1}


@contextmanager
def _stopped_in_the_middle(campaign: CrashCampaign, relay: Relay) -> Iterator[None]:
    """Its worker is stopped with one mail on each of its connections, and its leases end."""
    relay.allow(SENT_BEFORE)
    campaign.release()
    worker = campaign.start_worker(lease=LEASE)
    _wait_for(lambda: relay.passed == SENT_BEFORE and relay.holding == CONNECTIONS)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    with _stopped(worker):
        # The server takes what is on the wire; its replies wait for the worker.
        relay.allow(None)
        _wait_until_leases_end(campaign)
        yield


@contextmanager
def _stopped(worker: ForkServerProcess) -> Iterator[None]:
    """The worker is stopped, or will be, until the block ends; then it is awaited."""
    assert worker.pid is not None
    pid = worker.pid
    try:
        _wait_for(lambda: _state_of(pid) == "T")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        worker.join()
    assert worker.exitcode == 0
    worker.close()


def _wait_until_leases_end(campaign: CrashCampaign) -> None:
    def have_ended() -> bool:
        with campaign.app.database.begin() as connection:
            return not connection.exec_driver_sql("SELECT 1 FROM deliveries WHERE lease_until > now()").first()

    _wait_for(have_ended)
    # As the beat does once a second: what the journal of the stopped worker says is known.
    run_scheduler(campaign.app)
    recover_journals(campaign.app)


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("what the test waits for does not happen")
