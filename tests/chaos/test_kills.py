"""A campaign whose worker, Redis and beat are killed and doubled: nobody is skipped and nobody gets two mails."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from distributor.flow.operations.channel_settings import configure
from distributor.flow.operations.recounting import verify_totals
from tests.chaos.mail_relay import Relay, running_relay
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, running_service

# The whole size, 20,000, takes some minutes: DISTRIBUTOR_CHAOS_PEOPLE=20000 make test ARGS=tests/chaos
PEOPLE = int(os.environ.get("DISTRIBUTOR_CHAOS_PEOPLE", "2500"))
KILLS = 6
CONNECTIONS_OF_A_WORKER = 4

pytestmark = pytest.mark.chaos


def test_a_campaign_survives_killed_workers_a_killed_redis_and_two_beats(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    dice = random.Random(20261122)
    with (
        running_relay(tmp_path / "inbox") as relay,
        running_service(tmp_path, people=PEOPLE, parts=(EMAIL_WORKER, OTHER_WORKER, *BEATS)) as service,
    ):
        configure(service.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS_OF_A_WORKER})
        # The relay holds the mails back, so that each kill happens in the middle of the campaign.
        relay.allow(0)
        campaign_id = service.plan("email", "feed", "x", "mastodon", "bluesky")
        for kill in range(KILLS):
            goal = relay.passed + dice.randint(1, PEOPLE // (KILLS + 2))
            relay.allow(goal)
            service.wait_for(partial(_has_passed, relay, goal), "progress")
            service.crew.kill(EMAIL_WORKER)
            if kill == KILLS // 2:
                service.kill_redis()
        relay.allow(None)
        service.wait_for(lambda: service.is_finished(campaign_id), "the end of the campaign")
        counts = dict(service.counts(campaign_id, "email"))
        mails = Counter(recipient for recipient, _ in relay.mails().elements())
        posts = {network: service.posts(network) for network in ("x", "mastodon", "bluesky")}
        differences = verify_totals(service.app)

    assert [address for address, count in mails.items() if count > 1] == []
    assert differences == []
    assert counts["audience"] == PEOPLE
    assert counts["sent"] + counts["unknown"] == PEOPLE
    assert counts["unknown"] <= KILLS * CONNECTIONS_OF_A_WORKER
    # A recipient without a mail has an unknown outcome; no one was skipped.
    assert PEOPLE - len(mails) <= counts["unknown"]
    assert len(mails) >= counts["sent"]
    assert {network: len(made) for network, made in posts.items()} == {"x": 1, "mastodon": 1, "bluesky": 1}
    record_property("people", PEOPLE)
    record_property("kills", KILLS)
    record_property("ledger", counts)
    record_property("received", len(mails))


def _has_passed(relay: Relay, mails: int) -> bool:
    return relay.passed >= mails
