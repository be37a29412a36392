"""Commands about a campaign whose deliveries were removed: they say when and why, and have the totals."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from distributor.domain.errors import NotFoundError
from tests.cli.conftest import Run

SENTENCE = "its details were removed on 2026-11-01, as DISTRIBUTOR_DELIVERY_RETENTION_DAYS says; the totals are kept"


@pytest.fixture
def past(run: Run, environment: dict[str, str]) -> Run:
    """A command line with a campaign of two past deliveries, number 7 and 8."""
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO channels (name, kind) VALUES ('mail', 'email')")
        connection.execute(
            "INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at) "
            "VALUES ('Old', false, false, 'assume_sent', now())"
        )
        connection.execute(
            "INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone, audience_size, "
            "released_at, finished_at, deliveries_removed_at) SELECT c.id, h.id, 'finished', '2026-01-01', 'UTC', 2, "
            "'2026-01-01', '2026-01-01', '2026-11-01' FROM campaigns c, channels h"
        )
        connection.execute(
            "INSERT INTO past_deliveries SELECT n, d.id, n, 1, 'sent' FROM dispatches d, unnest('{7,8}'::int[]) n"
        )
        connection.execute("INSERT INTO delivery_totals SELECT id, 'sent', '', 2 FROM dispatches")
    return run


def test_lists_and_files_of_deliveries_say_when_they_were_removed(past: Run, tmp_path: Path) -> None:
    listed = past("campaign", "deliveries", "1")
    assert (listed.code, SENTENCE in " ".join(listed.out.split())) == (0, True)
    assert json.loads(past("campaign", "deliveries", "1", "--json").out) == []
    exported = past("campaign", "export-deliveries", "1", "--out", str(tmp_path / "old.csv"))
    assert (exported.code, SENTENCE in exported.message) == (0, True)


def test_one_of_them_is_refused_with_the_day(past: Run) -> None:
    for command in ("delivery", "events"):
        refused = past("campaign", command, "7")
        assert (refused.code, SENTENCE in refused.message) == (NotFoundError.exit_code, True)


def test_the_audit_counts_them_and_finds_nothing(past: Run) -> None:
    found = json.loads(past("campaign", "audit", "1", "--json").out)
    assert found["states"] == {"sent": {"deliveries": 2, "in_the_records": 0}}
    assert (found["past"], found["removed_at"][:10], found["counts"]) == (2, "2026-11-01", {})
    assert past("totals", "verify").code == 0


def test_the_doctor_shows_sizes_and_what_is_kept_for_how_long(past: Run) -> None:
    shown = json.loads(past("doctor", "--json", DISTRIBUTOR_DELIVERY_RETENTION_DAYS="365").out)
    by_check = {one["check"]: one for one in shown}
    assert by_check["data: past deliveries"]["figures"]["bytes"] > 0
    assert [one["figures"]["days"] for one in shown if one["check"] == "retention"] == [None, 365]
    assert by_check["disk"]["figures"].keys() == {"free", "total"}


def test_a_retention_of_a_few_days_is_refused(past: Run) -> None:
    refused = past("list", "list", DISTRIBUTOR_DELIVERY_RETENTION_DAYS="7")
    assert refused.code != 0
    assert "30 days" in refused.message
