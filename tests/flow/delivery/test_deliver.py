"""Delivering while PostgreSQL is briefly away, and while somebody pauses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import deliver
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import delivery_queries
from distributor.storage.database import Connection, Database
from tests.flow import scripted_channel
from tests.flow.campaign_harness import CampaignHarness


class Faltering(Database):
    """A database that does not answer at one of its transactions, counted from 1."""

    def __init__(self, url: str, *, at: int) -> None:
        super().__init__(url)
        self._left = at

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._left -= 1
        if self._left == 0:
            raise ServiceError("PostgreSQL is restarting")
        with super().begin() as connection:
            yield connection


def test_what_was_begun_stays_in_doubt_though_postgresql_is_away_when_that_is_written_down(
    harness: CampaignHarness,
) -> None:
    everybody = ("ada@example.org", "bo@example.org", "cy@example.org")
    harness.channel("mail", "scripted", answers=dict.fromkeys(everybody, "begun"))
    campaign_id = harness.plan("mail")
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    prepare(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    # The generation is read, the heartbeat stored, the dispatch, the site and a batch are read; the sixth finds no
    # outcome of it.
    url = harness.app.database.url.render_as_string(hide_password=False)
    faltering = Faltering(url, at=6)
    until = harness.app.clock() + timedelta(seconds=20)
    deliver(replace(harness.app, database=faltering), dispatch_id, until=until)
    faltering.close()
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "unknown": 3}
    assert sorted(harness.seen) == sorted(everybody)


@pytest.mark.parametrize(
    "odd",
    [
        {"reply_code": 10**12},
        {"detail": {"seconds": float("nan")}},
        {"verdict": Verdict.DEFERRED, "reply_code": -(10**12)},
    ],
    ids=["a number out of range", "a number that is none", "a deferral"],
)
def test_an_outcome_that_cannot_be_stored_costs_no_other_its_own(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    def reply(delivery: Delivery, answer: str, retry_at: datetime | None) -> Outcome:
        return Outcome.of(
            delivery, **({"verdict": Verdict.SENT} | odd), retry_at=harness.app.clock() + timedelta(days=1)
        )

    monkeypatch.setitem(scripted_channel._REPLIES, "odd", reply)
    harness.channel("mail", "scripted", answers={"bo@example.org": "odd"})
    campaign_id = harness.plan("mail")
    harness.run()
    state = odd.get("verdict", Verdict.SENT).value
    assert harness.counts(campaign_id) in ({"audience": 3, "sent": 3}, {"audience": 3, "sent": 2, "deferred": 1})
    with harness.app.database.begin() as connection:
        found = {one.recipient: one for one in delivery_queries.listed(connection, campaign_id, state=None, limit=3)}
    assert found["bo@example.org"].state.value == state
    assert harness.seen.count("bo@example.org") == 1
    assert "is not kept" in found["bo@example.org"].reply
    assert found["ada@example.org"].remote_id == f"remote-{found['ada@example.org'].id}"


@pytest.mark.parametrize("act", [campaign_control.pause, campaign_control.cancel])
def test_a_pause_is_obeyed_within_a_batch_and_what_has_not_begun_is_as_if_it_had_not_been_claimed(
    harness: CampaignHarness, act: Callable[[AppContext, int], object]
) -> None:
    """The batch holds everybody, and its channel would need twelve seconds for them."""
    harness.people(*(f"reader{number}" for number in range(57)), list_slug="more")
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET list_id = 1"))
    harness.channel("mail", "scripted", seconds=0.2)
    campaign_id = harness.plan("mail")
    prepare(harness.app, 1)
    release(harness.app, 1)
    run = threading.Thread(target=harness.run)
    run.start()
    while len(harness.seen) < 2:
        time.sleep(0.01)
    act(harness.app, campaign_id)
    time.sleep(2)
    begun = len(harness.seen)
    run.join()
    assert len(harness.seen) == begun < 60
    counts = harness.counts(campaign_id)
    rest = "pending" if act is campaign_control.pause else "suppressed"
    assert counts == {"audience": 60, "sent": begun, rest: 60 - begun}
    if act is campaign_control.pause:
        campaign_control.resume(harness.app, campaign_id)
        harness.channel("mail", "scripted")
        harness.run()
        assert sorted(set(harness.seen)) == sorted(harness.seen)
        assert harness.counts(campaign_id) == {"audience": 60, "sent": 60}
