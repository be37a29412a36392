"""The SMTP server of the sandbox: takes mail for every address into the inbox; strict in syntax, with injected faults.

It is written by hand because aiosmtpd 1.4.6 neither advertises PIPELINING nor keeps up with this project's sender.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from socket import socket
from typing import Any

from distributor.mail.smtp.line_stream import LineStream
from distributor.mail.smtp.server_rules import (
    MAX_COMMAND_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_RECIPIENTS,
    Path,
    read_recipient,
    read_sender,
    rejection_of_content,
)
from distributor.sandbox.faults import Ending, FaultKind, FaultProfile, FaultStage, InjectedFault, Switches
from distributor.sandbox.inbox import Inbox
from distributor.sandbox.request_gate import Clock

SMTP = "smtp"
"""The name of this server among the services that can have faults."""
SMTP_FAULTS = FaultProfile(
    stages=(FaultStage.DOT, FaultStage.CONNECT, FaultStage.MAIL, FaultStage.RCPT, FaultStage.DATA),
    refusal_code=451,
    denial_code=451,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAccount:
    """SMTP AUTH is offered and checked when used, but not required."""

    user: str = "distributor"
    password: str = "sandbox-mail-password"  # noqa: S105 - public on purpose


MAIL_ACCOUNT = MailAccount()


def email_channel_settings(smtp_url: str) -> dict[str, Any]:
    """Settings of an email channel that sends to this server, which is at `smtp_url`."""
    return {"smtp_url": smtp_url}


class SmtpServer:
    """Serves SMTP on a listening socket of its caller."""

    def __init__(self, inbox: Inbox, switches: Switches, clock: Clock) -> None:
        self._inbox = inbox
        self._switches = switches
        self._clock = clock
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket) -> None:
        """Start accepting connections."""
        self._server = await asyncio.start_server(self._start_session, sock=listening, backlog=512)

    async def stop(self) -> None:
        """Accept no more connections and cancel the sessions; no accepted message is lost by that."""
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _start_session(self, reader: StreamReader, writer: StreamWriter) -> None:
        session = asyncio.create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        wire = LineStream(reader, writer)
        session = SmtpSession(wire=wire, inbox=self._inbox, switches=self._switches, clock=self._clock)
        with closing(writer), suppress(EOFError, ConnectionError):
            await session.run()
            await wire.flush()


@dataclass(slots=True)
class SmtpSession:
    """One connection's dialogue. A command's method returns the reply, or None if it has sent the reply itself."""

    wire: LineStream
    inbox: Inbox
    switches: Switches
    clock: Clock
    greeted: bool = False
    over: bool = False
    sender: Path | None = None
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Serve commands until QUIT or a fault ends the session. Raises EOFError when the client disconnects."""
        if not await self._inject(FaultStage.CONNECT):
            self.wire.reply(f"220 {_NAME} ESMTP, the sandbox's inbox")
        while not self.over:
            line = await self.wire.read_line(MAX_COMMAND_BYTES)
            reply = await self._execute(line)
            if reply is not None:
                self.wire.reply(reply)

    async def _execute(self, line: bytes | None) -> str | None:
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
            return "501 5.5.4 a domain is needed"
        self.greeted = True
        self._reset()
        lines = [f"250-{line}" for line in _EXTENSIONS]
        self.wire.reply(*lines[:-1])
        return lines[-1].replace("-", " ", 1)

    async def helo(self, argument: str) -> str:
        self.greeted = bool(argument)
        self._reset()
        return f"250 {_NAME}" if argument else "501 5.5.4 a domain is needed"

    async def mail(self, argument: str) -> str | None:
        if not self.greeted or self.sender is not None:
            return "503 5.5.1 EHLO comes first, and one MAIL per message"
        sender = read_sender(argument)
        if isinstance(sender, str):
            return sender
        if await self._inject(FaultStage.MAIL):
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
        if await self._inject(FaultStage.RCPT, recipient.address):
            return None
        self.recipients.append(recipient.address)
        return "250 2.1.5 recipient ok"

    async def data(self, argument: str) -> str | None:
        if argument:
            return "501 5.5.4 DATA takes no argument"
        if self.sender is None:
            return "503 5.5.1 MAIL comes first"
        if not self.recipients:
            return "554 5.5.1 no valid recipients"
        if await self._inject(FaultStage.DATA):
            return None
        self.wire.reply("354 end with <CRLF>.<CRLF>")
        content = await self.wire.read_content(MAX_MESSAGE_BYTES)
        sender, recipients, international = self.sender.address, self.recipients, self._is_international()
        self._reset()
        if content is None:
            return f"552 5.3.4 at most {MAX_MESSAGE_BYTES} bytes"
        refusal = rejection_of_content(content, international=international)
        return refusal or await self._accept(content, sender, recipients)

    async def auth(self, argument: str) -> str:
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            given = _from_base64(initial or await self._challenge("")).split("\0")[-2:]
        elif mechanism.upper() == "LOGIN":
            user = _from_base64(initial or await self._challenge("VXNlcm5hbWU6"))
            given = [user, _from_base64(await self._challenge("UGFzc3dvcmQ6"))]
        else:
            return "504 5.5.4 PLAIN and LOGIN are known here"
        account = MAIL_ACCOUNT
        right = hmac.compare_digest("\0".join(given).encode(), f"{account.user}\0{account.password}".encode())
        return "235 2.7.0 welcome" if right else "535 5.7.8 wrong user or password"

    async def rset(self, _argument: str) -> str:
        self._reset()
        return "250 2.0.0 reset"

    async def noop(self, _argument: str) -> str:
        return "250 2.0.0 nothing done"

    async def vrfy(self, _argument: str) -> str:
        return "252 2.5.0 cannot verify, but takes mail for every address"

    async def quit(self, _argument: str) -> str:
        self.over = True
        return "221 2.0.0 closing"

    async def _accept(self, content: bytes, sender: str, recipients: list[str]) -> str | None:
        fault = self.switches.select(SMTP, FaultStage.DOT, recipients[0])
        if fault is not None and fault.kind is FaultKind.SLOW:
            await self._wait(fault)
        if fault is None or fault.kind.commits:
            try:
                envelope = self.inbox.store(content, sender=sender, recipients=recipients, now=self.clock())
            except OSError:
                return "452 4.3.1 no room to store the message"
            stored = f"250 2.0.0 stored as {envelope.number}"
        if fault is None or fault.kind.ending is Ending.RESPONSE:
            return stored
        if fault.kind is FaultKind.HANG:
            await self._wait(fault)
        return self._end_by(fault)

    async def _inject(self, stage: FaultStage, key: str = "") -> bool:
        """Inject a fault into this step, if one is due; true if the step is over by that."""
        fault = self.switches.select(SMTP, stage, key)
        if fault is None:
            return False
        if fault.kind is FaultKind.SLOW:
            await self._wait(fault)
            return False
        reply = self._end_by(fault)
        if reply is not None:
            self.wire.reply(reply)
        self.over = self.over or stage is FaultStage.CONNECT
        return True

    def _end_by(self, fault: InjectedFault) -> str | None:
        """The reply of a fault, if it has one; without one, and with 421, the connection is closed."""
        self.over = fault.kind.ending is Ending.CLOSE or fault.code == _CLOSING
        if fault.code is None:
            return None
        usual = _USUAL_TEXTS.get(fault.code, f"{fault.code // 100}.0.0 refused by the sandbox")
        return f"{fault.code} {fault.text or usual}"

    async def _wait(self, fault: InjectedFault) -> None:
        await self.wire.flush()
        await asyncio.sleep(fault.seconds)

    async def _challenge(self, challenge: str) -> str:
        self.wire.reply(f"334 {challenge}")
        return (await self.wire.read_line(MAX_COMMAND_BYTES) or b"").decode("ascii", "replace")

    def _is_international(self) -> bool:
        return self.sender is not None and "SMTPUTF8" in self.sender.parameters

    def _reset(self) -> None:
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
