"""Channels and emulators of other packages: one that cannot be loaded stops no other, and doctor says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.channels import registry
from distributor.channels.registry import broken_kinds, kind_of, kinds
from distributor.sandbox.registry import broken_emulators, emulators
from distributor.sources.kinds import registry as sources
from tests.cli.conftest import Run

MODULES = {
    "broken_import": "import a_package_that_is_not_there\n",
    "broken_exit": "raise SystemExit('no licence')\n",
    "broken_value": "CHANNEL = 'not a class'\n",
    "broken_class": "class Channel:\n    kind = 'half'\n",
    "good": "from distributor.channels.feed.channel import FeedChannel\nclass Good(FeedChannel):\n    kind = 'good'\n",
    "good_source": (
        "from distributor.sources.kinds.feed import FeedSource\nclass Good(FeedSource):\n    kind = 'good_source'\n"
    ),
}
ENTRY_POINTS = """[distributor.channels]
one = broken_import:CHANNEL
two = broken_exit:CHANNEL
three = broken_value:CHANNEL
four = broken_class:Channel
five = good:Missing
six = good:Good

[distributor.sources]
one = broken_import:KIND
two = good_source:Good

[distributor.emulators]
one = broken_import:EMULATOR
"""


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with five kinds that cannot be loaded and one that can."""
    folder = tmp_path / "packages"
    installed = folder / "partners-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: partners\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(ENTRY_POINTS)
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    registry.kinds.cache_clear()
    sources.kinds.cache_clear()
    emulators.cache_clear()
    yield
    registry.kinds.cache_clear()
    sources.kinds.cache_clear()
    emulators.cache_clear()


def test_kinds_that_cannot_be_loaded_stop_no_other() -> None:
    assert {"email", "feed", "x", "good"} <= set(kinds())
    assert kind_of("good").kind == "good"
    assert {name: reason.partition(": ")[2] for name, reason in broken_kinds().items()} == {
        "one": "ModuleNotFoundError: No module named 'a_package_that_is_not_there'",
        "two": "SystemExit: no licence",
        "three": "TypeError: it is not a class",
        "four": "TypeError: the class has no settings_model, capabilities",
        "five": "AttributeError: module 'good' has no attribute 'Missing'",
    }


def test_an_emulator_that_cannot_be_loaded_stops_no_other() -> None:
    assert {"x", "mastodon", "bluesky"} <= set(emulators())
    assert list(broken_emulators()) == ["one"]


def test_a_kind_of_source_that_cannot_be_loaded_stops_no_other(run: Run) -> None:
    assert {"feed", "folder", "good_source"} <= set(sources.kinds())
    assert list(sources.broken_kinds()) == ["one"]
    added = run("source", "add", "https://a.example/feed", "--kind", "good_source", "--name", "other")
    assert "source other: good_source at https://a.example/feed" in added.message


def test_the_doctor_names_what_cannot_be_loaded_and_checks_the_rest(run: Run) -> None:
    findings = json.loads(run("doctor", "--json").out)
    kinds_found = [one for one in findings if one["check"] == "kinds"]
    assert [one["state"] for one in kinds_found] == ["ok", *["fail"] * 6]
    assert "good" in kinds_found[0]["finding"]
    assert "broken_import:CHANNEL cannot be loaded: ModuleNotFoundError" in kinds_found[1]["finding"]
    assert [one["state"] for one in findings if one["check"] == "emulators"] == ["warn"]
    assert "postgresql" in [one["check"] for one in findings]
