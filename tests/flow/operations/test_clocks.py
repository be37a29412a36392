"""Clocks are compared with PostgreSQL's, however the machines are spread."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from distributor.flow.app_context import AppContext
from distributor.flow.operations.clocks import compare_clocks
from distributor.flow.operations.scheduler import run_scheduler
from distributor.storage import heartbeats
from tests.flow.campaign_harness import CampaignHarness

# The readings are seconds apart at most, however busy the machine is.
EXACT = timedelta(seconds=60)


def shifted(app: AppContext, by: timedelta) -> AppContext:
    return replace(app, clock=lambda: app.clock() + by)


def differences(app: AppContext) -> dict[str, timedelta]:
    return {one.name: one.ahead for one in compare_clocks(app)}


@pytest.mark.parametrize("by", [timedelta(hours=1), -timedelta(hours=1)])
def test_a_clock_that_is_off_differs_by_as_much(app: AppContext, by: timedelta) -> None:
    found = differences(shifted(app, by))
    assert abs(found["this machine"] - by) < EXACT
    assert abs(found["Redis"]) < EXACT
    assert abs(differences(app)["this machine"]) < EXACT


@pytest.mark.parametrize("by", [timedelta(hours=1), -timedelta(hours=1)])
def test_the_beat_and_the_workers_of_other_machines_leave_their_clocks(harness: CampaignHarness, by: timedelta) -> None:
    app = harness.app
    harness.channel("mail", "scripted")
    harness.plan("mail")
    CampaignHarness(app, harness.folder).run()
    assert all(abs(ahead) < EXACT for ahead in differences(app).values())
    (workers,) = [name for name in differences(app) if name.startswith("the workers of ")]

    run_scheduler(shifted(app, by))
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, workers.removeprefix("the "), now=app.clock() + by)
        heartbeats.record_heartbeat(connection, heartbeats.workers_of("other"), now=app.clock())
    found = differences(app)
    assert abs(found["the beat"] - by) < EXACT
    assert abs(found[workers] - by) < EXACT
    assert abs(found["the workers of other"]) < EXACT


def test_the_clocks_of_machines_that_are_gone_do_not_count(app: AppContext) -> None:
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, heartbeats.workers_of("gone"), now=app.clock())
        assert heartbeats.recent_heartbeats(connection, within=timedelta()) == []
        heartbeats.forget_workers(connection, before=app.clock() + EXACT)
    assert "the workers of gone" not in differences(app)
