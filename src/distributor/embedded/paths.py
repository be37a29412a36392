"""The files of the embedded servers, below a data directory and in the short-lived folder of sockets.

The servers are guarded by locks on files: a lock belongs to an open file and not to a process number, so it ends with
the last process that holds it, however that ends, and is never mistaken for one of an earlier run.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from distributor.private_files import make_private_folder, open_private

_LOG_BYTES = 5_000_000
_ERROR_LINE = re.compile(r"\b(error|fatal|panic|failed|could not|cannot)\b", re.IGNORECASE)
_SOCKETS_PREFIX = "distributor-"
# A Unix socket's path ends at 104 bytes on macOS and 108 on Linux; PostgreSQL's is the longest name used here.
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = "/distributor-12345678/postgres/.s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class DataPaths:
    """The files below a data directory; `root` is absolute."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def supervisor_address(self) -> Path:
        """Holds the path of the supervisor's socket."""
        return self.root / "supervisor.address"

    def lock(self, name: str) -> Path:
        """Held by the process of this name: `supervisor`, `postgres` or `redis`."""
        return self.root / f"{name}.lock"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None while another process holds it. Raises OSError if it cannot open it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_log(path: Path) -> BinaryIO:
    """The log, opened for appending; a large one is renamed first and replaces the one that was renamed before."""
    make_private_folder(path.parent)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return open_private(path, "ab")


def last_error_line(log: Path, *, since: int = 0) -> str:
    """The line of a log that tells best why a program ended: the last that names an error, else the last.

    `since` is the size in bytes that the log had when the program was started.
    """
    with log.open("rb") as file:
        file.seek(since)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.search(line)]
    return (errors or lines or ["no output"])[-1]


def make_socket_folder() -> Path:
    """A new private folder with a path short enough for Unix sockets, however deep the data directory is."""
    default = Path(tempfile.gettempdir())
    fits = len(os.fsencode(default)) + len(_LONGEST_SOCKET_NAME) <= _SOCKET_PATH_BYTES
    return Path(tempfile.mkdtemp(prefix=_SOCKETS_PREFIX, dir=default if fits else "/tmp"))  # noqa: S108


def read_supervisor_address(paths: DataPaths) -> Path | None:
    """The supervisor's socket, or None if there is no valid address.

    A folder of another owner is not trusted: after a restart of the machine any user may have made one of that name.
    """
    try:
        socket = Path(paths.supervisor_address.read_text(encoding="utf-8"))
        if socket.parent.stat().st_uid != paths.supervisor_address.stat().st_uid:
            return None
    except (OSError, ValueError):
        return None
    return socket


def write_supervisor_address(paths: DataPaths, socket: Path) -> None:
    """Let clients find the supervisor; they read the whole path or none."""
    draft = paths.supervisor_address.with_suffix(".new")
    draft.write_text(str(socket), encoding="utf-8")
    draft.replace(paths.supervisor_address)


def remove_stale_sockets(paths: DataPaths) -> None:
    """Remove the sockets of a killed supervisor. Only for the holder of the supervisor's lock."""
    socket = read_supervisor_address(paths)
    if socket is not None and socket.parent.name.startswith(_SOCKETS_PREFIX):
        shutil.rmtree(socket.parent, ignore_errors=True)
    paths.supervisor_address.unlink(missing_ok=True)
