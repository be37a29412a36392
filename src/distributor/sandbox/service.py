"""Running the sandbox: until a signal, or for as long as a test needs it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributor.domain.errors import ConfigurationError
from distributor.sandbox.app import make_app
from distributor.sandbox.request_gate import Clock, system_clock
from distributor.sandbox.http_server import HttpServer
from distributor.sandbox.smtp.server import SmtpServer
from distributor.sandbox.state import SandboxState, open_state

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 30
_BACKLOG = 512
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox: where it is, and its state for tests in the same process."""

    host: str
    http_port: int
    smtp_port: int
    world: SandboxState

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

        def obey_signals(server: HttpServer) -> None:
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
    started: Future[HttpServer] = Future()
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
        closing(open_state(folder, clock=clock)) as world,
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


async def _serve(world: SandboxState, listening: _Listening, when_started: Callable[[HttpServer], None]) -> None:
    mail = SmtpServer(world.inbox, world.switches, world.clock)
    await mail.start(listening.smtp)
    try:
        await HttpServer(make_app(world), when_started).serve(sockets=[listening.http])
    finally:
        await mail.stop()


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
