"""Start and stop one server program so that it never outlives its supervisor unnoticed.

On Linux the kernel stops it when the supervisor dies. Everywhere, it inherits a lock on a file with its process number:
while any process of the server lives, the lock is held, and the next supervisor first ends what an earlier one started.
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
from distributor.embedded.paths import last_error_line, open_log, try_lock
from distributor.embedded.run_as import OsUser

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_STOP_SECONDS = 20.0
# A server of an earlier supervisor is usually stopping already.
_SELF_EXIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a server, or a tool that prepares it, is started and stopped.

    `stop_signals` are sent one after the other until the process ends. `pid_file` is written by the server.
    """

    name: str
    argv: tuple[str, ...]
    run_as: OsUser
    folder: Path
    lock: Path
    log: Path
    stop_signals: tuple[Signals, ...]
    stdin: bytes = b""
    pid_file: Path | None = None


async def launch(program: Program) -> Process:
    """Start the program after an earlier run has ended. Raises ServiceError if that cannot be ended."""
    lock = await _lock_after_earlier_run(program)
    creation = asyncio.create_task(_create_process(program, lock))
    try:
        return await asyncio.shield(creation)
    except asyncio.CancelledError:
        # Without the shield asyncio would kill the process, and PostgreSQL, killed early, leaves an empty pid file.
        await stop(await creation, program)
        raise


async def _create_process(program: Program, lock: int) -> Process:
    try:
        with open_log(program.log) as log:
            process = await asyncio.create_subprocess_exec(
                *program.run_as.command(program.argv, program.stop_signals[0]),
                stdin=PIPE,
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env=server_environment(),
                pass_fds=(lock,),
                preexec_fn=_child_setup(lock, program.stop_signals[0]),
                **program.run_as.credentials,
            )
    finally:
        os.close(lock)
    assert process.stdin is not None  # noqa: S101 (stdin is a pipe)
    with suppress(ConnectionError):
        process.stdin.write(program.stdin)
        await process.stdin.drain()
    process.stdin.close()
    return process


async def stop(process: Process, program: Program) -> None:
    """End the process, by its own signals first, and wait for the processes that it has started."""
    for signal in (*program.stop_signals, SIGKILL):
        if process.returncode is not None:
            break
        with suppress(ProcessLookupError):
            process.send_signal(signal)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    # The data directory, with the lock, may have been removed.
    with suppress(FileNotFoundError):
        lock = await _wait_for_lock(program.lock, _STOP_SECONDS)
        if lock is not None:
            os.close(lock)


async def run(tool: Program) -> None:
    """Run a tool to its end. Raises ServiceError with the error from its log if it fails."""
    with open_log(tool.log) as log:
        since = log.tell()
    process = await launch(tool)
    try:
        status = await process.wait()
    finally:
        await stop(process, tool)
    if status:
        raise ServiceError(f"{tool.name} failed: {last_error_line(tool.log, since=since)} (more in {tool.log})")


def server_environment() -> dict[str, str]:
    """The environment of a server. Nothing else is inherited: PGOPTIONS or PGPORT would change its settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


async def _lock_after_earlier_run(program: Program) -> int:
    lock = await _wait_for_lock(program.lock, _SELF_EXIT_SECONDS)
    for signal in (*program.stop_signals, SIGKILL):
        if lock is not None:
            break
        with suppress(ProcessLookupError):
            os.kill(_recorded_pid(program.lock), signal)
        lock = await _wait_for_lock(program.lock, _STOP_SECONDS)
    if lock is None:
        raise ServiceError(
            f"a {program.name} of an earlier run still holds {program.lock} and cannot be stopped: "
            f"end process {_recorded_pid(program.lock)} yourself"
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
        raise ServiceError(f"{lock} is held, but names no process: end the server below {lock.parent}") from None


def _remove_stale_pid_file(program: Program) -> None:
    # A process number is soon given to another process, in containers above all, and PostgreSQL then believes that it
    # runs already. Only the file of a server started here is removed: one that the user started does not hold the lock.
    # An empty file was left by a server that was killed before it wrote its number.
    if program.pid_file is None or not program.pid_file.exists():
        return
    pid, *_ = program.pid_file.read_text().splitlines() or [""]
    if pid in {"", program.lock.read_text()}:
        program.pid_file.unlink()


def _child_setup(lock: int, death_signal: Signals) -> Callable[[], None]:
    """What the new process does before it becomes the program: record its number, and end when the supervisor ends."""
    supervisor = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def set_up() -> None:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != supervisor:
            os._exit(1)

    return set_up
