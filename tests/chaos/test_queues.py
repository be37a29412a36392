"""Queues that stand still, are emptied or lose their workers: each job has its message, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.cli.process_group import ChildProcess
from distributor.flow.job_notes import MOST_WAITING
from distributor.flow.operations.channel_settings import configure
from distributor.storage import heartbeats
from tests.chaos.mail_relay import running_relay
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, Service, running_service
from tests.conftest import thorough

CAMPAIGNS = 12
TICKS = 4
PEOPLE = 300
CONNECTIONS = 4
LIMITED_WORKER = ChildProcess(
    name="worker-limited", module="tests.chaos.limited_worker", arguments=("work", "--queue", "email")
)

pytestmark = pytest.mark.chaos


def test_queues_that_stood_still_hold_each_job_once_and_everything_goes_out_once(tmp_path: Path) -> None:
    with running_service(tmp_path, people=2, parts=BEATS) as service:
        redis = service.app.redis
        campaigns = [service.plan("email") for _ in range(CAMPAIGNS)]
        ticks(service)
        assert redis.llen("prepare") == CAMPAIGNS, "two beats, some seconds long"

        redis.flushall()
        ticks(service)
        assert redis.llen("prepare") == CAMPAIGNS, "the jobs were found again in the ledger"

        # As after longer than any note about a message lasts: what waits is sent again, and the first is still there.
        redis.delete(*redis.keys("distributor:job:*"))
        ticks(service)
        assert redis.llen("prepare") == 2 * CAMPAIGNS

        for worker in (EMAIL_WORKER, OTHER_WORKER):
            service.crew.start(worker)
        service.wait_for(lambda: all(map(service.is_finished, campaigns)), "the end of every campaign")
        service.wait_for(lambda: not any(map(redis.llen, ("prepare", "release", "email"))), "empty queues")
        assert set(service.mails().values()) == {CAMPAIGNS}
        assert len(redis.keys("distributor:job:*")) < MOST_WAITING


@thorough
def test_what_a_task_that_took_too_long_left_goes_out_by_itself(tmp_path: Path) -> None:
    with (
        running_relay(tmp_path / "inbox") as relay,
        running_service(tmp_path, people=PEOPLE, parts=(LIMITED_WORKER, OTHER_WORKER, BEATS[0])) as service,
    ):
        configure(service.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS})
        relay.allow(PEOPLE // 10)
        campaign_id = service.plan("email")
        log = tmp_path / "logs" / f"{LIMITED_WORKER.name}.log"
        service.wait_for(lambda: "Hard time limit" in log.read_text(errors="replace"), "a task that is killed")
        relay.allow(None)
        service.wait_for(lambda: service.is_finished(campaign_id), "the end of the campaign")
        counts, mails = dict(service.counts(campaign_id, "email")), relay.mails()

    assert [mail for mail, count in mails.items() if count > 1] == []
    assert counts["sent"] + counts["unknown"] == counts["audience"] == PEOPLE


def ticks(service: Service) -> None:
    """Let the beats run the scheduler some times."""
    seen = set()

    def has_ticked() -> bool:
        with service.app.database.begin() as connection:
            seen.add(heartbeats.last_heartbeat(connection, heartbeats.BEAT))
        return len(seen) > TICKS

    service.wait_for(has_ticked, f"{TICKS} runs of the scheduler")
