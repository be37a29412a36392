"""The SMTP server of the sandbox.

It is written by hand because aiosmtpd 1.4.6 neither advertises PIPELINING nor keeps up with this project's sender.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import closing, suppress
from socket import socket

from distributor.mail.smtp.line_stream import LineStream
from distributor.sandbox.request_gate import Clock
from distributor.sandbox.faults import Switches
from distributor.sandbox.inbox import Inbox
from distributor.sandbox.smtp.session import SmtpSession


class SmtpServer:
    """Serves SMTP on a listening socket of its caller."""

    def __init__(self, inbox: Inbox, switches: Switches, clock: Clock) -> None:
        self._inbox = inbox
        self._switches = switches
        self._clock = clock
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._welcome, sock=listening, backlog=512)

    async def stop(self) -> None:
        """Accept no more, and break off what is going on; nothing that was accepted is lost by that."""
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
        session = SmtpSession(wire=wire, inbox=self._inbox, switches=self._switches, clock=self._clock)
        with closing(writer), suppress(EOFError, ConnectionError):
            await session.run()
            await wire.flush()
