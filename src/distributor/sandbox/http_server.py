"""The sandbox's HTTP server: uvicorn, with responses that drop the connection, and an immediate stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TICK_SECONDS = 1


class HttpServer(uvicorn.Server):
    """Calls back when it listens, and leaves signals to its caller. Create it inside the event loop that runs it."""

    def __init__(self, app: ASGIApp, when_started: Callable[[HttpServer], None]) -> None:
        super().__init__(
            uvicorn.Config(
                _ending_quietly(app),
                http=_TransportProtocol,
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
        """As uvicorn's, which asks ten times a second whether to stop; this one waits for an event."""
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


class _TransportProtocol(H11Protocol):
    """Passes a connection's transport to its requests, so that a response can close the connection."""

    # uvicorn narrows the type as well.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _ending_quietly(app: ASGIApp) -> ASGIApp:
    """Calls that still hang on purpose when the sandbox stops are no errors to be logged."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return call
