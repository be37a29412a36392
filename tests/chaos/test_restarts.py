"""PostgreSQL dies, Redis dies and comes back empty, the relay is gone: the campaign finishes by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from distributor.domain.errors import ServiceError
from distributor.flow.operations.audit import DifferenceKind, audit
from distributor.flow.operations.channel_settings import configure
from distributor.mail.records.sources import parse_record_sources

from .mail_relay import running_relay
from .redis_server import running_redis
from .service import BEATS, EMAIL_WORKER, OTHER_WORKER, free_port, make_retries_due, running_service

# The whole size, with the real minute that passes until mails are tried again:
# DISTRIBUTOR_RESTARTS_PEOPLE=20000 make test ARGS=tests/chaos
WHOLE = "DISTRIBUTOR_RESTARTS_PEOPLE" in os.environ
PEOPLE = int(os.environ.get("DISTRIBUTOR_RESTARTS_PEOPLE", "1500"))
CONNECTIONS = 4

pytestmark = pytest.mark.chaos


def test_a_campaign_outlives_its_database_its_broker_and_its_relay(tmp_path: Path) -> None:
    parts = (EMAIL_WORKER, OTHER_WORKER, BEATS[0])
    with (
        running_relay(tmp_path / "inbox") as relay,
        running_redis(free_port()) as redis,
        running_service(tmp_path, people=PEOPLE, parts=parts, redis_url=redis.url) as service,
    ):
        configure(service.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS})
        # The relay holds the mails back, so that each of these events happens in the middle of the campaign.
        relay.allow(0)
        campaign_id = service.plan("email")

        def forward(share: float) -> None:
            goal = int(share * PEOPLE)
            relay.allow(goal)
            service.wait_for(lambda: relay.passed >= goal, f"{share:.0%} of the campaign")

        def counts() -> Mapping[str, int]:
            try:
                return service.counts(campaign_id, "email")
            except ServiceError:
                return {"sent": 0, "deferred": 0, "pending": PEOPLE, "audience": 0}

        def is_finished() -> bool:
            if not WHOLE:
                make_retries_due(service)
            return service.is_finished(campaign_id)

        forward(0.1)
        service.kill_postgresql()
        forward(0.3)
        redis.kill()
        redis.start()
        forward(0.5)
        relay.refuse()
        service.wait_for(lambda: counts()["deferred"] > 0, "a deferred delivery")
        relay.serve()
        relay.allow(None)
        service.wait_for(is_finished, "the end of the campaign")

        ended, mails = counts(), relay.mails()
        result = audit(service.app, campaign_id, parse_record_sources([f"inbox:{relay.folder}"]))

    assert [mail for mail, count in mails.items() if count > 1] == []
    assert ended["sent"] + ended["unknown"] == ended["audience"] == PEOPLE
    # Only the stopped relay can leave outcomes unknown: one mail on each connection.
    assert ended["unknown"] <= CONNECTIONS
    assert len(mails) >= ended["sent"]
    assert {one.kind for one in result.differences} <= {DifferenceKind.FOUND}
