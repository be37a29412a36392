"""The bytes of an SMTP session: commands out, replies in, TLS underneath, and a limit on every wait."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from distributor.mail.smtp.reply import SmtpReply, SmtpReplyParser, SmtpSessionError

# Far more than the replies to one group of commands; a server that sends more unasked is no mail server.
_MOST_UNREAD = 1 << 20


class SmtpStream(asyncio.Protocol):
    """One connection. Whatever goes wrong on it is raised as SmtpSessionError.

    A protocol of its own and not a stream: bytes that nobody asked for must be seen before a mail is sent.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._replies = SmtpReplyParser()
        self._loss: str | None = None
        self._is_full = False
        self._loop = asyncio.get_running_loop()
        # Whoever waits for bytes or for room, until when, and the alarm that goes off then or earlier.
        self._waiting: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, host: str, port: int, *, tls: ssl.SSLContext | None, seconds: float) -> SmtpStream:
        """Connect, with TLS from the first byte if `tls` is given. Raises ssl.SSLCertVerificationError too."""
        loop = asyncio.get_running_loop()
        with _as_broken(f"no connection to {host} port {port}"):
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
    def is_silent(self) -> bool:
        """Whether the server has said nothing beyond the replies already taken, and has not hung up."""
        return self._replies.unread == 0 and self._loss is None

    def write(self, data: bytes) -> None:
        """Hand over for sending; trouble shows at the next reply."""
        if data:
            self._transport.write(data)

    async def flush(self, seconds: float) -> None:
        """Wait until nearly all that was written has left."""
        with _as_broken("the connection was lost while sending"):
            deadline = self._loop.time() + seconds
            while self._is_full:
                await self._stir(deadline)

    async def reply(self, seconds: float) -> SmtpReply:
        """The next reply, in the order of the commands."""
        reply = self._replies.next()
        if reply is not None:
            return reply
        with _as_broken("no reply from the server"):
            deadline = self._loop.time() + seconds
            while reply is None:
                await self._stir(deadline)
                reply = self._replies.next()
        return reply

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> SmtpStream:
        """The same connection under TLS. Raises ssl.SSLCertVerificationError for a certificate that does not convince.

        What came in the clear after the server's consent is left behind, because anybody may have put it there.
        """
        wire = SmtpStream()
        loop = asyncio.get_running_loop()
        with _as_broken("TLS could not be started"):
            async with asyncio.timeout(seconds):
                transport = await loop.start_tls(self._transport, wire, context, server_hostname=host)
        if transport is None:
            raise SmtpSessionError("the connection was lost while TLS was being started")
        wire.connection_made(transport)
        return wire

    def abort(self) -> None:
        """Drop the connection at once; bytes not yet sent are lost."""
        self._transport.abort()

    async def _stir(self, deadline: float) -> None:
        """Wait for bytes, or for room to send. Raises SmtpSessionError once there can be neither, and TimeoutError.

        One alarm serves many waits: to set one for each would take as long as all else that a reply needs.
        """
        if self._loss is not None:
            raise SmtpSessionError(self._loss)
        if self._alarm is None or self._alarm.when() > deadline:
            self._set_alarm(deadline)
        self._deadline, self._waiting = deadline, self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _set_alarm(self, moment: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._waiting is None or self._waiting.done():
            return
        if self._loop.time() >= self._deadline:
            self._waiting.set_exception(TimeoutError())
        else:
            self._set_alarm(self._deadline)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _lose(self, reason: str) -> None:
        self._loss = self._loss or reason
        self._wake()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._replies.feed(data)
        if self._replies.unread > _MOST_UNREAD:
            self._lose("the server sends without end and without being asked")
            self.abort()
        self._wake()

    def eof_received(self) -> None:
        self._lose("the server closed the connection")

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(f"the connection was lost: {error}" if error else "the connection is closed")
        if self._alarm is not None:
            self._alarm.cancel()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()


@contextmanager
def _as_broken(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError as error:
        raise SmtpSessionError(f"{what}: it took too long") from error
    except OSError as error:
        raise SmtpSessionError(f"{what}: {error.strerror or error}") from error
