"""The process that owns the embedded servers: `python -m distributor.embedded.keeper DATA_DIR TUNING LOCK USER`.

It belongs to no terminal and to no user of the servers. Users hold a connection to it, which the kernel closes however
they end; when the last has gone, it stops the servers and leaves.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from asyncio import StreamReader, StreamWriter, TimerHandle
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributor.domain.errors import DistributorError, ServiceError
from distributor.embedded.greeting import Services, announce, excuse
from distributor.embedded.layout import Layout, announce_socket, make_socket_folder, remove_old_sockets
from distributor.embedded.postgres import Postgres, Tuning
from distributor.embedded.redis import Redis
from distributor.embedded.supervision import Supervised

_LOG = logging.getLogger(__name__)
# Commands in a row find the servers still running.
_GRACE_SECONDS = 0.7


class Keeper:
    """Two servers, and the users that are connected; `first_user` is so from the beginning."""

    def __init__(self, layout: Layout, tuning: Tuning, first_user: socket.socket) -> None:
        self._layout = layout
        self._tuning = tuning
        self._first_user = first_user
        self._servers: list[Supervised] = []
        self._users = 0
        self._greeting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._done = asyncio.Event()
        self._leaving: TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the last user has gone, or until told to stop. The servers are stopped when this returns."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._done.set)
        remove_old_sockets(self._layout)
        sockets = _make_passable(make_socket_folder())
        try:
            await self._receive_users(sockets)
        finally:
            self._layout.address.unlink(missing_ok=True)
            shutil.rmtree(sockets, ignore_errors=True)

    async def _receive_users(self, sockets: Path) -> None:
        serving = asyncio.create_task(self._serve(sockets))
        reception = await asyncio.start_unix_server(self._receive, sockets / "keeper")
        first = asyncio.create_task(self._receive(*await asyncio.open_unix_connection(sock=self._first_user)))
        try:
            announce_socket(self._layout, sockets / "keeper")
            await self._done.wait()
        finally:
            reception.close()
            first.cancel()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            await asyncio.gather(*(server.stop() for server in self._servers))

    async def _serve(self, sockets: Path) -> None:
        try:
            self._greeting.set_result(announce(await self._start(sockets)))
            await _together(server.keep() for server in self._servers)
        except Exception as error:
            _LOG.exception("the servers cannot be kept running")
            self._give_up(_in_our_words(error, self._layout))

    async def _start(self, sockets: Path) -> Services:
        postgres = Postgres(self._layout, sockets, self._tuning)
        redis = Redis(self._layout, postgres.account)
        self._servers = [Supervised(postgres), Supervised(redis)]
        await _together(server.start() for server in self._servers)
        return Services(postgres.url, redis.url)

    def _give_up(self, error: DistributorError) -> None:
        # Users that wait for the servers are told why there are none, and leave; users of servers that were there
        # have noticed by themselves.
        if self._greeting.done():
            self._done.set()
        else:
            self._greeting.set_result(excuse(error))

    async def _receive(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._users += 1
        self._leave_after(None)
        try:
            gone = asyncio.create_task(reader.read())
            await asyncio.wait({gone, self._greeting}, return_when=asyncio.FIRST_COMPLETED)
            if self._greeting.done():
                writer.write(self._greeting.result())
            await gone
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._users -= 1
            if not self._users:
                self._leave_after(_GRACE_SECONDS)

    def _leave_after(self, seconds: float | None) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_later(seconds, self._done.set) if seconds is not None else None


async def _together(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; the first failure ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _make_passable(folder: Path) -> Path:
    # Root's servers run as somebody else, who has to pass this folder to reach one inside.
    if os.geteuid() == 0:
        folder.chmod(0o711)
    return folder


def _in_our_words(error: Exception, layout: Layout) -> DistributorError:
    if isinstance(error, DistributorError):
        return error
    log = layout.log("keeper")
    return ServiceError(f"the embedded servers cannot be started: {error} (more in {log})")


def _detach() -> None:
    """Leave the process that started this one: it only waits until here, and its end is not ours."""
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


async def _keep(layout: Layout, tuning: Tuning, first_user: socket.socket) -> None:
    await Keeper(layout, tuning, first_user).run()


def main(argv: list[str]) -> None:
    """Of two inherited descriptors, LOCK holds the keeper's lock until this process ends, and USER is a connection."""
    data_dir, tuning, lock, user = argv
    for descriptor in (lock, user):
        os.set_inheritable(int(descriptor), False)
    _detach()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_keep(Layout(Path(data_dir)), Tuning(tuning), socket.socket(fileno=int(user))))


if __name__ == "__main__":
    main(sys.argv[1:])
