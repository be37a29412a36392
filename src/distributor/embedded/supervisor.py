"""The process that owns the embedded servers: `python -m distributor.embedded.supervisor DATA_DIR TUNING LOCK CLIENT`.

It belongs to no terminal and to none of its clients, the processes that use the servers. Each holds a connection to it,
which the kernel closes however that process ends; after the last has gone, it stops the servers and exits.
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
from distributor.embedded.handshake import Services, encode_error, encode_services
from distributor.embedded.paths import DataPaths, make_socket_folder, remove_stale_sockets, write_supervisor_address
from distributor.embedded.postgres import Postgres, Tuning
from distributor.embedded.redis import Redis
from distributor.embedded.server_process import ServerProcess

_LOG = logging.getLogger(__name__)
# Commands in a row find the servers still running.
_GRACE_SECONDS = 0.7


class Supervisor:
    """Two servers, and the clients that are connected; `first_client` is so from the beginning."""

    def __init__(self, paths: DataPaths, tuning: Tuning, first_client: socket.socket) -> None:
        self._paths = paths
        self._tuning = tuning
        self._first_client = first_client
        self._servers: list[ServerProcess] = []
        self._clients = 0
        self._handshake: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._done = asyncio.Event()
        self._exit_timer: TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the last client has gone, or until SIGTERM. The servers are stopped when this returns."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._done.set)
        remove_stale_sockets(self._paths)
        sockets = _make_passable(make_socket_folder())
        try:
            await self._accept_clients(sockets)
        finally:
            self._paths.supervisor_address.unlink(missing_ok=True)
            shutil.rmtree(sockets, ignore_errors=True)

    async def _accept_clients(self, sockets: Path) -> None:
        servers = asyncio.create_task(self._run_servers(sockets))
        listener = await asyncio.start_unix_server(self._serve_client, sockets / "supervisor")
        first = asyncio.create_task(self._serve_client(*await asyncio.open_unix_connection(sock=self._first_client)))
        try:
            write_supervisor_address(self._paths, sockets / "supervisor")
            await self._done.wait()
        finally:
            listener.close()
            first.cancel()
            servers.cancel()
            with suppress(asyncio.CancelledError):
                await servers
            await asyncio.gather(*(server.stop() for server in self._servers))

    async def _run_servers(self, sockets: Path) -> None:
        try:
            self._handshake.set_result(encode_services(await self._start(sockets)))
            await _run_all(server.keep_running() for server in self._servers)
        except Exception as error:
            _LOG.exception("the servers cannot be kept running")
            self._give_up(_as_distributor_error(error, self._paths))

    async def _start(self, sockets: Path) -> Services:
        postgres = Postgres(self._paths, sockets, self._tuning)
        redis = Redis(self._paths, postgres.run_as)
        self._servers = [ServerProcess(postgres), ServerProcess(redis)]
        await _run_all(server.start() for server in self._servers)
        return Services(postgres.url, redis.url)

    def _give_up(self, error: DistributorError) -> None:
        # Clients that wait for the servers receive the error and disconnect; clients of servers that were ready have
        # lost their connections to them.
        if self._handshake.done():
            self._done.set()
        else:
            self._handshake.set_result(encode_error(error))

    async def _serve_client(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._clients += 1
        self._exit_after(None)
        try:
            disconnected = asyncio.create_task(reader.read())
            await asyncio.wait({disconnected, self._handshake}, return_when=asyncio.FIRST_COMPLETED)
            if self._handshake.done():
                writer.write(self._handshake.result())
            await disconnected
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._clients -= 1
            if not self._clients:
                self._exit_after(_GRACE_SECONDS)

    def _exit_after(self, seconds: float | None) -> None:
        if self._exit_timer is not None:
            self._exit_timer.cancel()
        loop = asyncio.get_running_loop()
        self._exit_timer = loop.call_later(seconds, self._done.set) if seconds is not None else None


async def _run_all(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at once; the first failure ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _make_passable(folder: Path) -> Path:
    # Root's servers run as another user, who has to pass this folder to reach one inside.
    if os.geteuid() == 0:
        folder.chmod(0o711)
    return folder


def _as_distributor_error(error: Exception, paths: DataPaths) -> DistributorError:
    if isinstance(error, DistributorError):
        return error
    log = paths.log("supervisor")
    return ServiceError(f"the embedded servers cannot be started: {error} (more in {log})")


def _detach() -> None:
    """Fork, and end the process that was started: its parent waits for it, and not for the supervisor."""
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


async def _run(paths: DataPaths, tuning: Tuning, first_client: socket.socket) -> None:
    await Supervisor(paths, tuning, first_client).run()


def main(argv: list[str]) -> None:
    """LOCK and CLIENT are inherited descriptors: the lock, held until this process ends, and the first connection."""
    data_dir, tuning, lock, client = argv
    for descriptor in (lock, client):
        os.set_inheritable(int(descriptor), False)
    _detach()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_run(DataPaths(Path(data_dir)), Tuning(tuning), socket.socket(fileno=int(client))))


if __name__ == "__main__":
    main(sys.argv[1:])
