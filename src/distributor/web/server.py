"""The uvicorn server in this process: it listens before it starts, and stops gracefully."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from distributor.listening import listen
from distributor.web.http_protocol import ConnectionLimits, limited_protocol

# Connections that are accepted at a time at most.
_BACKLOG = 256
_DEFAULT_LIMITS = ConnectionLimits()
# How long open requests may take after a stop signal; they normally take milliseconds.
_GRACE_SECONDS = 10
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    trusted_proxies: str = "127.0.0.1",
    on_listening: Callable[[str], None] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigurationError before anything starts if it cannot listen on the port.

    `trusted_proxies` are IP addresses or networks, separated by commas, whose X-Forwarded-For is trusted. `on_stop` is
    called in the loop of the server before it waits for open requests: it ends those that go on by themselves.
    """
    with listen(host, port, backlog=_BACKLOG) as listening:
        server = _Server(app, _url(listening, host), trusted_proxies, _DEFAULT_LIMITS, on_listening, on_stop)
        with _stopped_by_signals(server):
            server.run(sockets=[listening])


@contextmanager
def running(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    trusted_proxies: str = "127.0.0.1",
    limits: ConnectionLimits = _DEFAULT_LIMITS,
    on_stop: Callable[[], None] | None = None,
) -> Iterator[str]:
    """Serve from a thread for as long as the context is open; gives the URL. Raises ConfigurationError.

    `on_stop` is as for `run`.
    """
    with listen(host, port, backlog=_BACKLOG) as listening:
        is_up = threading.Event()
        server = _Server(app, _url(listening, host), trusted_proxies, limits, lambda _: is_up.set(), on_stop)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
        thread.start()
        try:
            # The socket listens already: clients that connect now get a response as soon as the server is up.
            is_up.wait(timeout=_GRACE_SECONDS)
            yield server.address
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    def __init__(
        self,
        app: ASGIApp,
        address: str,
        trusted_proxies: str,
        limits: ConnectionLimits,
        on_listening: Callable[[str], None] | None,
        on_stop: Callable[[], None] | None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=limited_protocol(limits, app, trusted_proxies),
                ws="none",
                backlog=_BACKLOG,
                # Its access log would contain paths, and with them tokens; our AccessLog does not.
                access_log=False,
                log_config=None,
                server_header=False,
                forwarded_allow_ips=trusted_proxies,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self.address = address
        self._on_listening = on_listening
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_listening is not None:
            self._on_listening(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._on_stop is not None:
            self._on_stop()
        await super().shutdown(sockets)


def _url(listening: socket.socket, host: str) -> str:
    written = f"[{host}]" if listening.family is socket.AF_INET6 else host
    return f"http://{written}:{listening.getsockname()[1]}"


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Signals stop the server only.

    uvicorn raises the signal again once it has stopped; that would kill the process before its callers clean up.
    """

    def stop(number: int, frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
