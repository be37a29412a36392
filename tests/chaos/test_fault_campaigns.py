"""Campaigns of real processes under one fault each: nobody is lost, nobody gets two mails, and they end by themselves.

Small campaigns run with the other tests; the whole size, with faults that take minutes, is for a machine of its own:
DISTRIBUTOR_TEST_THOROUGH=1 DISTRIBUTOR_FAULTS_PEOPLE=20000 make test ARGS="-n 0 -s tests/chaos/test_fault_campaigns.py"
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from distributor.cli.process_group import ChildProcess
from distributor.domain.campaign import CampaignState, UnknownPolicy
from distributor.domain.errors import ServiceError
from distributor.flow.delivery.lease import LEASE
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.report import report
from tests.conftest import thorough

from .fault_proxy import ReplyFault, ReplyFaultKind
from .mail_relay import Relay, running_relay
from .redis_server import RestartableRedis, running_redis
from .service import BEATS, OTHER_WORKER, Service, free_port, make_retries_due, running_service

WHOLE = "DISTRIBUTOR_FAULTS_PEOPLE" in os.environ
PEOPLE = int(os.environ.get("DISTRIBUTOR_FAULTS_PEOPLE", "400"))
CONNECTIONS = 4
# How often a fault happens in a campaign.
TIMES = 6
WORKERS = tuple(
    ChildProcess(name=f"worker-email-{number}", module="distributor_worker", arguments=("work", "--queue", "email"))
    for number in (1, 2)
)
_MOST_SECONDS = 7200

pytestmark = [pytest.mark.chaos, thorough]


@dataclass(frozen=True)
class Campaign:
    """A running campaign, and what a fault is made with."""

    service: Service
    relay: Relay
    redis: RestartableRedis
    journals: Path

    def forward(self, share: float) -> None:
        """Let this share of the mails through, and wait until they are."""
        goal = int(share * PEOPLE)
        self.relay.allow(goal)
        self.service.wait_for(lambda: self.relay.passed >= goal, f"{share:.0%} of the mails", seconds=_MOST_SECONDS)

    def shares(self, times: int = TIMES) -> Iterator[None]:
        """So many times in the middle of the campaign."""
        for number in range(1, times + 1):
            self.forward(number / (times + 2))
            yield


def nothing(_: Campaign) -> None:
    """No fault besides those of the set-up."""


def kill_workers(campaign: Campaign) -> None:
    for number, _ in enumerate(campaign.shares()):
        campaign.service.crew.kill(WORKERS[number % 2])


def kill_postgresql(campaign: Campaign) -> None:
    for _ in campaign.shares(3):
        campaign.service.kill_postgresql()


def kill_redis(campaign: Campaign) -> None:
    for _ in campaign.shares(3):
        campaign.redis.kill()
        campaign.redis.start()


def stop_a_worker(campaign: Campaign) -> None:
    """For longer than its lease, with a mail on each of its connections."""
    campaign.forward(0.2)
    campaign.service.crew.send_signal(WORKERS[0], signal.SIGSTOP)
    campaign.relay.allow(None)
    resume_at = time.monotonic() + LEASE.total_seconds() + 35
    campaign.service.wait_for(lambda: time.monotonic() >= resume_at, "the end of the lease")
    campaign.service.crew.send_signal(WORKERS[0], signal.SIGCONT)


def fill_the_disk(campaign: Campaign) -> Callable[[], None]:
    """Fill the disk of the journals, and wait until the campaign has paused; returns what makes room."""
    campaign.forward(0.3)
    ballast = campaign.journals / "ballast"
    with ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 512)
    campaign.relay.allow(None)
    campaign.service.wait_for(lambda: "disk" in _dispatch_reason(campaign.service), "the pause", seconds=_MOST_SECONDS)
    return ballast.unlink


def fill_the_disk_and_make_room(campaign: Campaign) -> None:
    make_room = fill_the_disk(campaign)
    assert report(campaign.service.app, 1).state is CampaignState.PAUSED
    make_room()


def corrupt(kind: ReplyFaultKind, *, every: int, times: int) -> Callable[[Campaign], None]:
    def fault(campaign: Campaign) -> None:
        campaign.relay.corrupt(ReplyFault(kind=kind, every=every, times=times))

    return fault


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`unknown` is how many outcomes may be unknown at the end. Those with `minutes` run at the whole size only."""

    act: Callable[[Campaign], None]
    unknown: int
    beats: int = 1
    policy: UnknownPolicy = UnknownPolicy.ASSUME_SENT
    minutes: bool = False


