"""Another process that uses the embedded servers until its standard input is closed, and the processes it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from distributor.domain.errors import DistributorError
from distributor.embedded import Services, Tuning, running_services


class ClientProcess:
    """A process inside `running_services`; `options` are those of Popen."""

    def __init__(self, data_dir: Path, *, before: tuple[str, ...] = (), **options: Any) -> None:
        self.process = subprocess.Popen(
            (*before, sys.executable, __file__, str(data_dir)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def next_message(self) -> dict[str, str]:
        """Wait for the next message of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the client ended without a message"
        message: dict[str, str] = json.loads(line)
        return message

    def services(self) -> Services:
        return Services(**self.next_message())

    def finish(self) -> None:
        """Let the process end, and wait for that."""
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every process that works in the data directory or was started for it: number and command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = (entry / "cwd").readlink()
        except OSError:
            continue
        # A process without a command line has released its memory, and is ending.
        if command and (f"{data_dir}/" in f"{folder}/" or (str(data_dir) in command and __file__ not in command)):
            found[int(entry.name)] = command
    return found


def make_script(path: Path, command: str) -> None:
    """Make a program that runs a shell command."""
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def process_named(data_dir: Path, part: str) -> int:
    """The number of the one process of a data directory with this in its command line.

    A child that was just forked and still has its parent's command line is not counted.
    """
    parents = {pid: _parent_of(pid) for pid, command in processes_of(data_dir).items() if part in command}
    (pid,) = (pid for pid, parent in parents.items() if parent is not None and parent not in parents)
    return pid


def _parent_of(pid: int) -> int | None:
    """None if the process has ended meanwhile."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return int(status.split("PPid:", 1)[1].split(None, 1)[0])


def _send(**message: str) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _main(data_dir: Path) -> None:
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services:
            try:
                _send(**asdict(services))
                sys.stdin.read()
            except KeyboardInterrupt:
                with psycopg.connect(services.database_url) as connection:
                    connection.execute("SELECT 1")
                _send(after_ctrl_c="the database answers")
    except DistributorError as error:
        _send(error=type(error).__name__, message=str(error))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
