"""One LMTP or SMTP session of the inbound server (RFC 2033, RFC 5321)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from distributor.inbound.acceptance import InboundAcceptance
from distributor.mail.smtp.line_stream import LineStream
from distributor.mail.smtp.server_rules import MAX_COMMAND_BYTES, MAX_MESSAGE_BYTES, Path, read_recipient, read_sender

# A bounce has one recipient; a relay may pass on several messages for one domain at once.
MAX_RECIPIENTS = 100
# Rejected commands in a row without a message that was accepted; Postfix has the same limit.
MAX_ERRORS = 20
_EXTENSIONS = ("PIPELINING", f"SIZE {MAX_MESSAGE_BYTES}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")

_T = TypeVar("_T")


@dataclass(slots=True)
class InboundSession:
    """One connection. The method of a command returns the reply, or None if it has already sent one.

    LHLO sets `is_lmtp`: after the content, LMTP requires one reply for each recipient. `waiting_since` is the time,
    by the monotonic clock, since when the session waits for its client; None while the client waits for the session.
    """

    stream: LineStream
    acceptance: InboundAcceptance
    name: str
    idle_seconds: float
    has_greeted: bool = False
    is_lmtp: bool = False
    is_closed: bool = False
    sender: Path | None = None
    recipients: list[str] = field(default_factory=list)
    errors: int = 0
    waiting_since: float | None = None

    async def run(self) -> None:
        """Serve commands until QUIT, a timeout or too many errors.

        Raises EOFError when the client disconnects, and TimeoutError when it does not take the last replies.
        """
        self.stream.reply(f"220 {self.name} ESMTP Distributor inbound mail")
        while not self.is_closed:
            try:
                line = await self._wait_for(self.stream.read_line(MAX_COMMAND_BYTES), self.idle_seconds)
            except TimeoutError:
                self.stream.reply("421 4.4.2 Connection timed out")
                break
            reply = await self._execute(line)
            if reply is not None:
                self.stream.reply(reply)
                self._count_error(reply)
        await self._wait_for(self.stream.flush(), self.idle_seconds)

    async def _wait_for(self, client: Awaitable[_T], seconds: float) -> _T:
        self.waiting_since = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                return await client
        finally:
            self.waiting_since = None

    def _count_error(self, reply: str) -> None:
        self.errors += reply[0] in "45"
        if self.errors >= MAX_ERRORS and not self.is_closed:
            self.stream.reply("421 4.7.0 Too many errors")
            self.is_closed = True

    async def _execute(self, line: bytes | None) -> str | None:
        if line is None:
            return "500 5.5.6 Line too long"
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return "500 5.5.2 Command is not valid UTF-8"
        verb, _, argument = text.partition(" ")
        command = _COMMANDS.get(verb.upper())
        if command is None or not set(text).isdisjoint("\n\r\0"):
            return "500 5.5.2 Command not recognized"
        return await command(self, argument.strip(" "))

    async def lhlo(self, argument: str) -> str | None:
        return self._greet(argument, is_lmtp=True)

    async def ehlo(self, argument: str) -> str | None:
        return self._greet(argument, is_lmtp=False)

    async def helo(self, argument: str) -> str:
        if not argument:
            return "501 5.5.4 Host name required"
        self.has_greeted, self.is_lmtp = True, False
        self._reset()
        return f"250 {self.name}"

    async def mail(self, argument: str) -> str:
        if not self.has_greeted:
            return "503 5.5.1 Send LHLO, EHLO or HELO first"
        if self.sender is not None:
            return "503 5.5.1 Nested MAIL command"
        sender = read_sender(argument)
        if isinstance(sender, str):
            return sender
        self.sender = sender
        return "250 2.1.0 Sender OK"

    async def rcpt(self, argument: str) -> str:
        if self.sender is None:
            return "503 5.5.1 Send MAIL first"
        recipient = read_recipient(argument, international="SMTPUTF8" in self.sender.parameters)
        if isinstance(recipient, str):
            return recipient
        if len(self.recipients) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        rejection = await self.acceptance.rejection_of(recipient.address)
        if rejection is not None:
            return rejection
        self.recipients.append(recipient.address)
        return "250 2.1.5 Recipient OK"

    async def data(self, argument: str) -> str | None:
        if argument:
            return "501 5.5.4 DATA takes no argument"
        if self.sender is None:
            return "503 5.5.1 Send MAIL first"
        if not self.recipients:
            # RFC 2033 section 4.2 requires 503 where SMTP has 554.
            return "503 5.5.1 No valid recipients" if self.is_lmtp else "554 5.5.1 No valid recipients"
        recipients = self.recipients
        self._reset()
        self.stream.reply("354 End data with <CR><LF>.<CR><LF>")
        try:
            content = await self._wait_for(self.stream.read_content(MAX_MESSAGE_BYTES), self.idle_seconds * 2)
        except TimeoutError:
            self.is_closed = True
            return "421 4.4.2 Timed out waiting for the end of the message"
        if content is None:
            replies = [f"552 5.3.4 Message exceeds {MAX_MESSAGE_BYTES} bytes"] * len(recipients)
        else:
            replies = [await self.acceptance.receive(content, recipient) for recipient in recipients]
        self.stream.reply(*(replies if self.is_lmtp else [_worst(replies)]))
        if any(reply.startswith("2") for reply in replies):
            self.errors = 0
        return None

    async def rset(self, _argument: str) -> str:
        self._reset()
        return "250 2.0.0 OK"

    async def noop(self, _argument: str) -> str:
        return "250 2.0.0 OK"

    async def vrfy(self, _argument: str) -> str:
        return "252 2.5.0 Cannot verify the user; send the message to find out"

    async def quit(self, _argument: str) -> str:
        self.is_closed = True
        return "221 2.0.0 Closing connection"

    def _greet(self, argument: str, *, is_lmtp: bool) -> str | None:
        if not argument:
            return "501 5.5.4 Host name required"
        self.has_greeted, self.is_lmtp = True, is_lmtp
        self._reset()
        self.stream.reply(f"250-{self.name}", *(f"250-{extension}" for extension in _EXTENSIONS[:-1]))
        return f"250 {_EXTENSIONS[-1]}"

    def _reset(self) -> None:
        self.sender = None
        self.recipients = []


def _worst(replies: list[str]) -> str:
    """SMTP allows one reply for all recipients. A 4xx wins: the client sends again, and receiving twice is harmless."""
    return next((reply for code in "45" for reply in replies if reply[0] == code), replies[0])


_COMMANDS: Mapping[str, Callable[[InboundSession, str], Awaitable[str | None]]] = {
    "LHLO": InboundSession.lhlo,
    "EHLO": InboundSession.ehlo,
    "HELO": InboundSession.helo,
    "MAIL": InboundSession.mail,
    "RCPT": InboundSession.rcpt,
    "DATA": InboundSession.data,
    "RSET": InboundSession.rset,
    "NOOP": InboundSession.noop,
    "VRFY": InboundSession.vrfy,
    "QUIT": InboundSession.quit,
}
