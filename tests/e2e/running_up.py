"""A service that `distributor up` runs, for the tests of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.chaos.service import free_port


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service started by `distributor up`, the folder that marks its processes, and the environment of commands."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str
    sandbox_url: str
    environment: Mapping[str, str]

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

    def stop(self) -> None:
        """Press Ctrl-C, and wait until it has stopped."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(300) == 0
        wait_for(lambda: not self.processes(), "the end of all processes")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_up(folder: Path, **settings: str) -> Iterator[Running]:
    """`distributor up` in a folder, with these settings and free ports, once it is ready; later nothing is left."""
    port, sandbox_port = int(settings.get("port", 0)) or free_port(), free_port()
    data = folder / "var"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISTRIBUTOR_")} | {
        "DISTRIBUTOR_DATA_DIR": str(data),
        "DISTRIBUTOR_PORT": str(port),
        **{f"DISTRIBUTOR_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "distributor", "up"]
    ports = ["--sandbox-port", str(sandbox_port), "--smtp-port", str(free_port())]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([*command, *ports], cwd=folder, env=environment, stderr=log)
    running = Running(
        process=process,
        folder=data,
        url=f"http://127.0.0.1:{port}",
        sandbox_url=f"http://127.0.0.1:{sandbox_port}",
        environment=environment,
    )
    try:
        wait_for(running.is_ready, "a ready service")
        yield running
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: not running.processes(), "the end of all processes")
    assert "Error" not in (folder / "up.log").read_text()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)


def wait_for_text(url: str, text: str) -> str:
    """What this URL gives once it contains the text."""
    wait_for(lambda: text in httpx.get(url).text, f"{text!r} at {url}")
    return httpx.get(url).text
