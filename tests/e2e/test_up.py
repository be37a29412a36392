"""`distributor up`: everything starts by itself, processes that die are restarted, and nothing is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.paths import ROOT

from .running_up import Running, running_up, wait_for

SETTINGS = {"content_dir": str(ROOT / "content")}


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    """A service of the test's own, ready to be used."""
    with running_up(tmp_path, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service for tests that leave it running."""
    with running_up(tmp_path_factory.mktemp("up"), **SETTINGS) as running:
        yield running


def test_the_front_page_shows_the_sample_that_says_so_itself_and_no_draft(lasting: Running) -> None:
    wait_for(lambda: "Why We Still Send Letters" in httpx.get(lasting.url).text, "the sample on the front page")
    assert "A Kitchen Garden" not in httpx.get(lasting.url).text


def test_a_part_that_dies_is_started_again(lasting: Running) -> None:
    web = next(number for number, command in lasting.processes().items() if "distributor.web" in command)
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: web not in lasting.processes(), "the death of the web server")
    wait_for(lasting.is_ready, "the web server's return")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_ends_well_and_leaves_nothing_behind(up: Running, number: signal.Signals) -> None:
    up.process.send_signal(number)
    assert up.process.wait(timeout=60) == 0
    wait_for(lambda: not up.processes(), "the end of all processes")


def test_killed_outright_it_leaves_nothing_behind(up: Running) -> None:
    assert len(up.processes()) > 5
    up.process.kill()
    up.process.wait()
    wait_for(lambda: not up.processes(), "the end of all processes")
