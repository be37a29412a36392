"""`distributor channel lanes`: what is paused, and letting it go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from distributor.domain.errors import NotFoundError
from distributor.embedded import Services
from distributor.storage import channels, lanes
from distributor.storage.database import Database

from .conftest import Run

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def mail(run: Run, fresh_services: Services) -> Run:
    """A command line with an email channel of which two lanes are paused."""
    assert run("channel", "set", "mail", "--kind", "email").code == 0
    database = Database(fresh_services.database_url)
    with database.begin() as connection:
        channel_id = channels.find(connection, "mail").id
        for destination in ("google", "example.net"):
            lanes.pause(connection, channel_id, "relay", destination, reason="blocked: 550 5.7.1 no", now=NOW)
    database.close()
    return run


def listed(run: Run) -> list[str]:
    return [row["lane"] for row in json.loads(run("channel", "lanes", "list", "mail", "--json").out)]


def test_paused_lanes_are_listed_with_their_reason(mail: Run) -> None:
    assert "relay/google" in mail("channel", "lanes", "list", "mail").out
    paused = json.loads(mail("channel", "lanes", "list", "mail", "--json").out)
    assert {one["lane"]: one["reason"] for one in paused} == {
        "relay/example.net": "blocked: 550 5.7.1 no",
        "relay/google": "blocked: 550 5.7.1 no",
    }


def test_one_lane_or_all_go_on(mail: Run) -> None:
    assert mail("channel", "lanes", "resume", "mail", "relay/google").code == 0
    assert listed(mail) == ["relay/example.net"]
    assert "1 lanes go on" in mail("channel", "lanes", "resume", "mail").err
    assert listed(mail) == []


def test_a_lane_that_is_not_paused_is_not_found(mail: Run) -> None:
    said = mail("channel", "lanes", "resume", "mail", "relay/yahoo")
    assert said.code == NotFoundError.exit_code
    assert "lanes list mail" in said.err
