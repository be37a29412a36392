"""A small SMTP server that checks the protocol strictly and misbehaves exactly as configured."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from types import TracebackType


@dataclass(frozen=True)
class HangUp:
    """Close the connection instead of an answer."""


@dataclass(frozen=True)
class TakeAndHangUp:
    """Keep the message, then close the connection: the lost 250."""


@dataclass(frozen=True)
class HalfAndHangUp:
    """These bytes, which are no whole answer, and then no more."""

    data: bytes


@dataclass(frozen=True)
class Raw:
    """These bytes instead of an answer."""

    data: bytes


@dataclass(frozen=True)
class Silence:
    """No answer until the server is told to `speak`; then the connection is closed."""


Answer = str | HangUp | HalfAndHangUp | TakeAndHangUp | Raw | Silence | None
# Called with the number of the session, the verb (CONNECT, EHLO, …, "." for the end of a message) and the line.
Behaviour = Callable[[int, str, str], Answer]

EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES")


@dataclass
class Session:
    """What was said in one session; `groups` are the commands as they arrived together."""

    number: int
    commands: list[str] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)
    is_encrypted: bool = False


@dataclass(frozen=True)
class Taken:
    """A message the server has taken."""

    mail_from: str
    rcpt_to: str
    content: bytes

    @property
    def message_id(self) -> str:
        return str(message_from_bytes(self.content)["Message-ID"])


class Server:
    """Listens on 127.0.0.1 while it is entered. `behave` may answer any step its own way; None means as usual."""

    def __init__(
        self,
        behave: Behaviour = lambda session, verb, line: None,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        bytewise: bool = False,
    ) -> None:
        self.sessions: list[Session] = []
        self.taken: list[Taken] = []
        self._behave = behave
        self._extensions = extensions
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._bytewise = bytewise
        self._tasks: set[asyncio.Task[None]] = set()
        # How many connections have fallen silent.
        self.silent = 0
        self._speaking = asyncio.Event()

    @property
    def is_speaking(self) -> bool:
        return self._speaking.is_set()

    def speak(self) -> None:
        """End every silence. To be called in the server's event loop."""
        self._speaking.set()

    async def keep_silent(self) -> None:
        """Say nothing until the server is told to speak."""
        self.silent += 1
        await self._speaking.wait()

    async def __aenter__(self) -> Server:
        context = self._tls if self._implicit_tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def commands(self) -> list[str]:
        """Every command of every session."""
        return [command for session in self.sessions for command in session.commands]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        session = Session(len(self.sessions), is_encrypted=self._implicit_tls)
        self.sessions.append(session)
        try:
            await _Dialogue(self, session, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


class _Dialogue:
    def __init__(
        self, server: Server, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._session = session
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._mail_from: str | None = None
        self._rcpt_to: str | None = None

    async def run(self) -> None:
        if not await self._answer("CONNECT", "", "220 ready"):
            return
        while True:
            line = (await self._read_until(b"\r\n")).decode()
            verb = line.split(" ")[0].split(":")[0].upper()
            self._session.commands.append(line)
            if not await self._answer(verb, line, self._usual(verb, line)):
                return

    async def _answer(self, verb: str, line: str, usual: str) -> bool:
        """Answer one step. False: the session is over."""
        behaviour = self._server._behave(self._session.number, verb, line)
        match behaviour:
            case HangUp() | TakeAndHangUp():
                return False
            case Silence():
                await self._server.keep_silent()
                return False
            case HalfAndHangUp(data=data):
                await self._send(data)
                return False
            case Raw(data=data):
                await self._send(data)
                return True
        reply = behaviour or usual
        await self._send(reply.encode() + b"\r\n")
        self._note(verb, line, reply)
        if reply.startswith("421") or verb == "QUIT":
            return False
        if verb == "STARTTLS" and reply.startswith("220"):
            assert self._server._tls is not None
            await self._writer.start_tls(self._server._tls)
            self._session.is_encrypted = True
            self._buffer = b""
        if verb == "DATA" and reply.startswith("354"):
            return await self._take_content()
        return True

    def _usual(self, verb: str, line: str) -> str:
        match verb:
            case "EHLO":
                return "\r\n".join(f"250-{one}" for one in ("test", *self._server._extensions)) + "\r\n250 HELP"
            case "MAIL" if self._mail_from is not None:
                return "503 5.5.1 a transaction is already under way"
            case "RCPT" if self._mail_from is None:
                return "503 5.5.1 no MAIL yet"
            case "DATA" if self._rcpt_to is None:
                return "554 5.5.1 no valid recipients"
            case "DATA":
                return "354 go ahead"
            case "STARTTLS":
                return "220 go ahead"
            case "QUIT":
                return "221 bye"
            case "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP":
                return "250 ok"
            case _:
                return f"500 5.5.2 {line!r} is no command"

    def _note(self, verb: str, line: str, reply: str) -> None:
        if verb == "RSET" or verb == "EHLO":
            self._mail_from = self._rcpt_to = None
        elif verb == "MAIL" and reply.startswith("2"):
            self._mail_from = line
        elif verb == "RCPT" and reply.startswith("2"):
            self._rcpt_to = line

    async def _take_content(self) -> bool:
        self._buffer = b"\r\n" + self._buffer
        lines = await self._read_until(b"\r\n.\r\n")
        content = (lines + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]
        mail_from, rcpt_to = self._mail_from, self._rcpt_to
        self._mail_from = self._rcpt_to = None
        behaviour = self._server._behave(self._session.number, ".", rcpt_to or "")
        is_taken = (
            behaviour is None
            or isinstance(behaviour, TakeAndHangUp)
            or (isinstance(behaviour, str) and behaviour.startswith("2"))
        )
        if is_taken and rcpt_to is not None:
            self._server.taken.append(Taken(mail_from or "", rcpt_to, content))
        if isinstance(behaviour, HangUp | TakeAndHangUp):
            return False
        if isinstance(behaviour, Silence):
            await self._server.keep_silent()
            return False
        if isinstance(behaviour, Raw | HalfAndHangUp):
            await self._send(behaviour.data)
            return isinstance(behaviour, Raw)
        reply = behaviour or ("250 2.0.0 taken" if rcpt_to is not None else "554 5.5.1 no valid recipients")
        await self._send(reply.encode() + b"\r\n")
        return not reply.startswith("421")

    async def _send(self, data: bytes) -> None:
        size = 1 if self._server._bytewise else len(data) or 1
        for start in range(0, len(data), size):
            self._writer.write(data[start : start + size])
            await self._writer.drain()
            await asyncio.sleep(0)

    async def _read_until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            chunk = await self._reader.read(65536)
            if not chunk:
                raise ConnectionResetError
            self._buffer += chunk
            self._session.groups.append([line.decode("latin-1") for line in chunk.split(b"\r\n") if line])
        line, _, self._buffer = self._buffer.partition(end)
        return line


def at(verb: str, *answers: Answer, marked: str = "") -> Behaviour:
    """Give these answers, one after another, to `verb` (in lines that hold `marked`), and then behave as usual."""
    left = list(answers)

    def behave(session: int, said: str, line: str) -> Answer:
        return left.pop(0) if said == verb and marked in line and left else None

    return behave


def always(verb: str, answer: Answer, *, marked: str = "") -> Behaviour:
    """Give this answer to every `verb` in lines that hold `marked`."""
    return lambda session, said, line: answer if said == verb and marked in line else None


def either(*behaviours: Behaviour) -> Behaviour:
    """Behave as the first of these that has an answer."""
    return lambda session, verb, line: next(
        (behaviour for one in behaviours if (behaviour := one(session, verb, line))), None
    )
