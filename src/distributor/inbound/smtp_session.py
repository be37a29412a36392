"""One LMTP or SMTP dialogue with a mail server that brings back what was ours (RFC 2033, RFC 5321)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from distributor.inbound.acceptance import Door
from distributor.mail.smtp.line_stream import LineStream
from distributor.mail.smtp.server_rules import MAX_COMMAND_BYTES, MAX_MESSAGE_BYTES, Path, read_recipient, read_sender

# A bounce has one recipient; a relay may hand over several that came together.
MAX_RECIPIENTS = 100
_EXTENSIONS = ("PIPELINING", f"SIZE {MAX_MESSAGE_BYTES}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass(slots=True)
class Dialogue:
    """One connection. A command's method gives the reply, or None where it has dealt with that itself.

    `is_lmtp` is settled by the greeting: LHLO means an answer for each recipient after the content.
    """

    wire: LineStream
    door: Door
    name: str
    idle_seconds: float
    greeted: bool = False
    is_lmtp: bool = False
    is_over: bool = False
    sender: Path | None = None
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Talk until one side has enough. Raises EOFError when the peer hangs up."""
        self.wire.answer(f"220 {self.name} takes what comes back")
        while not self.is_over:
            try:
                async with asyncio.timeout(self.idle_seconds):
                    line = await self.wire.read_line(MAX_COMMAND_BYTES)
            except TimeoutError:
                self.wire.answer("421 4.4.2 nothing was said for too long")
                return
            reply = await self._obey(line)
            if reply is not None:
                self.wire.answer(reply)

    async def _obey(self, line: bytes | None) -> str | None:
        if line is None:
            return "500 5.5.6 that line is too long"
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return "500 5.5.2 a command must be UTF-8"
        verb, _, argument = text.partition(" ")
        command = _COMMANDS.get(verb.upper())
        if command is None or not set(text).isdisjoint("\n\r\0"):
            return "500 5.5.2 there is no such command here"
        return await command(self, argument.strip(" "))

    async def lhlo(self, argument: str) -> str | None:
        return self._greet(argument, is_lmtp=True)

    async def ehlo(self, argument: str) -> str | None:
        return self._greet(argument, is_lmtp=False)

    async def helo(self, argument: str) -> str:
        if not argument:
            return "501 5.5.4 who are you?"
        self.greeted, self.is_lmtp = True, False
        self._forget()
        return f"250 {self.name}"

    async def mail(self, argument: str) -> str:
        if not self.greeted or self.sender is not None:
            return "503 5.5.1 not now: a greeting comes first, and one MAIL per message"
        sender = read_sender(argument)
        if isinstance(sender, str):
            return sender
        self.sender = sender
        return "250 2.1.0 go on"

    async def rcpt(self, argument: str) -> str:
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        recipient = read_recipient(argument, international="SMTPUTF8" in self.sender.parameters)
        if isinstance(recipient, str):
            return recipient
        if len(self.recipients) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        refusal = await self.door.refusal_of(recipient.address)
        if refusal is not None:
            return refusal
        self.recipients.append(recipient.address)
        return "250 2.1.5 that was ours"

    async def data(self, argument: str) -> str | None:
        if argument:
            return "501 5.5.4 DATA takes nothing"
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        if not self.recipients:
            # RFC 2033 section 4.2 wants 503 where SMTP says 554.
            return "503 5.5.1 no valid recipients" if self.is_lmtp else "554 5.5.1 no valid recipients"
        recipients = self.recipients
        self._forget()
        self.wire.answer("354 end with <CRLF>.<CRLF>")
        try:
            async with asyncio.timeout(self.idle_seconds * 2):
                content = await self.wire.read_content(MAX_MESSAGE_BYTES)
        except TimeoutError:
            self.is_over = True
            return "421 4.4.2 the mail did not end"
        if content is None:
            replies = [f"552 5.3.4 at most {MAX_MESSAGE_BYTES} octets"] * len(recipients)
        else:
            replies = [await self.door.take(content, recipient) for recipient in recipients]
        self.wire.answer(*(replies if self.is_lmtp else [_worst(replies)]))
        return None

    async def rset(self, _argument: str) -> str:
        self._forget()
        return "250 2.0.0 forgotten"

    async def noop(self, _argument: str) -> str:
        return "250 2.0.0 nothing done"

    async def vrfy(self, _argument: str) -> str:
        return "252 2.5.0 send it, and see"

    async def quit(self, _argument: str) -> str:
        self.is_over = True
        return "221 2.0.0 good bye"

    def _greet(self, argument: str, *, is_lmtp: bool) -> str | None:
        if not argument:
            return "501 5.5.4 who are you?"
        self.greeted, self.is_lmtp = True, is_lmtp
        self._forget()
        self.wire.answer(f"250-{self.name}", *(f"250-{one}" for one in _EXTENSIONS[:-1]))
        return f"250 {_EXTENSIONS[-1]}"

    def _forget(self) -> None:
        self.sender = None
        self.recipients = []


def _worst(replies: list[str]) -> str:
    """SMTP has one answer for all: what must be tried again speaks for the rest, for taking in twice does no harm."""
    return next((reply for code in "45" for reply in replies if reply[0] == code), replies[0])


_COMMANDS: Mapping[str, Callable[[Dialogue, str], Awaitable[str | None]]] = {
    "LHLO": Dialogue.lhlo,
    "EHLO": Dialogue.ehlo,
    "HELO": Dialogue.helo,
    "MAIL": Dialogue.mail,
    "RCPT": Dialogue.rcpt,
    "DATA": Dialogue.data,
    "RSET": Dialogue.rset,
    "NOOP": Dialogue.noop,
    "VRFY": Dialogue.vrfy,
    "QUIT": Dialogue.quit,
}
