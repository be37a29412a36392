"""Start and stop one server program so that it never outlives its keeper unnoticed.

On Linux the kernel stops it when the keeper dies. Everywhere, it inherits a lock that holds its process number: while
any process of the server lives, the lock is taken, and the next keeper first ends what an earlier one left behind.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals

from distributor.domain.errors import ServiceError
from distributor.embedded.account import Account
from distributor.embedded.layout import last_words, open_log, try_lock

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 20.0
# What an earlier keeper left behind is usually stopping by itself.
_UNASKED_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a server, or a tool that prepares it, is started and stopped.

    `stop_signals` are sent one after the other until one has worked. `pid_file` is the server's own.
    """

    name: str
    argv: tuple[str, ...]
    account: Account
    folder: Path
    lock: Path
    log: Path
    stop_signals: tuple[Signals, ...]
    stdin: bytes = b""
    pid_file: Path | None = None


async def launch(program: Program) -> Process:
    """Start the program, once nothing of an earlier run is left. Raises ServiceError if that cannot be ended."""
    lock = await _lock_when_alone(program)
    try:
        with open_log(program.log) as log:
            process = await asyncio.create_subprocess_exec(
                *program.account.command(program.argv, program.stop_signals[0]),
                stdin=PIPE,
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env=server_environment(),
                pass_fds=(lock,),
                preexec_fn=_birth_certificate(lock, program.stop_signals[0]),
                **program.account.credentials,
            )
    finally:
        os.close(lock)
    assert process.stdin is not None  # noqa: S101 (a pipe was asked for)
    with suppress(ConnectionError):
        process.stdin.write(program.stdin)
        await process.stdin.drain()
    process.stdin.close()
    return process


async def stop(process: Process, program: Program) -> None:
    """End the process, politely first, and wait for those that it has started."""
    for signal in (*program.stop_signals, SIGKILL):
        if process.returncode is not None:
            break
        with suppress(ProcessLookupError):
            process.send_signal(signal)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS)
    # Somebody may have removed the data directory, lock and all.
    with suppress(FileNotFoundError):
        lock = await _wait_for_lock(program.lock, _PATIENCE_SECONDS)
        if lock is not None:
            os.close(lock)


async def run(tool: Program) -> None:
    """Run a tool to its end. Raises ServiceError with its last words if it fails."""
    with open_log(tool.log) as log:
        since = log.tell()
    process = await launch(tool)
    try:
        status = await process.wait()
    finally:
        await stop(process, tool)
    if status:
        raise ServiceError(f"{tool.name} failed: {last_words(tool.log, since=since)} (more in {tool.log})")


def server_environment() -> dict[str, str]:
    """Nothing of the caller's environment steers a server, as PGOPTIONS or PGPORT would."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


async def _lock_when_alone(program: Program) -> int:
    lock = await _wait_for_lock(program.lock, _UNASKED_SECONDS)
    for signal in (*program.stop_signals, SIGKILL):
        if lock is not None:
            break
        with suppress(ProcessLookupError):
            os.kill(_recorded_pid(program.lock), signal)
        lock = await _wait_for_lock(program.lock, _PATIENCE_SECONDS)
    if lock is None:
        raise ServiceError(
            f"a {program.name} of an earlier run still holds {program.lock} and cannot be stopped: "
            f"end process {_recorded_pid(program.lock)} by hand"
        )
    _remove_stale_pid_file(program)
    return lock


async def _wait_for_lock(path: Path, seconds: float) -> int | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (lock := try_lock(path)) is None and loop.time() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
    return lock


def _recorded_pid(lock: Path) -> int:
    try:
        return int(lock.read_text())
    except ValueError:
        raise ServiceError(f"{lock} is held, but does not say by whom: end the server below {lock.parent}") from None


def _remove_stale_pid_file(program: Program) -> None:
    # A process number is soon given to somebody else, in containers above all, and PostgreSQL then believes that it
    # runs already. Only a file of our own making is removed: a server started by hand holds no lock of ours.
    if program.pid_file is None or not program.pid_file.exists():
        return
    pid, *_ = program.pid_file.read_text().splitlines() or [""]
    if pid and pid == program.lock.read_text():
        program.pid_file.unlink()


def _birth_certificate(lock: int | None, death_signal: Signals) -> Callable[[], None]:
    keeper = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def sign() -> None:
        if lock is not None:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != keeper:
            os._exit(1)

    return sign
