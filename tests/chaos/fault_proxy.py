"""A TCP proxy before an SMTP server: it refuses or delays connections, holds mails back, and acts on a chosen mail."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

_END = b"\r\n.\r\n"


class WirePoint(StrEnum):
    """How much of a mail has been sent when its sender is killed."""

    BEFORE_DOT = "before the dot"
    AFTER_DOT = "after the dot"


@dataclass(kw_only=True)
class Strike:
    """Call `act` when the mail with this number (from 1) is at this point, once; `is_done` says that it was called."""

    point: WirePoint
    number: int
    act: Callable[[], None]
    seen: int = 0
    is_done: bool = False


class ReplyFaultKind(StrEnum):
    """What becomes of a line of a reply."""

    GARBLE = "garbled"
    DOUBLE = "doubled"
    # Neither it nor anything after it reaches the sender, and the connection stays open.
    SILENCE = "silent"


@dataclass(kw_only=True)
class ReplyFault:
    """Every line of this number, counted over all connections, has the fault, so many times."""

    kind: ReplyFaultKind
    every: int
    times: int
    seen: int = 0

    def strikes(self) -> bool:
        """Whether the next line has the fault."""
        self.seen += 1
        is_struck = self.times > 0 and self.seen % self.every == 0
        self.times -= is_struck
        return is_struck


class FaultProxy:
    """Forwards to `upstream_port`, on a port that stays the same while it refuses and serves again.

    `passed` counts the mails it forwarded. Call all methods in one event loop.
    """

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.passed = 0
        # How many mails are held back at the moment.
        self.holding = 0
        # Seconds by which everything is delayed, in each direction.
        self.delay = 0.0
        self.strike: Strike | None = None
        self.reply_fault: ReplyFault | None = None
        self._upstream_port = upstream_port
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._limit: int | None = None
        self._limit_changed = asyncio.Condition()

    async def allow(self, limit: int | None) -> None:
        """Forward so many mails in all, counted from the start, and hold back the others; None: all of them."""
        async with self._limit_changed:
            self._limit = limit
            self._limit_changed.notify_all()

    async def pass_one(self) -> None:
        """Wait until one more mail may be forwarded, and count it."""
        async with self._limit_changed:
            self.holding += 1
            try:
                await self._limit_changed.wait_for(lambda: self._limit is None or self.passed < self._limit)
            finally:
                self.holding -= 1
            self.passed += 1

    async def serve(self) -> None:
        """Accept connections from now on."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse connections from now on, and abort the open ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in self._sessions:
            session.cancel()
        await self.wait_until_idle()

    async def wait_until_idle(self) -> None:
        """Wait until every connection has ended; everything in transit has arrived by then."""
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
        replies = asyncio.create_task(session.forward_replies(there, writer))
        try:
            with suppress(OSError):
                await session.forward_mails()
            # The server discards an unfinished mail; its reply to a finished one is lost.
            with suppress(OSError):
                back.write_eof()
            await replies
        finally:
            replies.cancel()
            writer.transport.abort()
            back.transport.abort()


class _Session:
    """One connection: its state in the SMTP session, and both directions."""

    def __init__(self, proxy: FaultProxy, sender: StreamReader, server: StreamWriter) -> None:
        self._proxy = proxy
        self._sender = sender
        self._server = server
        self._is_content = False
        self._held = b""

    async def forward_replies(self, server: StreamReader, sender: StreamWriter) -> None:
        is_silent = False
        with suppress(OSError, EOFError):
            while line := await server.readline():
                self._is_content = self._is_content or line.startswith(b"354")
                await asyncio.sleep(self._proxy.delay)
                fault = self._proxy.reply_fault
                if fault is not None and not is_silent and fault.strikes():
                    is_silent = fault.kind is ReplyFaultKind.SILENCE
                    line = line * 2 if fault.kind is ReplyFaultKind.DOUBLE else b"\x00\xff no reply\r\n"
                if not is_silent:
                    sender.write(line)
        sender.transport.abort()

    async def forward_mails(self) -> None:
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
                await self._proxy.pass_one()
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
