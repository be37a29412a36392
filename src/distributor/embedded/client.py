"""How a process uses the embedded servers: it connects to their supervisor, and starts one if there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.embedded.handshake import Services, decode
from distributor.embedded.paths import DataPaths, last_error_line, open_log, read_supervisor_address, try_lock
from distributor.embedded.postgres import Tuning
from distributor.private_files import make_private_folder

_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 90.0

_Connected: TypeAlias = tuple[socket.socket, Services]


@contextmanager
def running_services(data_dir: Path, *, tuning: Tuning = Tuning.DURABLE) -> Iterator[Services]:
    """PostgreSQL and Redis with their data below `data_dir`, shared with every process that uses the same folder.

    They run while any process is inside this context, and end soon after the last has left it or died. `tuning` applies
    if they are not running yet. Raises ConfigurationError or ServiceError.
    """
    connection, services = _connect(DataPaths(data_dir.absolute()), tuning)
    with connection:
        yield services


def wait_until_stopped(data_dir: Path, *, seconds: float = 60.0) -> None:
    """Return when nothing runs on `data_dir` any more, so that it may be moved or removed.

    Raises ServiceError if it is still in use after `seconds`.
    """
    paths = DataPaths(data_dir.absolute())
    if not paths.root.exists():
        return
    deadline = time.monotonic() + seconds
    while (lock := try_lock(paths.lock("supervisor"))) is None:
        if time.monotonic() > deadline:
            raise ServiceError(f"the servers of {paths.root} are still in use: end the other Distributor processes")
        time.sleep(_POLL_SECONDS)
    os.close(lock)


def _connect(paths: DataPaths, tuning: Tuning) -> _Connected:
    _make_folder(paths)
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        connected = _connect_to_running_supervisor(paths) or _start_supervisor(paths, tuning)
        if connected is not None:
            return connected
        time.sleep(_POLL_SECONDS)
    raise ServiceError(
        f"{paths.lock('supervisor')} is held by a process that does not answer: end the other Distributor processes"
    )


def _make_folder(paths: DataPaths) -> None:
    try:
        make_private_folder(paths.root, is_passable=True)
        os.close(os.open(paths.lock("supervisor"), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"the data directory {paths.root} cannot be written to ({error.strerror}): "
            "set DISTRIBUTOR_DATA_DIR to a folder of your own"
        ) from None


def _connect_to_running_supervisor(paths: DataPaths) -> _Connected | None:
    address = read_supervisor_address(paths)
    if address is None:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return _receive_handshake(connection)


def _start_supervisor(paths: DataPaths, tuning: Tuning) -> _Connected | None:
    """None if a supervisor holds the lock, which has not written its address yet, or is about to exit."""
    lock = try_lock(paths.lock("supervisor"))
    if lock is None:
        return None
    with os.fdopen(lock), open_log(paths.log("supervisor")) as log:
        since = log.tell()
        connected = _receive_handshake(_launch_supervisor(paths, tuning, lock=lock, log=log))
    if connected is None:
        raise ServiceError(
            f"the embedded servers do not start: {last_error_line(paths.log('supervisor'), since=since)}"
        )
    return connected


def _launch_supervisor(paths: DataPaths, tuning: Tuning, *, lock: int, log: BinaryIO) -> socket.socket:
    # The new process inherits the lock, so that no second supervisor can be started meanwhile, and a connection: if
    # this process is killed now, the supervisor notices.
    own_end, other_end = socket.socketpair()
    with other_end:
        inherited = (lock, other_end.fileno())
        subprocess.run(  # noqa: S603
            (sys.executable, "-m", "distributor.embedded.supervisor", paths.root, tuning, *map(str, inherited)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=inherited,
            check=False,
        )
    return own_end


def _receive_handshake(connection: socket.socket) -> _Connected | None:
    """Wait for the supervisor's handshake, sent when the servers are ready; None if it ends without one."""
    with ExitStack() as on_failure:
        on_failure.enter_context(connection)
        with suppress(ConnectionError), connection.makefile("rb") as reader:
            line = reader.readline()
            if line:
                services = decode(line)
                on_failure.pop_all()
                return connection, services
    return None
