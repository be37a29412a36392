"""Delivering while PostgreSQL is briefly away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from distributor.domain.errors import ServiceError
from distributor.flow.delivery.deliver import deliver
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.storage.database import Connection, Database
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
    render(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    # The dispatch is read, a batch claimed and put in flight; the fourth finds no outcome of it.
    url = harness.app.database.url.render_as_string(hide_password=False)
    faltering = Faltering(url, at=4)
    until = harness.app.clock() + timedelta(seconds=20)
    deliver(replace(harness.app, database=faltering), dispatch_id, until=until)
    faltering.close()
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "unknown": 3}
    assert sorted(harness.seen) == sorted(everybody)
