"""Running the sandbox: until a signal, or for as long as a test needs it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from distributor.domain.errors import ConfigurationError
from distributor.sandbox.app import make_app
from distributor.sandbox.desk import Clock, system_clock
from distributor.sandbox.smtp.server import SmtpServer
from distributor.sandbox.world import World, open_world

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 30
_BACKLOG = 512
_TICK_SECONDS = 1
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox: where it is, and its state for tests in the same process."""

    host: str
    http_port: int
    smtp_port: int
    world: World

    @property
    def http_url(self) -> str:
        """Root of the pages and of everything else over HTTP, without a final slash."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def x_url(self) -> str:
        """Stands for https://api.twitter.com."""
        return f"{self.http_url}/x"

    @property
    def mastodon_url(self) -> str:
        """Stands for the root of a Mastodon instance."""
        return f"{self.http_url}/mastodon"

    @property
    def bluesky_url(self) -> str:
        """Stands for the root of a PDS."""
        return f"{self.http_url}/bluesky"

    @property
    def smtp_url(self) -> str:
        """Stands for a smarthost; without a user, as none is asked for."""
        return f"smtp://{self.host}:{self.smtp_port}"


def run_sandbox(
    *,
    folder: Path,
    host: str = _LOOPBACK,
    smtp_port: int = 0,
    http_port: int = 0,
    when_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. Port 0 takes a free one, which `when_ready` learns once both listen.

    Raises ConfigurationError if a port or the folder is in use.
    """
    with _opened(folder, host, smtp_port, http_port, system_clock) as (sandbox, listening):

        def obey_signals(server: _Server) -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stop)
            if when_ready is not None:
                when_ready(sandbox)

        asyncio.run(_serve(sandbox.world, listening, obey_signals))


@contextmanager
def running_sandbox(
    folder: Path, *, host: str = _LOOPBACK, smtp_port: int = 0, http_port: int = 0, clock: Clock = system_clock
) -> Iterator[Sandbox]:
    """A sandbox in a thread of this process, for as long as the context lasts. Raises as `run_sandbox` does."""
    started: Future[_Server] = Future()
    with _opened(folder, host, smtp_port, http_port, clock) as (sandbox, listening):
        serving = _serve(sandbox.world, listening, started.set_result)
        thread = threading.Thread(target=asyncio.run, args=(serving,), name="sandbox", daemon=True)
        thread.start()
        server = started.result(_START_SECONDS)
        try:
            yield sandbox
        finally:
            server.stop()
            thread.join()


@contextmanager
def _opened(
    folder: Path, host: str, smtp_port: int, http_port: int, clock: Clock
) -> Iterator[tuple[Sandbox, _Listening]]:
    with (
        _listen(host, smtp_port) as smtp,
        _listen(host, http_port) as http,
        closing(open_world(folder, clock=clock)) as world,
    ):
        listening = _Listening(smtp=smtp, http=http)
        yield (
            Sandbox(host=host, http_port=_port_of(http), smtp_port=_port_of(smtp), world=world),
            listening,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listening:
    smtp: socket.socket
    http: socket.socket


async def _serve(world: World, listening: _Listening, when_started: Callable[[_Server], None]) -> None:
    mail = SmtpServer(world.inbox, world.switches, world.clock)
    await mail.start(listening.smtp)
    try:
        await _Server(_ending_quietly(make_app(world)), when_started).serve(sockets=[listening.http])
    finally:
        await mail.stop()


def _ending_quietly(app: ASGIApp) -> ASGIApp:
    """Calls that still hang on purpose when the sandbox stops are no errors to be logged."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return call


class _LendingProtocol(H11Protocol):
    """Lends a connection's transport to its requests, so that an answer can be a hang-up."""

    # uvicorn narrows the type as well.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Tells when it listens, and leaves signals to whoever runs it."""

    def __init__(self, app: ASGIApp, when_started: Callable[[_Server], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_LendingProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                # Pools of clients must not race with an idle timeout that no network has set so low.
                timeout_keep_alive=600,
            )
        )
        self._when_started = when_started
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started(self)

    async def main_loop(self) -> None:
        """As uvicorn's, which asks ten times a second whether to stop; this one is told."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """At once: a call that hangs on purpose is not waited for."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def stop(self) -> None:
        """Stop now; may be called from any thread."""
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stopping.set)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _HIGHEST_PORT:
        raise ConfigurationError(
            f"port {port} does not exist; ports go from 0, which means a free one, to {_HIGHEST_PORT}"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is in use; stop what listens there, or choose another port"
            ) from None
        raise ConfigurationError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from None


def _port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
