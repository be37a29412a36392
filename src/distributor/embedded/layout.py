"""Where everything of the embedded servers is, below a data directory and in the short-lived folder of sockets.

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

_LOG_BYTES = 5_000_000
_COMPLAINT = re.compile(r"\b(error|fatal|panic|failed|could not|cannot)\b", re.IGNORECASE)
_SOCKETS_PREFIX = "distributor-"
# A Unix socket's path ends at 104 bytes on macOS and 108 on Linux; PostgreSQL's is the longest name we put there.
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = "/distributor-12345678/postgres/.s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files below a data directory; `root` is absolute."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def address(self) -> Path:
        """Holds the path of the keeper's socket."""
        return self.root / "keeper.address"

    def lock(self, name: str) -> Path:
        """Held by whatever runs under this name: `keeper`, `postgres` or `redis`."""
        return self.root / f"{name}.lock"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None while somebody else holds it. Raises OSError if it cannot be opened."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_log(path: Path) -> BinaryIO:
    """The log, to be added to; one that has grown large is put aside in place of the one put aside before."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def last_words(log: Path, *, since: int = 0) -> str:
    """The line of a log that tells best why a program ended: the last complaint, else the last line.

    `since` is the size that the log had when the program was started.
    """
    with log.open("rb") as file:
        file.seek(since)
        said = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    complaints = [line for line in said if _COMPLAINT.search(line)]
    return (complaints or said or ["it said nothing"])[-1]


def make_socket_folder() -> Path:
    """A new private folder with a path short enough for Unix sockets, however deep the data directory is."""
    usual = Path(tempfile.gettempdir())
    fits = len(os.fsencode(usual)) + len(_LONGEST_SOCKET_NAME) <= _SOCKET_PATH_BYTES
    return Path(tempfile.mkdtemp(prefix=_SOCKETS_PREFIX, dir=usual if fits else "/tmp"))  # noqa: S108


def announced_socket(layout: Layout) -> Path | None:
    """The keeper's socket, or None if none is announced.

    A folder of another owner is not believed: after a restart of the machine anyone may have taken its name.
    """
    try:
        socket = Path(layout.address.read_text(encoding="utf-8"))
        if socket.parent.stat().st_uid != layout.address.stat().st_uid:
            return None
    except (OSError, ValueError):
        return None
    return socket


def announce_socket(layout: Layout, socket: Path) -> None:
    """Let users find the keeper; they see the whole path or none."""
    draft = layout.address.with_suffix(".new")
    draft.write_text(str(socket), encoding="utf-8")
    draft.replace(layout.address)


def remove_old_sockets(layout: Layout) -> None:
    """Remove what a killed keeper has left. Only for the holder of the keeper's lock."""
    socket = announced_socket(layout)
    if socket is not None and socket.parent.name.startswith(_SOCKETS_PREFIX):
        shutil.rmtree(socket.parent, ignore_errors=True)
    layout.address.unlink(missing_ok=True)
