"""An SMTP client session (RFC 5321): one message after another over one connection, in groups where that is offered.

The steps of a message are apart so that its sender can tell what a loss means. Until `submit` returns, the end of the
message has not been written, so it was surely not sent; until `finish` returns, nobody can know (RFC 1047).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from distributor.mail.address import Address
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError
from distributor.mail.smtp.stream import SmtpStream

_CHUNK = 262144

# The octets of a message as they stand between DATA and the dot that ends it (RFC 5321 section 4.5.2): all lines end
# with CRLF, and none begins with a single dot.
DotStuffed = NewType("DotStuffed", bytes)


def dot_stuff(content: bytes) -> DotStuffed:
    """A message whose lines end with CRLF, with the dots doubled that start lines, and a last line that has an end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return DotStuffed(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTimeouts:
    """How many seconds to wait: for the connection, for a reply, for the reply to a message, for a goodbye.

    RFC 5321 section 4.5.3.2 asks for 5 minutes and, for the reply to a message, 10: less makes messages double.
    """

    connect: float = 30
    command: float = 300
    data_done: float = 600
    quit: float = 5


class SmtpStage(StrEnum):
    """What a reply answers."""

    SESSION = "session"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class SmtpRejection:
    """The server's no, and what it said no to."""

    stage: SmtpStage
    reply: SmtpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpEnvelope:
    """Where bounces go, who gets the message, how many octets it has, and whether it or these need RFC 6531."""

    sender: Address
    recipient: Address
    size: int
    needs_smtputf8: bool = False


class SmtpConnection:
    """An open session, logged in. For each message: `offer`, `answer`, `submit`, `finish`.

    The next message may be offered with `submit` or behind it: with PIPELINING a message then costs one round trip.
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
        """The largest message the server takes, in octets (RFC 1870), if it says so."""
        limit = self._extensions.get("SIZE", "")
        return int(limit) or None if limit.isascii() and limit.isdigit() else None

    @property
    def is_idle(self) -> bool:
        """Whether the server has neither hung up nor said anything unasked."""
        return self._stream.is_silent

    def send_envelope(self, envelope: SmtpEnvelope) -> None:
        """Announce a message. With PIPELINING the commands leave at once, else when `answer` is awaited."""
        self._stream.write(self._envelope_commands(envelope))

    def _envelope_commands(self, envelope: SmtpEnvelope) -> bytes:
        """Make the commands; returns those to be written at once."""
        commands = [(SmtpStage.SESSION, b"RSET\r\n")] * self._needs_reset + [
            (SmtpStage.MAIL, f"MAIL FROM:<{envelope.sender.spec}>{self._parameters(envelope)}\r\n".encode()),
            (SmtpStage.RCPT, f"RCPT TO:<{envelope.recipient.spec}>\r\n".encode()),
            (SmtpStage.DATA, b"DATA\r\n"),
        ]
        self._needs_reset = False
        self._pending_commands = commands
        return b"".join(line for _, line in commands) if self._is_pipelining else b""

    async def read_envelope_replies(self) -> SmtpRejection | None:
        """None: the server waits for the offered message. Else why it does not want it; another may be offered.

        Raises SmtpSessionError, and the message was surely not sent.
        """
        refusal: SmtpRejection | None = None
        for stage, command in self._pending_commands:
            if not self._is_pipelining:
                if refusal is not None:
                    break
                self._stream.write(command)
            reply = await self._next_reply(self._timeouts.command)
            if stage is SmtpStage.DATA and reply.code == 354:
                if refusal is None:
                    return None
                await self._end_without_recipient()
            elif reply.is_negative and stage is not SmtpStage.SESSION:
                refusal = refusal or SmtpRejection(stage, reply)
            elif stage is SmtpStage.DATA or not reply.is_positive:
                raise SmtpSessionError(f"the server answered {command.decode().split()[0]} with {reply}", reply=reply)
        self._needs_reset = True
        return refusal

    async def send_message(self, content: DotStuffed, *, next_envelope: SmtpEnvelope | None = None) -> None:
        """Write the message and its end, and offer the one that is `following` in the same breath.

        Raises SmtpSessionError, and the message was surely not sent. Once this returns, it may have been.
        """
        if not self._stream.is_silent:
            raise SmtpSessionError("the server spoke or hung up when it was our turn to send the message")
        last = max(0, len(content) - 1) // _CHUNK * _CHUNK
        for start in range(0, last, _CHUNK):
            self._stream.write(content[start : start + _CHUNK])
            await self._stream.flush(self._timeouts.command)
        then = b"" if next_envelope is None else self._envelope_commands(next_envelope)
        self._stream.write(b"".join((content[last:] if last else content, b".\r\n", then)))

    async def read_message_reply(self) -> SmtpReply:
        """The server's answer to the message. Raises SmtpSessionError, and nobody knows what became of it."""
        reply = await self._stream.reply(self._timeouts.data_done)
        if not reply.is_positive and not reply.is_negative:
            raise SmtpSessionError(f"the server answered the message with {reply}", reply=reply)
        return reply

    async def quit(self) -> None:
        """Part in peace: only where nothing is offered or under way. Raises nothing."""
        try:
            self._stream.write(b"QUIT\r\n")
            await self._stream.reply(self._timeouts.quit)
        except SmtpSessionError:
            pass
        finally:
            self._stream.abort()

    def abort(self) -> None:
        """Drop the connection. The server forgets a message whose end it has not seen (RFC 5321 section 4.1.1.10)."""
        self._stream.abort()

    @property
    def _is_pipelining(self) -> bool:
        return "PIPELINING" in self._extensions

    def _parameters(self, envelope: SmtpEnvelope) -> str:
        size = f" SIZE={envelope.size}" if "SIZE" in self._extensions else ""
        return f"{size} BODY=8BITMIME SMTPUTF8" if envelope.needs_smtputf8 else size

    async def _end_without_recipient(self) -> None:
        """RFC 2920 section 3.1: where DATA was taken though the recipient was not, a lone dot ends it."""
        self._stream.write(b".\r\n")
        await self._next_reply(self._timeouts.command)

    async def _next_reply(self, seconds: float) -> SmtpReply:
        reply = await self._stream.reply(seconds)
        if reply.code == 421:
            raise SmtpSessionError(f"the server closed the session: {reply}", reply=reply)
        return reply
