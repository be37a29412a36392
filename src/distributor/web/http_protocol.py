"""HTTP connections on uvicorn's h11 protocol, with limits for slow clients and for the number of connections.

At any time a connection waits for its client (to send headers or a body, or to read the response) or for this
process. Only the first kind has time limits, and only the first kind is closed to make room for a new connection, the
longest wait first. So clients that open requests and never finish them cannot keep others out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar, cast

import h11
import structlog
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from distributor.flow.request_limits import network_of

# So that a flood of connections is not one of log lines as well.
_SECONDS_BETWEEN_WARNINGS = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How long a client may take, and how many connections may be open.

    All headers of a request must arrive within `header_seconds`. A body or the reading of a response must advance by
    `bytes_per_second` in each period of `stall_seconds`. `connections` and `connections_per_network` (an IPv4 /24 or
    an IPv6 /56; trusted proxies are exempt) are the numbers at which the longest wait is closed. The connections, a
    burst of new ones and the other files of this process stay below 1024, the usual limit of open files.
    """

    header_seconds: float = 10.0
    stall_seconds: float = 20.0
    bytes_per_second: int = 500
    connections: int = 400
    connections_per_network: int = 100


def limited_protocol(limits: ConnectionLimits, app: ASGIApp, trusted_proxies: str) -> type[H11Protocol]:
    """The protocol class for a uvicorn server with these limits. `trusted_proxies` are separated by commas."""

    class LimitedProtocol(_LimitedProtocol):
        _limits = limits
        # uvicorn's own reading of the setting.
        _proxies = ProxyHeadersMiddleware(cast(Any, app), trusted_proxies).trusted_hosts

    return LimitedProtocol


class _Wait(Enum):
    """What a connection waits for its client to do."""

    SEND_HEADERS = auto()
    SEND_BODY = auto()
    READ_RESPONSE = auto()


class _LimitedProtocol(H11Protocol):
    _limits: ClassVar[ConnectionLimits]
    _proxies: ClassVar[Any]  # uvicorn's class for it is private; it answers `in`
    _next_warning: ClassVar[float] = 0.0

    _wait: _Wait | None = None
    _waiting_since = 0.0
    _timer: asyncio.TimerHandle | None = None
    # Bytes of the body since the timer was started, and bytes that the client had not read at that time.
    _received = 0
    _unread = 0
    _network = ""

    # uvicorn narrows the type as well.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Writing pauses as soon as the client does not read.
        transport.set_write_buffer_limits(high=0)
        address = self.client[0] if self.client else ""
        self._network = "" if address in self._proxies else network_of(address)
        self._note_wait()
        if self._network:
            neighbours = [other for other in self._connections() if other._network == self._network]
            self._make_room(neighbours, self._limits.connections_per_network)
        self._make_room(self._connections(), self._limits.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timer()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        self._note_wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note_wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._note_wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._note_wait()

    def _connections(self) -> Collection[_LimitedProtocol]:
        # All connections of a server have the same class.
        return cast("Collection[_LimitedProtocol]", self.connections)

    def _make_room(self, connections: Collection[_LimitedProtocol], limit: int) -> None:
        """Close one of these connections if they are more than the limit: the longest wait, else this one."""
        if len(connections) <= limit or self.transport.is_closing():
            return
        self._warn(len(connections))
        waiting = [other for other in connections if other._wait is not None and other is not self]
        if waiting:
            min(waiting, key=lambda other: other._waiting_since)._abort()
        else:
            self._refuse("503 Service Unavailable", "Too many connections; try again later.\n")

    def _warn(self, connections: int) -> None:
        if self.loop.time() >= _LimitedProtocol._next_warning:
            _LimitedProtocol._next_warning = self.loop.time() + _SECONDS_BETWEEN_WARNINGS
            _log.warning("web.connections_full", connections=connections)

    def _awaited(self) -> _Wait | None:
        if self.flow.write_paused:
            return _Wait.READ_RESPONSE
        if self.transport.is_closing():
            return None
        states = {h11.IDLE: _Wait.SEND_HEADERS, h11.SEND_BODY: _Wait.SEND_BODY}
        return states.get(self.conn.their_state)

    def _note_wait(self) -> None:
        """Start or stop the timer if the connection now waits for something else."""
        wait = self._awaited()
        if wait is self._wait:
            return
        self._wait = wait
        self._waiting_since = self.loop.time()
        self._stop_timer()
        if wait is not None:
            self._start_timer()

    def _start_timer(self) -> None:
        self._received = 0
        self._unread = self.transport.get_write_buffer_size()
        limits = self._limits
        seconds = limits.header_seconds if self._wait is _Wait.SEND_HEADERS else limits.stall_seconds
        self._timer = self.loop.call_later(seconds, self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        if self._advances():
            self._start_timer()
        elif self._wait is _Wait.READ_RESPONSE or (self._wait is _Wait.SEND_BODY and self.cycle.response_started):
            self._abort()
        elif self._wait is _Wait.SEND_HEADERS and not self.conn.trailing_data[0]:
            self.transport.close()
        else:
            self._refuse("408 Request Timeout", "The request was not sent in time.\n")

    def _advances(self) -> bool:
        enough = self._limits.bytes_per_second * self._limits.stall_seconds
        if self._wait is _Wait.SEND_BODY:
            # Reading pauses while the application has not taken what has arrived: the client is not to blame.
            return self.flow.read_paused or (self._received >= enough and not self.cycle.response_complete)
        if self._wait is _Wait.READ_RESPONSE:
            return self._unread - self.transport.get_write_buffer_size() >= enough
        return False

    def _refuse(self, status: str, sentence: str) -> None:
        """Send a response instead of the application, and close."""
        self._disconnect_application()
        self.connections.discard(self)
        self.transport.write(
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(sentence)}\r\n\r\n{sentence}".encode()
        )
        # Unless the client does not read it: then READ_RESPONSE has its limit.
        self.transport.close()

    def _abort(self) -> None:
        self._disconnect_application()
        # Now, not when the transport reports it, so that the next connection makes room by another one.
        self.connections.discard(self)
        self.transport.abort()

    def _disconnect_application(self) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
