"""`distributor quarantine list | show | retry | discard`, and what doctor says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.quarantine import QuarantineLoop
from distributor.storage import quarantine
from distributor.storage.database import Database
from tests.cli.conftest import Run

EVENT = {"delivery_id": "1", "kind": "hologram", "at": "2027-01-01T00:00:00+00:00", "key": "1", "detail": "{}"}


@pytest.fixture
def database(environment: dict[str, str]) -> Iterator[Database]:
    database = Database(environment["DISTRIBUTOR_DATABASE_URL"], pool_size=0)
    yield database
    database.close()


def hold(database: Database, key: str, event: dict[str, str]) -> None:
    with database.begin() as connection:
        quarantine.hold(
            connection,
            QuarantineLoop.EVENT,
            key,
            reason="'hologram' is not a valid EventKind",
            content=json.dumps(event).encode(),
            now=datetime(2027, 1, 1, tzinfo=UTC),
        )


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("quarantine", "list", "--json", *options).out)
    return found


def test_an_empty_quarantine_is_said_to_be_empty(run: Run) -> None:
    assert "The quarantine is empty" in run("quarantine", "list").out
    assert listed(run) == []
    assert json.loads(run("quarantine", "retry", "--loop", "event", "--json").out) == []


def test_a_broken_file_is_listed_and_leaves_when_it_works_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "content" / "bad.md"
    file.write_text("---\ndraft: 7\n---\n\nText.\n")
    run("article", "scan")
    (item,) = listed(run, "--loop", "file")
    assert (item["loop"], item["key"], item["failures"]) == ("file", "bad.md", 1)
    assert item["reason"].startswith("bad.md:2: ")
    assert "bad.md" in run("quarantine", "list").out
    doctor = [one for one in json.loads(run("doctor", "--json").out) if one["check"] == "quarantine"]
    assert doctor[0]["state"] == "warn"
    assert "1 of loop file" in doctor[0]["finding"]

    file.write_text("---\ntitle: Seven\n---\n\nText.\n")
    assert "next pass" in run("quarantine", "retry", str(item["id"])).out
    run("article", "scan")
    assert listed(run) == []
    doctor = [one for one in json.loads(run("doctor", "--json").out) if one["check"] == "quarantine"]
    assert (doctor[0]["state"], doctor[0]["finding"]) == ("ok", "empty")


def test_an_event_that_still_fails_stays_and_one_that_works_leaves(run: Run, database: Database) -> None:
    hold(database, "1-0", EVENT)
    hold(database, "2-0", EVENT | {"kind": "open"})
    result = run("quarantine", "retry", "--loop", "event", "--json")
    assert result.code == 4
    results = {row["key"]: row["result"] for row in json.loads(result.out)}
    assert results["2-0"] == "works and has left the quarantine"
    assert results["1-0"].startswith("still fails: ValueError")
    (item,) = listed(run)
    assert (item["key"], item["failures"]) == ("1-0", 2)
    shown = json.loads(run("quarantine", "show", str(item["id"]), "--json").out)
    assert json.loads(shown["content"]) == EVENT


def test_items_are_discarded_by_id_or_by_loop(run: Run, database: Database) -> None:
    for number in range(3):
        hold(database, f"{number}-0", EVENT)
    run("quarantine", "discard", str(listed(run)[0]["id"]))
    assert [item["key"] for item in listed(run)] == ["1-0", "0-0"]
    assert listed(run, "--limit", "1", "--before", str(listed(run)[0]["id"]))[0]["key"] == "0-0"
    run("quarantine", "discard", "--loop", "event")
    assert listed(run) == []


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_what_is_meant_must_be_named(run: Run, command: str) -> None:
    assert run("quarantine", command).code == 2
    assert run("quarantine", command, "1", "--loop", "event").code == 2
    result = run("quarantine", command, "999")
    assert (result.code, "there is no item in quarantine 999" in result.message) == (3, True)


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_an_item_that_is_gone_stops_no_other(run: Run, database: Database, command: str) -> None:
    hold(database, "1-0", EVENT | {"kind": "open"})
    (item,) = listed(run)
    result = run("quarantine", command, "999", str(item["id"]))
    assert (result.code, "there is no item in quarantine 999" in result.message) == (3, True)
    assert listed(run) == []
