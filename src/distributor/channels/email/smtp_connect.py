"""From a URL to an open SMTP session: greeting, EHLO, TLS and login."""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64encode
from functools import cache

from distributor.channels.email.smtp import Connection, Timeouts
from distributor.channels.email.smtp_reply import BrokenSessionError, Reply
from distributor.channels.email.smtp_url import SmtpUrl, StartTls
from distributor.channels.email.smtp_wire import Wire
from distributor.domain.errors import ServiceError

_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class SenderRefusedError(ServiceError):
    """The server and we will not deal: a person has to see to the account, the certificate or the sender's name.

    `reply` is the server's word, unless it was we who refused.
    """

    def __init__(self, reason: str, *, reply: Reply | None = None) -> None:
        self.reply = reply
        super().__init__(reason)


async def connect(url: SmtpUrl, *, timeouts: Timeouts | None = None, tls: ssl.SSLContext | None = None) -> Connection:
    """Open a session as `url` says; `tls` replaces the system's list of authorities.

    Raises BrokenSessionError if another try may help, and SenderRefusedError if it will not.
    """
    timeouts = timeouts or Timeouts()
    opening = _Opening(url, timeouts=timeouts, tls=tls)
    try:
        return await opening.run()
    except ssl.SSLCertVerificationError as error:
        raise SenderRefusedError(f"the certificate of {url.place} does not convince: {error.verify_message}") from error


class _Opening:
    """The steps up to an open session; the wire and the server's extensions change on the way."""

    def __init__(self, url: SmtpUrl, *, timeouts: Timeouts, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._timeouts = timeouts
        self._tls = tls
        self._wire: Wire
        self._extensions: dict[str, str] = {}

    async def run(self) -> Connection:
        tls = self._verifying() if self._url.implicit_tls else None
        self._wire = await Wire.open(self._url.host, self._url.port, tls=tls, seconds=self._timeouts.connect)
        try:
            await self._take_greeting()
            await self._say_hello()
            await self._go_under_tls()
            await self._log_in()
        except BaseException:
            self._wire.abort()
            raise
        return Connection(self._wire, self._extensions, timeouts=self._timeouts)

    async def _take_greeting(self) -> None:
        greeting = await self._wire.reply(self._timeouts.command)
        if not greeting.is_positive:
            raise _refusal(f"{self._url.place} does not serve us", greeting)

    async def _say_hello(self) -> None:
        name = _own_name(self._wire.own_address)
        reply = await self._ask(f"EHLO {name}")
        if reply.code // 100 == 5:
            # A server from before 1993, or one told to look like it: RFC 5321 section 3.2.
            reply = await self._ask(f"HELO {name}")
            self._extensions = {}
        else:
            # The first line holds the server's name; AUTH=… is how some old servers write AUTH ….
            offers = (line.replace("=", " ", 1).partition(" ") for line in reply.lines[1:])
            self._extensions = {keyword.upper(): parameters.strip() for keyword, _, parameters in offers}
        if not reply.is_positive:
            raise _refusal(f"{self._url.place} does not take our greeting", reply)

    async def _go_under_tls(self) -> None:
        if self._wire.is_encrypted or self._url.starttls is StartTls.OFF:
            return
        is_needed = self._url.starttls is StartTls.REQUIRE or self._url.user is not None
        if "STARTTLS" not in self._extensions:
            if is_needed:
                raise SenderRefusedError(
                    f"{self._url.place} offers no STARTTLS; to send in the clear all the same, the SMTP URL has to say "
                    "starttls=off"
                )
            return
        reply = await self._ask("STARTTLS")
        if not reply.is_positive:
            if is_needed:
                raise _refusal(f"{self._url.place} offers STARTTLS and then refuses it", reply)
            return
        # Where encryption is a bonus, an unknown certificate is still better than none at all (RFC 7435).
        context = self._verifying() if is_needed or self._tls else _encrypting()
        self._wire = await self._wire.start_tls(context, self._url.host, self._timeouts.connect)
        await self._say_hello()

    async def _log_in(self) -> None:
        if self._url.user is None:
            return
        offered = self._extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            reply = await self._ask("AUTH PLAIN " + _base64(f"\0{self._url.user}\0{self._url.password}"))
        elif "LOGIN" in offered:
            reply = await self._log_in_by_questions()
        else:
            raise SenderRefusedError(f"{self._url.place} offers neither AUTH PLAIN nor AUTH LOGIN; leave out the user")
        if not reply.is_positive:
            raise _refusal(f"{self._url.place} does not accept user and password", reply)

    async def _log_in_by_questions(self) -> Reply:
        reply = await self._ask("AUTH LOGIN")
        for answer in (self._url.user or "", self._url.password):
            if reply.code != 334:
                break
            reply = await self._ask(_base64(answer))
        return reply

    async def _ask(self, line: str) -> Reply:
        self._wire.write(f"{line}\r\n".encode("ascii"))
        return await self._wire.reply(self._timeouts.command)

    def _verifying(self) -> ssl.SSLContext:
        return self._tls or _verifying_by_system()


def _refusal(what: str, reply: Reply) -> ServiceError:
    """A 4xx may pass; a 5xx will not."""
    refused = SenderRefusedError if reply.code >= 500 else BrokenSessionError
    return refused(f"{what}: {reply}", reply=reply)


def _own_name(address: str) -> str:
    """The name of this machine if it is a full one, else the address in brackets (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


@cache
def _verifying_by_system() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _encrypting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