FAULTS = {
    "kill -9 of workers": Fault(act=kill_workers, unknown=TIMES * CONNECTIONS, minutes=True),
    "SIGSTOP longer than a lease, assume_sent": Fault(act=stop_a_worker, unknown=0, minutes=True),
    "SIGSTOP longer than a lease, resend": Fault(
        act=stop_a_worker, unknown=0, policy=UnknownPolicy.RESEND, minutes=True
    ),
    "PostgreSQL killed": Fault(act=kill_postgresql, unknown=0, minutes=True),
    "Redis killed": Fault(act=kill_redis, unknown=0, minutes=True),
    "three beats": Fault(act=nothing, unknown=0, beats=3),
    "disk full, room returns": Fault(act=fill_the_disk_and_make_room, unknown=0),
    "garbled replies": Fault(act=corrupt(ReplyFaultKind.GARBLE, every=97, times=40), unknown=40),
    "doubled replies": Fault(act=corrupt(ReplyFaultKind.DOUBLE, every=97, times=40), unknown=0),
    "silent connections": Fault(act=corrupt(ReplyFaultKind.SILENCE, every=97, times=6), unknown=6, minutes=True),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_campaign_under_a_fault_loses_and_doubles_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = FAULTS[name]
    if fault.minutes and not WHOLE:
        pytest.skip("takes minutes: set DISTRIBUTOR_FAULTS_PEOPLE=20000")
    with _running(tmp_path, beats=fault.beats) as campaign:
        started = time.monotonic()
        campaign_id = campaign.service.plan("email", policy=fault.policy)
        fault.act(campaign)
        campaign.relay.allow(None)

        def is_finished() -> bool:
            if not WHOLE:
                make_retries_due(campaign.service)
            return campaign.service.is_finished(campaign_id)

        campaign.service.wait_for(_quiet(is_finished), "the end of the campaign", seconds=_MOST_SECONDS)
        seconds = time.monotonic() - started
        counts, mails = campaign.service.counts(campaign_id, "email"), campaign.relay.mails()
    doubled = sum(count - 1 for count in mails.values())
    lost = PEOPLE - len(mails) - counts["unknown"]
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{name}: {PEOPLE} people, {counts['sent']} sent, {counts['unknown']} unknown, {max(lost, 0)} lost, "
            f"{doubled} doubled, {seconds:.0f} s, load {os.getloadavg()[0]:.1f}"
        )
    assert counts["sent"] + counts["unknown"] == counts["audience"] == PEOPLE
    assert (max(lost, 0), doubled) == (0, 0)
    assert counts["unknown"] <= fault.unknown


def test_a_campaign_on_a_disk_that_stays_full_waits_with_its_reason(tmp_path: Path) -> None:
    with _running(tmp_path, beats=1) as campaign:
        campaign_id = campaign.service.plan("email")
        fill_the_disk(campaign)

        def is_accounted_for() -> bool:
            return campaign.service.counts(campaign_id, "email")["sent"] == campaign.relay.passed

        # The other worker may be committing its last outcomes.
        campaign.service.wait_for(is_accounted_for, "an outcome for each mail", seconds=120)
        counts, mails = campaign.service.counts(campaign_id, "email"), campaign.relay.mails()
        reason = _dispatch_reason(campaign.service)
    assert "resumes by itself" in reason
    assert [mail for mail, count in mails.items() if count > 1] == []
    assert len(mails) == counts["sent"]
    assert counts["sent"] + counts["pending"] == PEOPLE


@contextmanager
def _running(folder: Path, *, beats: int) -> Iterator[Campaign]:
    """A service with two workers for email, whose relay holds the mails back."""
    journals = folder / "data" / "journals"
    journals.mkdir(parents=True)
    beat = BEATS[0]
    more = tuple(replace(beat, name=f"beat-{number}") for number in range(3, beats + 2))
    with (
        _small_disk(journals),
        running_relay(folder / "inbox") as relay,
        running_redis(free_port()) as redis,
        running_service(
            folder, people=PEOPLE, parts=(*WORKERS, OTHER_WORKER, beat, *more), redis_url=redis.url
        ) as service,
    ):
        configure(service.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS})
        relay.allow(0)
        yield Campaign(service, relay, redis, journals)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _dispatch_reason(service: Service) -> str:
    try:
        (dispatch,) = report(service.app, 1).dispatches
    except ServiceError:
        return ""
    return dispatch.dispatch.reason


def _quiet(condition: Callable[[], bool]) -> Callable[[], bool]:
    """The condition, which does not hold while PostgreSQL restarts."""

    def holds() -> bool:
        try:
            return condition()
        except ServiceError:
            return False

    return holds
