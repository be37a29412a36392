"""One SMTP dialogue: mail for everyone goes into the inbox; strict in form, and able to misbehave."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from distributor.mail.smtp.line_stream import LineStream
from distributor.mail.smtp.server_rules import (
    MAX_COMMAND_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_RECIPIENTS,
    Path,
    read_recipient,
    read_sender,
    refusal_of_content,
)
from distributor.sandbox import accounts
from distributor.sandbox.request_gate import Clock
from distributor.sandbox.faults import SMTP, Ending, FaultKind, FaultStage, InjectedFault, Switches
from distributor.sandbox.inbox import Inbox

_NAME = "sandbox.test"
_CLOSING = 421
_EXTENSIONS = (
    _NAME,
    "PIPELINING",
    f"SIZE {MAX_MESSAGE_BYTES}",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "AUTH PLAIN LOGIN",
)
_USUAL_TEXTS = {
    421: "4.3.2 the service is closing",
    450: "4.2.1 the mailbox is busy",
    451: "4.3.0 try again later",
    452: "4.2.2 the mailbox is full for now",
    550: "5.1.1 no such user here",
    552: "5.2.2 the mailbox is full",
    554: "5.7.1 refused by policy",
}


@dataclass(slots=True)
class SmtpSession:
    """One connection's dialogue. A command's method gives the reply, or None where it has dealt with that itself."""

    wire: LineStream
    inbox: Inbox
    switches: Switches
    clock: Clock
    greeted: bool = False
    over: bool = False
    sender: Path | None = None
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Talk until one side has enough. Raises EOFError when the peer hangs up."""
        if not await self._struck(FaultStage.CONNECT):
            self.wire.answer(f"220 {_NAME} ESMTP, the sandbox's inbox")
        while not self.over:
            line = await self.wire.read_line(MAX_COMMAND_BYTES)
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
        if command is None or "\n" in text or "\r" in text or "\0" in text:
            return "500 5.5.2 there is no such command here"
        return await command(self, argument.strip(" "))

    async def ehlo(self, argument: str) -> str | None:
        if not argument:
            return "501 5.5.4 who are you?"
        self.greeted = True
        self._forget()
        lines = [f"250-{line}" for line in _EXTENSIONS]
        self.wire.answer(*lines[:-1])
        return lines[-1].replace("-", " ", 1)

    async def helo(self, argument: str) -> str:
        self.greeted = bool(argument)
        self._forget()
        return f"250 {_NAME}" if argument else "501 5.5.4 who are you?"

    async def mail(self, argument: str) -> str | None:
        if not self.greeted or self.sender is not None:
            return "503 5.5.1 not now: EHLO comes first, and one MAIL per message"
        sender = read_sender(argument)
        if isinstance(sender, str):
            return sender
        if await self._struck(FaultStage.MAIL):
            return None
        self.sender = sender
        return "250 2.1.0 sender ok"

    async def rcpt(self, argument: str) -> str | None:
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        recipient = read_recipient(argument, international=self._is_international())
        if isinstance(recipient, str):
            return recipient
        if len(self.recipients) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        if await self._struck(FaultStage.RCPT, recipient.address):
            return None
        self.recipients.append(recipient.address)
        return "250 2.1.5 recipient ok"

    async def data(self, argument: str) -> str | None:
        if argument:
            return "501 5.5.4 DATA takes nothing"
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        if not self.recipients:
            return "554 5.5.1 no valid recipients"
        if await self._struck(FaultStage.DATA):
            return None
        self.wire.answer("354 end with <CRLF>.<CRLF>")
        content = await self.wire.read_content(MAX_MESSAGE_BYTES)
        sender, recipients, international = self.sender.address, self.recipients, self._is_international()
        self._forget()
        if content is None:
            return f"552 5.3.4 at most {MAX_MESSAGE_BYTES} octets"
        refusal = refusal_of_content(content, international=international)
        return refusal or await self._accept(content, sender, recipients)

    async def auth(self, argument: str) -> str:
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            given = _from_base64(initial or await self._ask("")).split("\0")[-2:]
        elif mechanism.upper() == "LOGIN":
            user = _from_base64(initial or await self._ask("VXNlcm5hbWU6"))
            given = [user, _from_base64(await self._ask("UGFzc3dvcmQ6"))]
        else:
            return "504 5.5.4 PLAIN and LOGIN are known here"
        account = accounts.MAIL
        right = hmac.compare_digest("\0".join(given).encode(), f"{account.user}\0{account.password}".encode())
        return "235 2.7.0 welcome" if right else "535 5.7.8 wrong user or password"

    async def rset(self, _argument: str) -> str:
        self._forget()
        return "250 2.0.0 forgotten"

    async def noop(self, _argument: str) -> str:
        return "250 2.0.0 nothing done"

    async def vrfy(self, _argument: str) -> str:
        return "252 2.5.0 send it, and see"

    async def quit(self, _argument: str) -> str:
        self.over = True
        return "221 2.0.0 good bye"

    async def _accept(self, content: bytes, sender: str, recipients: list[str]) -> str | None:
        fault = self.switches.draw(SMTP, FaultStage.DOT, recipients[0])
        if fault is not None and fault.kind is FaultKind.SLOW:
            await self._wait(fault)
        if fault is None or fault.kind.commits:
            try:
                envelope = self.inbox.store(content, sender=sender, recipients=recipients, now=self.clock())
            except OSError:
                return "452 4.3.1 no room to store the message"
            stored = f"250 2.0.0 stored as {envelope.number}"
        if fault is None or fault.kind.ending is Ending.ANSWER:
            return stored
        if fault.kind is FaultKind.HANG:
            await self._wait(fault)
        return self._end_by(fault)

    async def _struck(self, stage: FaultStage, key: str = "") -> bool:
        """Whether a fault has taken this step over."""
        fault = self.switches.draw(SMTP, stage, key)
        if fault is None:
            return False
        if fault.kind is FaultKind.SLOW:
            await self._wait(fault)
            return False
        reply = self._end_by(fault)
        if reply is not None:
            self.wire.answer(reply)
        self.over = self.over or stage is FaultStage.CONNECT
        return True

    def _end_by(self, fault: InjectedFault) -> str | None:
        """The reply of a fault, if it has one; otherwise, and with 421, the connection is over."""
        self.over = fault.kind.ending is Ending.CLOSE or fault.code == _CLOSING
        if fault.code is None:
            return None
        usual = _USUAL_TEXTS.get(fault.code, f"{fault.code // 100}.0.0 refused by the sandbox")
        return f"{fault.code} {fault.text or usual}"

    async def _wait(self, fault: InjectedFault) -> None:
        await self.wire.flush()
        await asyncio.sleep(fault.seconds)

    async def _ask(self, challenge: str) -> str:
        self.wire.answer(f"334 {challenge}")
        return (await self.wire.read_line(MAX_COMMAND_BYTES) or b"").decode("ascii", "replace")

    def _is_international(self) -> bool:
        return self.sender is not None and "SMTPUTF8" in self.sender.parameters

    def _forget(self) -> None:
        self.sender = None
        self.recipients = []


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


_COMMANDS: Mapping[str, Callable[[SmtpSession, str], Awaitable[str | None]]] = {
    "EHLO": SmtpSession.ehlo,
    "HELO": SmtpSession.helo,
    "MAIL": SmtpSession.mail,
    "RCPT": SmtpSession.rcpt,
    "DATA": SmtpSession.data,
    "AUTH": SmtpSession.auth,
    "RSET": SmtpSession.rset,
    "NOOP": SmtpSession.noop,
    "VRFY": SmtpSession.vrfy,
    "QUIT": SmtpSession.quit,
}
