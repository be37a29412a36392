"""`distributor up`: everything starts by itself, processes that die are restarted, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.chaos.service import free_port
from tests.paths import ROOT


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service started by `distributor up`, and the folder that marks its processes."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str

    def processes(self) -> dict[int, str]:
        """Every living process that works on this service's data, by its number, with its command."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                is_ours = str(self.folder) in command or str(self.folder).encode() in (entry / "environ").read_bytes()
                is_dead = "\nState:\tZ" in (entry / "status").read_text()
            except OSError:
                continue
            if is_ours and not is_dead and int(entry.name) != os.getpid():
                found[int(entry.name)] = command
        return found

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    """A service of the test's own, ready to be used."""
    with running_up(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service for tests that leave it running."""
    with running_up(tmp_path_factory.mktemp("up")) as running:
        yield running


@contextmanager
def running_up(folder: Path) -> Iterator[Running]:
    """`distributor up` on a folder, once it is ready. Afterwards nothing of it is left."""
    port = free_port()
    data = folder / "var"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISTRIBUTOR_")} | {
        "DISTRIBUTOR_DATA_DIR": str(data),
        "DISTRIBUTOR_PORT": str(port),
        "DISTRIBUTOR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DISTRIBUTOR_CONTENT_DIR": str(ROOT / "content"),
        "DISTRIBUTOR_CONTENT_PUBLISH": "true",
        "DISTRIBUTOR_POSTAL_ADDRESS": "1 Test Street",
    }
    command = [sys.executable, "-m", "distributor", "up"]
    ports = ["--sandbox-port", str(free_port()), "--smtp-port", str(free_port())]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([*command, *ports], cwd=folder, env=environment, stderr=log)
    running = Running(process=process, folder=data, url=f"http://127.0.0.1:{port}")
    try:
        _wait_for(running.is_ready, "a ready service")
        yield running
    finally:
        process.kill()
        process.wait()
        _wait_for(lambda: not running.processes(), "the end of all processes")
    assert "Error" not in (folder / "up.log").read_text()


def test_it_serves_the_articles_of_the_content_folder(lasting: Running) -> None:
    _wait_for(lambda: "A Kitchen Garden" in httpx.get(lasting.url).text, "the articles on the front page")


def test_a_part_that_dies_is_started_again(lasting: Running) -> None:
    web = next(number for number, command in lasting.processes().items() if "distributor.web" in command)
    os.kill(web, signal.SIGKILL)
    _wait_for(lambda: web not in lasting.processes(), "the death of the web server")
    _wait_for(lasting.is_ready, "the web server's return")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_ends_well_and_leaves_nothing_behind(up: Running, number: signal.Signals) -> None:
    up.process.send_signal(number)
    assert up.process.wait(timeout=60) == 0
    _wait_for(lambda: not up.processes(), "the end of all processes")


def test_killed_outright_it_leaves_nothing_behind(up: Running) -> None:
    assert len(up.processes()) > 5
    up.process.kill()
    up.process.wait()
    _wait_for(lambda: not up.processes(), "the end of all processes")


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)
