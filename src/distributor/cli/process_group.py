"""The processes of a service on this machine: started together, watched, and stopped together."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from distributor.domain.errors import ServiceError
from distributor.private_files import make_private_folder, open_private, replace_private

_STOP_SECONDS = 15.0
# In bytes; a process has at most two logs of this length.
_LONGEST_LOG = 50_000_000
# The least time between two starts of the same process.
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

    def start(self, child: ChildProcess) -> None:
        """Start a process; it dies with this one."""
        make_private_folder(self.logs)
        command = [
            sys.executable,
            "-m",
            "distributor.cli.die_with_parent",
            str(os.getpid()),
            child.module,
            *child.arguments,
        ]
        with open_private(self.logs / f"{child.name}.log", "ab") as log:
            self._running[child] = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                # Ctrl-C reaches only this process, which stops the others in their order.
                start_new_session=True,
            )
        self._started[child] = time.monotonic()

    def restart_dead(self) -> list[str]:
        """Restart the processes that have died; returns their names."""
        dead = [child for child, process in self._running.items() if process.poll() is not None]
        due = [child for child in dead if time.monotonic() - self._started[child] >= _RESTART_SECONDS]
        for child in due:
            self.start(child)
        return [child.name for child in due]

    def shorten_logs(self, *, longest: int = _LONGEST_LOG) -> None:
        """A log that has grown longer than so many bytes begins anew; what it had is in `NAME.log.1` until the next."""
        for child in self._running:
            log = self.logs / f"{child.name}.log"
            if log.stat().st_size <= longest:
                continue
            with replace_private(log.with_name(f"{log.name}.1")) as kept:
                shutil.copyfile(log, kept)
            # The process goes on writing at the end, which is the beginning now.
            os.truncate(log, 0)

    def kill(self, child: ChildProcess) -> None:
        """Kill a process and its children without warning, as a crash would."""
        self.send_signal(child, signal.SIGKILL)
        self._running[child].wait()

    def send_signal(self, child: ChildProcess, number: signal.Signals) -> None:
        """Send a signal to a process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._running[child].pid, number)

    def raise_if_dead(self) -> None:
        """Raises ServiceError, with the end of its log, if any process has died."""
        for child, process in self._running.items():
            if process.poll() is not None:
                raise ServiceError(f"{child.name} ended with status {process.returncode}: {self._last_log_line(child)}")

    def stop(self) -> None:
        """Stop all, the last started first; one that does not stop in time is killed."""
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

    def _last_log_line(self, child: ChildProcess) -> str:
        lines = (self.logs / f"{child.name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"


@contextmanager
def running_processes(
    children: Sequence[ChildProcess], *, logs: Path, environment: Mapping[str, str]
) -> Iterator[ProcessGroup]:
    """Run these processes for as long as the context is open."""
    group = ProcessGroup(logs, environment)
    try:
        for child in children:
            group.start(child)
        yield group
    finally:
        group.stop()


def worker_processes(*, email_workers: int = 1) -> list[ChildProcess]:
    """The worker processes: `email_workers` for the email queue, one for all else that is due, one for what may take
    long, and the beat.
    """
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
            arguments=("work", "--queue", "urgent", "--queue", "social", "--queue", "feed", "--concurrency", "2"),
        ),
        ChildProcess(
            name="worker-background", module="distributor_worker", arguments=("work", "--queue", "background")
        ),
        ChildProcess(name="beat", module="distributor_worker", arguments=("beat",)),
    ]
