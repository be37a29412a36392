"""The server for inbound mail: LMTP for a relay on the same network, SMTP as a mail exchanger behind one."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import closing, suppress
from socket import socket

from distributor.flow.app_context import AppContext
from distributor.inbound.acceptance import InboundAcceptance
from distributor.inbound.smtp_session import InboundSession
from distributor.mail.smtp.line_stream import LineStream

# RFC 5321 section 4.5.3.2.7: a server should wait at least five minutes for a command.
IDLE_SECONDS = 300.0
MAX_SESSIONS = 50


class InboundServer:
    """Serves on a listening socket that the caller has opened."""

    def __init__(self, app: AppContext, *, name: str, idle_seconds: float = IDLE_SECONDS) -> None:
        self._acceptance = InboundAcceptance(app)
        self._name = name
        self._idle_seconds = idle_seconds
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._on_connection, sock=listener, backlog=128)

    async def stop(self) -> None:
        """Accept no more connections and cancel the open sessions: clients keep every message without a reply."""
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _on_connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        session = asyncio.create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        stream = LineStream(reader, writer)
        with closing(writer), suppress(EOFError, ConnectionError):
            if len(self._sessions) > MAX_SESSIONS:
                stream.answer("421 4.3.2 Too many connections, try again later")
            else:
                session = InboundSession(
                    stream=stream, acceptance=self._acceptance, name=self._name, idle_seconds=self._idle_seconds
                )
                await session.run()
            await stream.flush()
