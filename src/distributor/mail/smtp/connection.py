"""An SMTP client session (RFC 5321): one message after another over one connection, pipelined where possible.

The steps of a message are separate methods, so that the caller knows what a lost connection means. Until `send_message`
returns, the end of the message has not been written, so it was definitely not sent; from then on until
`read_message_reply` returns, the outcome is unknown (RFC 1047).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from distributor.mail.address import Address
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError
from distributor.mail.smtp.stream import SmtpStream

# A message up to this size is written at once, and so fits into the send buffer of a connection that has none pending.
_CHUNK = 65536

# A message as it is sent after DATA, without the final dot (RFC 5321 section 4.5.2): all lines end with CRLF, and none
# begins with a single dot.
DotStuffed = NewType("DotStuffed", bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTimeouts:
    """Timeouts in seconds, by the stages of RFC 5321 section 4.5.3.2: shorter ones cause duplicates.

    `connect` is for the TCP connection and TLS, `command` for the greeting, EHLO, AUTH, MAIL and RCPT, `data_start` for
    the reply to DATA, `block` for writing a part of the message, `data_done` for the reply to it, `quit` for that to
    QUIT.
    """

    connect: float = 30
    command: float = 300
    data_start: float = 120
    block: float = 180
    data_done: float = 600
    quit: float = 5


class SmtpStage(StrEnum):
    """The part of the SMTP transaction that a reply belongs to."""

    SESSION = "session"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class SmtpRejection:
    """A negative reply and the stage that it was sent at."""

    stage: SmtpStage
    reply: SmtpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpEnvelope:
    """Reverse-path, recipient, message size in bytes, and whether SMTPUTF8 is needed (RFC 6531)."""

    sender: Address
    recipient: Address
    size: int
    needs_smtputf8: bool = False


class SmtpConnection:
    """An open, authenticated session. For each message: `send_envelope`, `read_envelope_replies`, `send_message`,
    `read_message_reply`.

    The next envelope may be sent with `send_message` or right after it: with PIPELINING a message then takes one round
    trip.
    """

    def __init__(self, stream: SmtpStream, extensions: Mapping[str, str], *, timeouts: SmtpTimeouts) -> None:
        self._stream = stream
        self._extensions = extensions
        self._timeouts = timeouts
        self._needs_reset = False
        self._pending_commands: list[tuple[SmtpStage, bytes]] = []

    @property
    def supports_smtputf8(self) -> bool:
        return "SMTPUTF8" in self._extensions and "8BITMIME" in self._extensions

    @property
    def size_limit(self) -> int | None:
        """The largest message that the server accepts, in bytes (RFC 1870), if it announces a limit."""
        limit = self._extensions.get("SIZE", "")
        # RFC 1870 section 3: at most 20 digits.
        return int(limit) or None if limit.isascii() and limit.isdigit() and len(limit) <= 20 else None

    @property
    def tls_version(self) -> str:
        """The version of TLS that encrypts the session, such as ``TLSv1.3``; empty without encryption."""
        return self._stream.tls_version

    async def try_sender(self, sender: Address) -> SmtpReply:
        """The reply to MAIL with this reverse-path, which begins no mail. Raises SmtpSessionError."""
        parameters = " BODY=8BITMIME SMTPUTF8" if sender.needs_smtputf8 and self.supports_smtputf8 else ""
        self._stream.write(f"MAIL FROM:<{sender.spec}>{parameters}\r\n".encode())
        reply = await self._next_reply(self._timeouts.command)
        self._stream.write(b"RSET\r\n")
        await self._next_reply(self._timeouts.command)
        return reply

    @property
    def is_idle(self) -> bool:
        """Whether the server has neither closed the connection nor sent anything unsolicited."""
        return self._stream.is_quiet

    def send_envelope(self, envelope: SmtpEnvelope) -> None:
        """Send MAIL, RCPT and DATA: at once with PIPELINING, else one by one in `read_envelope_replies`."""
        self._stream.write(self._envelope_commands(envelope))

    def _envelope_commands(self, envelope: SmtpEnvelope) -> bytes:
        """Queue the commands; returns those to be written at once."""
        commands = [(SmtpStage.SESSION, b"RSET\r\n")] * self._needs_reset + [
            (SmtpStage.MAIL, f"MAIL FROM:<{envelope.sender.spec}>{self._parameters(envelope)}\r\n".encode()),
            (SmtpStage.RCPT, f"RCPT TO:<{envelope.recipient.spec}>\r\n".encode()),
            (SmtpStage.DATA, b"DATA\r\n"),
        ]
        self._needs_reset = False
        self._pending_commands = commands
        return b"".join(line for _, line in commands) if self._is_pipelining else b""

    async def read_envelope_replies(self) -> SmtpRejection | None:
        """None if the server waits for the message, else its rejection; then another envelope may be sent.

        Raises SmtpSessionError; the message was definitely not sent.
        """
        refusal: SmtpRejection | None = None
        for stage, command in self._pending_commands:
            if not self._is_pipelining:
                if refusal is not None:
                    break
                self._insist_on_quiet()
                self._stream.write(command)
            is_data = stage is SmtpStage.DATA
            reply = await self._next_reply(self._timeouts.data_start if is_data else self._timeouts.command)
            if is_data and reply.code == 354:
                if refusal is None:
                    return None
                await self._end_without_recipient()
            elif reply.is_negative and stage is not SmtpStage.SESSION:
                refusal = refusal or SmtpRejection(stage, reply)
            elif is_data or not reply.is_positive:
                raise SmtpSessionError(f"the server replied to {command.decode().split()[0]} with {reply}", reply=reply)
        self._needs_reset = True
        return refusal

    async def send_message(
        self,
        content: DotStuffed,
        *,
        next_envelope: SmtpEnvelope | None = None,
        before_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Write the message and its end, and with PIPELINING the next envelope in the same write.

        `before_end` is called right before the end is written. Raises SmtpSessionError, and what `before_end` raises;
        the message was definitely not sent. Once this returns, it may have been.
        """
        self._insist_on_quiet()
        last = max(0, len(content) - 1) // _CHUNK * _CHUNK
        for start in range(0, last, _CHUNK):
            self._stream.write(content[start : start + _CHUNK])
            await self._stream.flush(self._timeouts.block)
        before_end()
        then = b"" if next_envelope is None else self._envelope_commands(next_envelope)
        self._stream.write(b"".join((content[last:] if last else content, b".\r\n", then)))

    async def read_message_reply(self) -> SmtpReply:
        """The reply to the message. Raises SmtpSessionError; the outcome is then unknown."""
        reply = await self._stream.reply(self._timeouts.data_done)
        if not reply.is_positive and not reply.is_negative:
            raise SmtpSessionError(f"the server answered the message with {reply}", reply=reply)
        return reply

    async def quit(self) -> None:
        """End the session with QUIT; only while no envelope or message is pending. Raises nothing."""
        try:
            self._stream.write(b"QUIT\r\n")
            await self._stream.reply(self._timeouts.quit)
        except SmtpSessionError:
            pass
        finally:
            self._stream.abort()

    def abort(self) -> None:
        """Close the connection. The server discards an unfinished message (RFC 5321 section 4.1.1.10)."""
        self._stream.abort()

    @property
    def _is_pipelining(self) -> bool:
        return "PIPELINING" in self._extensions

    def _parameters(self, envelope: SmtpEnvelope) -> str:
        size = f" SIZE={envelope.size}" if "SIZE" in self._extensions else ""
        return f"{size} BODY=8BITMIME SMTPUTF8" if envelope.needs_smtputf8 else size

    def _insist_on_quiet(self) -> None:
        """What has arrived unsolicited would be taken for the reply to what is about to be written."""
        if not self._stream.is_quiet:
            raise SmtpSessionError("the server sent something unsolicited, or closed the connection")

    async def _end_without_recipient(self) -> None:
        """RFC 2920 section 3.1: if DATA was accepted though the recipient was rejected, a single dot ends it."""
        self._stream.write(b".\r\n")
        await self._next_reply(self._timeouts.command)

    async def _next_reply(self, seconds: float) -> SmtpReply:
        reply = await self._stream.reply(seconds)
        if reply.code == 421:
            raise SmtpSessionError(f"the server closed the session: {reply}", reply=reply)
        return reply
