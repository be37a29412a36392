"""The processes of a service on this machine: started together, watched, and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from distributor.domain.errors import ConfigurationError, ServiceError

_STOP_SECONDS = 15.0
# A process that dies at once is not started again faster than this.
_RESTART_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildProcess:
    """A process to run: a module with its arguments."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(slots=True)
class ProcessGroup:
    """The running processes of a service. Each writes to a log file of its own."""

    logs: Path
    environment: Mapping[str, str]
    _running: dict[ChildProcess, subprocess.Popen[bytes]] = field(default_factory=dict)
    _started: dict[ChildProcess, float] = field(default_factory=dict)

    def start(self, part: ChildProcess) -> None:
        """Start a process; it dies with this one."""
        self.logs.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "distributor.cli.die_with_parent",
            str(os.getpid()),
            part.module,
            *part.arguments,
        ]
        with (self.logs / f"{part.name}.log").open("ab") as log:
            self._running[part] = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                # Ctrl-C reaches only this process, which stops the others in their order.
                start_new_session=True,
            )
        self._started[part] = time.monotonic()

    def revive(self) -> list[str]:
        """Start again what has died; returns the names."""
        dead = [part for part, process in self._running.items() if process.poll() is not None]
        due = [part for part in dead if time.monotonic() - self._started[part] >= _RESTART_SECONDS]
        for part in due:
            self.start(part)
        return [part.name for part in due]

    def kill(self, part: ChildProcess) -> None:
        """Kill a process and its children without warning, as a crash would."""
        with suppress(ProcessLookupError):
            os.killpg(self._running[part].pid, signal.SIGKILL)
        self._running[part].wait()

    def insist(self) -> None:
        """Raises ServiceError, with the end of its log, if any process has died."""
        for part, process in self._running.items():
            if process.poll() is not None:
                raise ServiceError(f"{part.name} ended with status {process.returncode}: {self._last_words(part)}")

    def stop(self) -> None:
        """Stop all, the last started first; one that does not listen is killed."""
        processes = list(reversed(self._running.values()))
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def _last_words(self, part: ChildProcess) -> str:
        lines = (self.logs / f"{part.name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def running_processes(
    parts: Sequence[ChildProcess], *, logs: Path, environment: Mapping[str, str]
) -> Iterator[ProcessGroup]:
    """The parts as processes, for as long as this is open."""
    crew = ProcessGroup(logs, environment)
    try:
        for part in parts:
            crew.start(part)
        yield crew
    finally:
        crew.stop()


def insist_on_free_port(host: str, port: int) -> None:
    """Raises ConfigurationError if something listens on this port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} on {host} is not free ({error.strerror}): stop what listens there, or choose another"
            ) from error


def worker_parts(*, email_workers: int = 1) -> list[ChildProcess]:
    """The processes that do the work: email on its own, everything else together, and the beat."""
    return [
        *(
            ChildProcess(
                name=f"worker-email-{number}", module="distributor_worker", arguments=("work", "--queue", "email")
            )
            for number in range(1, email_workers + 1)
        ),
        ChildProcess(
            name="worker-rest",
            module="distributor_worker",
            arguments=("work", "--queue", "default", "--queue", "social", "--queue", "feed", "--concurrency", "2"),
        ),
        ChildProcess(name="beat", module="distributor_worker", arguments=("beat",)),
    ]
