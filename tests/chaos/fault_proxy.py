"""A TCP proxy before an SMTP server that refuses connections, slows them down, and strikes at a mail on its way."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

_END = b"\r\n.\r\n"


class WirePoint(StrEnum):
    """Where a mail is on its way when its sender dies."""

    BEFORE_DOT = "before the dot"
    AFTER_DOT = "after the dot"


@dataclass(kw_only=True)
class Strike:
    """`act` is called when the mail with this number (from 1) is at this point; `is_done` says that it was."""

    point: WirePoint
    number: int
    act: Callable[[], None]
    seen: int = 0
    is_done: bool = False


class FaultProxy:
    """Forwards to `upstream_port`, on a port that stays the same while it refuses and serves again.

    All methods belong to one event loop.
    """

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        # Seconds by which everything is late, in each direction.
        self.delay = 0.0
        self.strike: Strike | None = None
        self._upstream_port = upstream_port
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Take connections from now on, if that is not done already."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Let connections be refused from now on, and break off those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in self._sessions:
            session.cancel()
        await self.wait_until_idle()

    async def wait_until_idle(self) -> None:
        """Wait until every connection has ended; what was on its way has arrived by then."""
        while self._sessions:
            await asyncio.gather(*self._sessions, return_exceptions=True)

    def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        session = asyncio.create_task(self._forward(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _forward(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.transport.abort()
            return
        session = _Session(self, reader, back)
        answering = asyncio.create_task(session.bring_answers(there, writer))
        try:
            with suppress(OSError):
                await session.bring_mails()
            # The server drops what was not finished, and answers to nobody what was.
            with suppress(OSError):
                back.write_eof()
            await answering
        finally:
            answering.cancel()
            writer.transport.abort()
            back.transport.abort()


class _Session:
    """One connection: where in the dialogue it is, and both ways through it."""

    def __init__(self, proxy: FaultProxy, sender: StreamReader, server: StreamWriter) -> None:
        self._proxy = proxy
        self._sender = sender
        self._server = server
        self._is_content = False
        self._held = b""

    async def bring_answers(self, server: StreamReader, sender: StreamWriter) -> None:
        with suppress(OSError, EOFError):
            while line := await server.readline():
                self._is_content = self._is_content or line.startswith(b"354")
                await asyncio.sleep(self._proxy.delay)
                sender.write(line)
        sender.transport.abort()

    async def bring_mails(self) -> None:
        while chunk := await self._sender.read(65536):
            await asyncio.sleep(self._proxy.delay)
            if not self._is_content:
                self._server.write(chunk)
                continue
            if not self._held:
                self._count()
            self._held += chunk
            if self._strikes(WirePoint.BEFORE_DOT):
                self._server.write(self._held[: len(self._held) // 2])
                return
            if _END in self._held:
                if self._strikes(WirePoint.AFTER_DOT):
                    self._server.write(self._held)
                    return
                self._is_content = False
                self._server.write(self._held)
                self._held = b""

    def _count(self) -> None:
        if self._proxy.strike is not None:
            self._proxy.strike.seen += 1

    def _strikes(self, point: WirePoint) -> bool:
        strike = self._proxy.strike
        if strike is None or strike.is_done or strike.point is not point or strike.seen < strike.number:
            return False
        strike.is_done = True
        strike.act()
        return True
