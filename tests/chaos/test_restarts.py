"""PostgreSQL dies, Redis dies and comes back empty, the relay is gone: the campaign finishes by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.cli.channels import configure
from distributor.domain.errors import ServiceError
from distributor.flow.operations.audit import DifferenceKind, audit
from distributor.mail.records.sources import parse_record_sources
from distributor.sandbox.faults import SMTP, FaultKind, InjectedFault

from .mail_relay import running_relay
from .redis_server import running_redis
from .service import BEATS, EMAIL_WORKER, OTHER_WORKER, Service, free_port, running_service

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
        # Slow enough that all of it happens in the middle.
        relay.switches.set(SMTP, InjectedFault(kind=FaultKind.SLOW, seconds=0.02))
        campaign_id = service.plan("email")

        def counts() -> Mapping[str, int]:
            try:
                return service.counts(campaign_id, "email")
            except ServiceError:
                return {"sent": 0, "deferred": 0, "pending": PEOPLE, "audience": 0}

        def sent_at_least(share: float) -> None:
            service.wait_for(lambda: counts()["sent"] >= share * PEOPLE, f"{share:.0%} of the campaign")

        sent_at_least(0.1)
        service.kill_postgresql()
        sent_at_least(0.3)
        redis.kill()
        redis.start()
        sent_at_least(0.5)
        relay.refuse()
        service.wait_for(lambda: counts()["deferred"] > 0, "a delivery that has to wait")
        relay.serve()
        service.wait_for(lambda: counts()["audience"] == PEOPLE and counts()["pending"] == 0, "all others")
        assert counts()["deferred"] > 0
        if not WHOLE:
            _let_a_minute_pass(service)
        service.wait_for(lambda: service.is_finished(campaign_id), "the end of the campaign")

        ended, mails = counts(), relay.mails()
        made = audit(service.app, campaign_id, parse_record_sources([f"inbox:{relay.folder}"]))

    assert [mail for mail, count in mails.items() if count > 1] == []
    assert ended["sent"] + ended["unknown"] == ended["audience"] == PEOPLE
    # Only the relay's going could leave anybody in doubt: one mail on each connection.
    assert ended["unknown"] <= CONNECTIONS
    assert len(mails) >= ended["sent"]
    assert {one.kind for one in made.differences} <= {DifferenceKind.FOUND}


def _let_a_minute_pass(service: Service) -> None:
    """The first wait after a temporary failure, without waiting."""
    with service.app.database.begin() as connection:
        changed = connection.execute(
            text("UPDATE deliveries SET next_at = next_at - interval '75 s' WHERE state = 'deferred'")
        )
    assert changed.rowcount > 0
