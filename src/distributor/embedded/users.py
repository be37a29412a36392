"""How a process uses the embedded servers: it joins those that run, or has them started."""

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
from distributor.embedded.greeting import Services, understand
from distributor.embedded.layout import Layout, announced_socket, last_words, open_log, try_lock
from distributor.embedded.postgres import Tuning

_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 90.0

_Joined: TypeAlias = tuple[socket.socket, Services]


@contextmanager
def running_services(data_dir: Path, *, tuning: Tuning = Tuning.DURABLE) -> Iterator[Services]:
    """PostgreSQL and Redis with their data below `data_dir`, shared with every process that asks for the same folder.

    They run as long as any process is inside, and end soon after the last has left or died. `tuning` counts for the
    process that has them started. Raises ConfigurationError or ServiceError.
    """
    connection, services = _join(Layout(data_dir.absolute()), tuning)
    with connection:
        yield services


def wait_until_stopped(data_dir: Path, *, seconds: float = 60.0) -> None:
    """Return when nothing runs on `data_dir` any more, so that it may be moved or removed.

    Raises ServiceError if it is still in use after so many seconds.
    """
    layout = Layout(data_dir.absolute())
    if not layout.root.exists():
        return
    deadline = time.monotonic() + seconds
    while (lock := try_lock(layout.lock("keeper"))) is None:
        if time.monotonic() > deadline:
            raise ServiceError(f"the servers of {layout.root} are still in use: end the other Distributor processes")
        time.sleep(_POLL_SECONDS)
    os.close(lock)


def _join(layout: Layout, tuning: Tuning) -> _Joined:
    _make_folder(layout)
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        joined = _join_present_keeper(layout) or _join_new_keeper(layout, tuning)
        if joined is not None:
            return joined
        time.sleep(_POLL_SECONDS)
    raise ServiceError(
        f"{layout.lock('keeper')} is held by a process that does not answer: end the other Distributor processes"
    )


def _make_folder(layout: Layout) -> None:
    # Root's servers run as somebody else, who has to pass this folder to reach theirs.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        layout.root.mkdir(mode=mode, parents=True, exist_ok=True)
        os.close(os.open(layout.lock("keeper"), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"the data directory {layout.root} cannot be written to ({error.strerror}): "
            "set DISTRIBUTOR_DATA_DIR to a folder of your own"
        ) from None


def _join_present_keeper(layout: Layout) -> _Joined | None:
    address = announced_socket(layout)
    if address is None:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return _listen(connection)


def _join_new_keeper(layout: Layout, tuning: Tuning) -> _Joined | None:
    """None if there is a keeper after all, which has yet to announce itself, or to leave."""
    lock = try_lock(layout.lock("keeper"))
    if lock is None:
        return None
    with os.fdopen(lock), open_log(layout.log("keeper")) as log:
        since = log.tell()
        joined = _listen(_launch_keeper(layout, tuning, lock=lock, log=log))
    if joined is None:
        raise ServiceError(f"the embedded servers do not start: {last_words(layout.log('keeper'), since=since)}")
    return joined


def _launch_keeper(layout: Layout, tuning: Tuning, *, lock: int, log: BinaryIO) -> socket.socket:
    # The lock is handed on, so that no second keeper can be started meanwhile, and so is a connection: were we
    # killed now, the keeper would notice.
    ours, theirs = socket.socketpair()
    with theirs:
        inherited = (lock, theirs.fileno())
        subprocess.run(  # noqa: S603
            (sys.executable, "-m", "distributor.embedded.keeper", layout.root, tuning, *map(str, inherited)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=inherited,
            check=False,
        )
    return ours


def _listen(connection: socket.socket) -> _Joined | None:
    """Wait for the keeper's greeting, which takes as long as the servers need; None if it ends without one."""
    with ExitStack() as on_failure:
        on_failure.enter_context(connection)
        with suppress(ConnectionError), connection.makefile("rb") as reader:
            greeting = reader.readline()
            if greeting:
                services = understand(greeting)
                on_failure.pop_all()
                return connection, services
    return None
