"""The server for inbound mail: LMTP for a relay on the same network, SMTP as a mail exchanger behind one."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from socket import socket

from distributor.flow.app_context import AppContext
from distributor.inbound.acceptance import InboundAcceptance
from distributor.inbound.smtp_session import InboundSession
from distributor.mail.smtp.line_stream import LineStream

# RFC 5321 section 4.5.3.2.7: a server should wait at least five minutes for a command.
IDLE_SECONDS = 300.0
MAX_SESSIONS = 100
# More than a relay opens: Postfix stops at 20 for one destination.
MAX_SESSIONS_PER_IP = 25
# RFC 5321 section 3.8: a server may close a connection with 421 at any time, and the client tries again.
_TRY_AGAIN = "421 4.3.2 Too many connections or shutting down, try again later"


@dataclass(frozen=True, eq=False, slots=True)
class _Connection:
    ip: str
    session: InboundSession
    task: asyncio.Task[None]


class InboundServer:
    """Serves on a listening socket that the caller has opened.

    When there are too many sessions, in all or of one IP address, the one that has waited longest for its client is
    closed for a new one. So clients that stay silent keep no one out.
    """

    def __init__(
        self,
        app: AppContext,
        *,
        name: str,
        idle_seconds: float = IDLE_SECONDS,
        max_sessions: int = MAX_SESSIONS,
        max_sessions_per_ip: int = MAX_SESSIONS_PER_IP,
    ) -> None:
        self._acceptance = InboundAcceptance(app)
        self._name = name
        self._idle_seconds = idle_seconds
        self._max_sessions = max_sessions
        self._max_sessions_per_ip = max_sessions_per_ip
        self._connections: set[_Connection] = set()

    async def start(self, listener: socket) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._on_connection, sock=listener, backlog=128)

    async def stop(self) -> None:
        """Accept no more connections and cancel the open sessions: clients keep every message without a reply."""
        self._server.close()
        tasks = [connection.task for connection in self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        ip = str((writer.get_extra_info("peername") or ("",))[0])
        # Sending waits until the client has taken everything, so that the time limits cover it.
        writer.transport.set_write_buffer_limits(high=0)
        if not self._make_room(ip):
            _close(writer, _TRY_AGAIN)
            return
        session = InboundSession(
            stream=LineStream(reader, writer),
            acceptance=self._acceptance,
            name=self._name,
            idle_seconds=self._idle_seconds,
        )
        connection = _Connection(ip, session, asyncio.create_task(_serve(session, writer)))
        self._connections.add(connection)
        connection.task.add_done_callback(lambda _: self._connections.discard(connection))

    def _make_room(self, ip: str) -> bool:
        """Whether there is room for one more session, if need be after closing another one."""
        neighbours = [connection for connection in self._connections if connection.ip == ip]
        return self._fits(neighbours, self._max_sessions_per_ip) and self._fits(self._connections, self._max_sessions)

    def _fits(self, connections: Collection[_Connection], limit: int) -> bool:
        if len(connections) < limit:
            return True
        waits = {found: since for found in connections if (since := found.session.waiting_since) is not None}
        if not waits:
            return False
        longest = min(waits, key=waits.__getitem__)
        longest.task.cancel()
        # Now, not when the task ends, so that the next connection makes room by another one.
        self._connections.discard(longest)
        return True


async def _serve(session: InboundSession, writer: StreamWriter) -> None:
    last = ""
    try:
        with suppress(EOFError, ConnectionError, TimeoutError):
            await session.run()
    except asyncio.CancelledError:
        last = _TRY_AGAIN
        raise
    finally:
        _close(writer, last)


def _close(writer: StreamWriter, reply: str) -> None:
    """Send a last reply if the client takes it at once, and close; a client that reads nothing is not waited for."""
    if reply:
        writer.write(reply.encode() + b"\r\n")
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    writer.close()
