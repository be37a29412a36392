"""`distributor up`: everything starts by itself, processes that die are restarted, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from distributor.listening import listen
from tests.chaos.service import free_port
from tests.conftest import thorough
from tests.paths import ROOT

from .running_up import Running, running_up, wait_for, wait_for_text

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


def test_what_it_prints_and_links_to_is_where_it_listens(lasting: Running) -> None:
    log = lasting.folder.parent / "up.log"
    wait_for(lambda: "logs are in" in log.read_text(), "the last of what it prints")
    printed = log.read_text()
    for line in (
        f"articles and feeds, as the public sees them: {lasting.url}\n",
        f"mails and posts that were sent to the sandbox: {lasting.sandbox_url}\n",
    ):
        assert line in printed
    page = wait_for_text(lasting.url, "Why We Still Send Letters")
    assert f'<link rel="canonical" href="{lasting.url}/' in page
    assert ":8000" not in printed + page


@thorough
def test_it_prints_a_link_that_makes_the_first_owner_until_there_is_one(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    password = {"password": "a sentence that only tests know", "password_again": "a sentence that only tests know"}
    with running_up(tmp_path, **SETTINGS) as running:
        wait_for(lambda: "logs are in" in log.read_text(), "the last of what it prints")
        (link,) = re.findall(rf"{re.escape(running.url)}/app/set-up/[\w-]+", log.read_text())
        assert httpx.get(link).status_code == 200
        done = httpx.post(link, data={"email": "ada@example.org", **password}, headers={"Origin": running.url})
        assert (done.status_code, done.headers["location"]) == (303, "/app/setup")
    with running_up(tmp_path, **SETTINGS) as running:
        wait_for(lambda: "logs are in" in log.read_text(), "the last of what it prints")
        assert "/app/set-up/" not in log.read_text()
        assert f"the team's app: {running.url}/app\n" in log.read_text()


@pytest.mark.parametrize(
    ("taken", "arguments", "message"),
    [
        ("port", [], "choose another DISTRIBUTOR_PORT"),
        ("port", ["--sandbox-port"], "choose another --sandbox-port"),
        ("port", ["--smtp-port"], "choose another --smtp-port"),
        ("inbound", [], "choose another DISTRIBUTOR_INBOUND_LISTEN"),
    ],
)
def test_a_port_that_is_taken_is_named_with_its_program_and_what_to_do(
    tmp_path: Path, taken: str, arguments: list[str], message: str
) -> None:
    with listen("127.0.0.1", 0) as listening:
        port = str(listening.getsockname()[1])
        environment = dict(os.environ, DISTRIBUTOR_DATA_DIR=str(tmp_path / "var"), DISTRIBUTOR_PORT="0")
        if arguments:
            arguments = [*arguments, port]
        elif taken == "port":
            environment["DISTRIBUTOR_PORT"] = port
        else:
            environment["DISTRIBUTOR_INBOUND_LISTEN"] = f"127.0.0.1:{port}"
        ports = [] if "--sandbox-port" in arguments else ["--sandbox-port", "0"]
        command = [sys.executable, "-m", "distributor", "up", *ports, *arguments]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 5
    assert f"port {port}: " in ended.stderr
    assert f"(process {os.getpid()}) uses it" in ended.stderr
    assert message in ended.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_a_second_one_on_the_same_database_is_refused_and_leaves_the_first_alone(lasting: Running) -> None:
    wait_for(lambda: "logs are in" in (lasting.folder.parent / "up.log").read_text(), "the last of what it prints")
    ports = json.loads((lasting.folder / "sandbox.json").read_text())
    command = [sys.executable, "-m", "distributor", "up", "--sandbox-port", "0", "--smtp-port", "0"]
    environment = {**lasting.environment, "DISTRIBUTOR_PORT": "0"}
    ended = subprocess.run(
        command, cwd=lasting.folder.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 4
    assert f"already, as up (process {lasting.process.pid} on" in " ".join(ended.stderr.split())
    assert json.loads((lasting.folder / "sandbox.json").read_text()) == ports
    assert lasting.is_ready()


def test_one_port_for_two_servers_is_refused(tmp_path: Path) -> None:
    port = str(free_port())
    environment = dict(os.environ, DISTRIBUTOR_DATA_DIR=str(tmp_path / "var"), DISTRIBUTOR_PORT=port)
    command = [sys.executable, "-m", "distributor", "up", "--sandbox-port", port]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 5
    assert f"port {port} is chosen for two servers: choose another --sandbox-port" in ended.stderr


def test_a_part_that_dies_is_started_again(lasting: Running) -> None:
    web = next(number for number, command in lasting.processes().items() if "distributor.web" in command)
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: web not in lasting.processes(), "the death of the web server")
    wait_for(lasting.is_ready, "the web server's return")


@thorough
def test_a_change_of_the_settings_is_said_while_it_runs_and_after_the_next_start_channels_find_the_sandbox(
    tmp_path: Path,
) -> None:
    log = tmp_path / "up.log"
    with running_up(tmp_path, **SETTINGS) as first:
        wait_for(lambda: "logs are in" in log.read_text(), "the last of what it prints")
        assert "note: " not in log.read_text()
        (tmp_path / ".env").write_text("DISTRIBUTOR_SMTP_URL=smtp://me:relay-password@relay.example:587\n")
        wait_for(lambda: "(DISTRIBUTOR_SMTP_URL): start `distributor up` again" in _words(log), "the note")
    with running_up(tmp_path, **SETTINGS) as second:
        wait_for(lambda: "logs are in" in log.read_text(), "the last of what it prints")
        assert "DISTRIBUTOR_SMTP_URL is smtp://relay.example:587, but channel 'email' sends to" in _words(log)
        assert "password" not in log.read_text()
        assert second.sandbox_url != first.sandbox_url
        shown = [sys.executable, "-m", "distributor", "channel", "show", "mastodon", "--json"]
        done = subprocess.run(shown, cwd=tmp_path, env=second.environment, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["settings"]["instance_url"] == f"{second.sandbox_url}/mastodon"


def _words(log: Path) -> str:
    """What it has printed, without the line breaks that are made for the width of a terminal."""
    return " ".join(log.read_text().split())


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=thorough), signal.SIGTERM])
def test_asked_to_stop_it_ends_well_and_leaves_nothing_behind(up: Running, number: signal.Signals) -> None:
    up.process.send_signal(number)
    assert up.process.wait(timeout=60) == 0
    wait_for(lambda: not up.processes(), "the end of all processes")


def test_killed_outright_it_leaves_nothing_behind(up: Running) -> None:
    assert len(up.processes()) > 5
    up.process.kill()
    up.process.wait()
    wait_for(lambda: not up.processes(), "the end of all processes")
