"""The server that takes back what comes back: LMTP for a relay beside it, SMTP as a mail exchanger behind one."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import closing, suppress
from socket import socket

from distributor.flow.app_context import AppContext
from distributor.inbound.acceptance import Door
from distributor.inbound.smtp_session import Dialogue
from distributor.mail.smtp.line_stream import LineStream

# RFC 5321 section 4.5.3.2.7 asks a server to wait five minutes for a command.
IDLE_SECONDS = 300.0
MOST_SESSIONS = 50


class ReturnsServer:
    """Serves on a listening socket of its caller."""

    def __init__(self, app: AppContext, *, name: str, idle_seconds: float = IDLE_SECONDS) -> None:
        self._door = Door(app)
        self._name = name
        self._idle_seconds = idle_seconds
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._welcome, sock=listening, backlog=128)

    async def stop(self) -> None:
        """Accept no more, and break off what is going on: what is not answered for stays its sender's."""
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        session = asyncio.create_task(self._talk(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        wire = LineStream(reader, writer)
        with closing(writer), suppress(EOFError, ConnectionError):
            if len(self._sessions) > MOST_SESSIONS:
                wire.answer("421 4.3.2 too many at once; try again later")
            else:
                await Dialogue(wire=wire, door=self._door, name=self._name, idle_seconds=self._idle_seconds).run()
            await wire.flush()
