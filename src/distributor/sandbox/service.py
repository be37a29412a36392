"""Running the sandbox: the SMTP inbox and the HTTP server, until a signal or for as long as a test needs them."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from distributor.listening import listen
from distributor.sandbox.controls import Controls
from distributor.sandbox.http_server import HttpServer
from distributor.sandbox.pages import SandboxPages
from distributor.sandbox.request_gate import Clock, system_clock
from distributor.sandbox.smtp_server import SmtpServer
from distributor.sandbox.state import SandboxState, open_state

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 30
_BACKLOG = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox: its addresses, and its state for tests in the same process."""

    host: str
    http_port: int
    smtp_port: int
    state: SandboxState

    @property
    def http_url(self) -> str:
        """Root of the pages and of all emulators, without a final slash."""
        return f"http://{self.host}:{self.http_port}"

    def url(self, kind: str) -> str:
        """Base URL of the emulator of this kind, which stands for the root of the network's API."""
        return f"{self.http_url}/{kind}"

    @property
    def smtp_url(self) -> str:
        """Stands for a smarthost; without a user, as none is required."""
        return f"smtp://{self.host}:{self.smtp_port}"


def run_sandbox(
    *,
    folder: Path,
    host: str = _LOOPBACK,
    smtp_port: int = 0,
    http_port: int = 0,
    when_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. Port 0 takes a free one, which `when_ready` is given once both listen.

    Raises ConfigurationError if a port or the folder is in use.
    """
    with _opened(folder, host, smtp_port, http_port, system_clock) as (sandbox, listening):

        def handle_signals(server: HttpServer) -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stop)
            if when_ready is not None:
                when_ready(sandbox)

        asyncio.run(_serve(sandbox.state, listening, handle_signals))


@contextmanager
def running_sandbox(
    folder: Path, *, host: str = _LOOPBACK, smtp_port: int = 0, http_port: int = 0, clock: Clock = system_clock
) -> Iterator[Sandbox]:
    """A sandbox in a thread of this process, for as long as the context lasts. Raises as `run_sandbox` does."""
    started: Future[HttpServer] = Future()
    with _opened(folder, host, smtp_port, http_port, clock) as (sandbox, listening):
        serving = _serve(sandbox.state, listening, started.set_result)
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
        listen(host, smtp_port, backlog=_BACKLOG) as smtp,
        listen(host, http_port, backlog=_BACKLOG) as http,
        closing(open_state(folder, clock=clock)) as state,
    ):
        listening = _Listening(smtp=smtp, http=http)
        yield (
            Sandbox(host=host, http_port=_port_of(http), smtp_port=_port_of(smtp), state=state),
            listening,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listening:
    smtp: socket.socket
    http: socket.socket


async def _serve(state: SandboxState, listening: _Listening, when_started: Callable[[HttpServer], None]) -> None:
    smtp = SmtpServer(state.inbox, state.switches, state.clock)
    await smtp.start(listening.smtp)
    try:
        await HttpServer(make_app(state), when_started).serve(sockets=[listening.http])
    finally:
        await smtp.stop()


def make_app(state: SandboxState) -> Starlette:
    """One ASGI application: each emulator under its kind, with controls, exports and pages beside them.

    Faults that drop connections need the server of `http_server.py`.
    """
    mounts = [Mount(f"/{kind}", emulator.make_app()) for kind, emulator in state.emulators.items()]
    return Starlette(routes=[*Controls(state).routes(), *SandboxPages(state).routes(), *mounts])


def _port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
