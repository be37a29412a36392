"""The byte stream of an SMTP session: sends commands, receives replies, starts TLS; every wait has a timeout."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from distributor.mail.smtp.reply import SmtpReply, SmtpReplyParser, SmtpSessionError

# Far more than the replies to one group of commands; no mail server sends that much unsolicited.
_MAX_UNREAD_BYTES = 1 << 20


class SmtpStream(asyncio.Protocol):
    """One connection. Every failure is raised as SmtpSessionError.

    An asyncio.Protocol and not a StreamReader: unsolicited bytes have to be noticed before a message is sent.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._replies = SmtpReplyParser()
        self._error: str | None = None
        self._is_full = False
        self._loop = asyncio.get_running_loop()
        # The pending wait for bytes or for room to send, its deadline, and a timer that fires then or earlier.
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, host: str, port: int, *, tls: ssl.SSLContext | None, seconds: float) -> SmtpStream:
        """Connect, with implicit TLS if `tls` is given. Also raises ssl.SSLCertVerificationError."""
        loop = asyncio.get_running_loop()
        with _raised_as_session_error(f"no connection to {host} port {port}"):
            async with asyncio.timeout(seconds):
                _, wire = await loop.create_connection(cls, host, port, ssl=tls)
        return wire

    @property
    def own_address(self) -> str:
        return str(self._transport.get_extra_info("sockname")[0])

    @property
    def is_encrypted(self) -> bool:
        return self._transport.get_extra_info("ssl_object") is not None

    @property
    def tls_version(self) -> str:
        """Such as ``TLSv1.3``; empty without encryption."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return (tls.version() or "") if tls is not None else ""

    @property
    def is_quiet(self) -> bool:
        """Whether the server has sent nothing beyond the replies already read and has not closed the connection."""
        return self._replies.unread == 0 and self._error is None

    def write(self, data: bytes) -> None:
        """Queue bytes for sending; a failure is raised at the next `reply`."""
        if data:
            self._transport.write(data)

    async def flush(self, seconds: float) -> None:
        """Wait until everything written is with the operating system."""
        with _raised_as_session_error("the connection was lost while sending"):
            deadline = self._loop.time() + seconds
            while self._is_full:
                await self._wait(deadline)

    async def reply(self, seconds: float) -> SmtpReply:
        """The next reply, in the order of the commands."""
        reply = self._replies.next()
        if reply is not None:
            return reply
        with _raised_as_session_error("no reply from the server"):
            deadline = self._loop.time() + seconds
            while reply is None:
                await self._wait(deadline)
                reply = self._replies.next()
        return reply

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> SmtpStream:
        """Upgrade the connection to TLS. Also raises ssl.SSLCertVerificationError.

        Plain-text bytes that arrived after the reply to STARTTLS are discarded: an attacker may have injected them.
        """
        wire = SmtpStream()
        loop = asyncio.get_running_loop()
        with _raised_as_session_error("TLS could not be started"):
            async with asyncio.timeout(seconds):
                transport = await loop.start_tls(self._transport, wire, context, server_hostname=host)
        if transport is None:
            raise SmtpSessionError("the connection was lost while TLS was being started")
        wire.connection_made(transport)
        return wire

    def abort(self) -> None:
        """Close the connection at once; bytes not yet sent are lost."""
        self._transport.abort()

    async def _wait(self, deadline: float) -> None:
        """Wait for bytes or for room to send. Raises SmtpSessionError if the connection is lost, and TimeoutError.

        One timer serves many waits: setting one for each would take as long as the rest of reading a reply.
        """
        if self._error is not None:
            raise SmtpSessionError(self._error)
        if self._timer is None or self._timer.when() > deadline:
            self._set_timer(deadline)
        self._deadline, self._waiter = deadline, self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() >= self._deadline:
            self._waiter.set_exception(TimeoutError())
        else:
            self._set_timer(self._deadline)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        self._error = self._error or reason
        self._wake()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # `flush` waits for all of it: what is left here would go out whenever this process runs again.
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        self._replies.feed(data)
        if self._replies.unread > _MAX_UNREAD_BYTES:
            self._fail("the server sends unsolicited data without end")
            self.abort()
        self._wake()

    def eof_received(self) -> None:
        self._fail("the server closed the connection")

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection was lost: {error}" if error else "the connection is closed")
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()


@contextmanager
def _raised_as_session_error(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError as error:
        raise SmtpSessionError(f"{what}: timed out") from error
    except OSError as error:
        raise SmtpSessionError(f"{what}: {error.strerror or error}") from error
