"""A campaign whose worker, Redis and beat are killed and doubled: nobody is skipped and nobody gets two mails."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

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
    with running_service(tmp_path, people=PEOPLE, parts=(EMAIL_WORKER, OTHER_WORKER, *BEATS)) as service:
        campaign_id = service.plan("email", "feed", "x", "mastodon", "bluesky")

        def sent() -> int:
            return service.counts(campaign_id, "email")["sent"]

        killed = 0
        for turn in range(KILLS):
            goal = sent() + dice.randint(1, PEOPLE // (KILLS + 2))
            service.wait_for(lambda goal=goal: sent() >= goal or service.is_finished(campaign_id), "progress")
            killed += not service.is_finished(campaign_id)
            service.crew.kill(EMAIL_WORKER)
            if turn == KILLS // 2:
                service.kill_redis()
        service.wait_for(lambda: service.is_finished(campaign_id), "the end of the campaign")
        counts = dict(service.counts(campaign_id, "email"))
        mails = service.mails()
        posts = {network: service.posts(network) for network in ("x", "mastodon", "bluesky")}

    assert killed >= 5, "the campaign was over before it had been killed often enough: raise PEOPLE"
    assert [address for address, count in mails.items() if count > 1] == []
    assert counts["audience"] == PEOPLE
    assert counts["sent"] + counts["unknown"] == PEOPLE
    assert counts["unknown"] <= killed * CONNECTIONS_OF_A_WORKER
    # Whoever has no mail is known to be in doubt; nobody was passed over in silence.
    assert PEOPLE - len(mails) <= counts["unknown"]
    assert len(mails) >= counts["sent"]
    assert {network: len(made) for network, made in posts.items()} == {"x": 1, "mastodon": 1, "bluesky": 1}
    record_property("people", PEOPLE)
    record_property("kills", killed)
    record_property("ledger", counts)
    record_property("received", len(mails))
