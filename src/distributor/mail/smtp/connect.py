"""From a URL to an open SMTP session: greeting, EHLO, TLS and login."""

from __future__ import annotations

import re
import socket
import ssl
from functools import cache

from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.mail.smtp.connection import SmtpConnection, SmtpTimeouts
from distributor.mail.smtp.login import choose_mechanism, log_in
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError
from distributor.mail.smtp.stream import SmtpStream
from distributor.mail.smtp.url import AuthMechanism, SmtpUrl, TlsMode

_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class SenderRejectedError(ServiceError):
    """The server and we will not deal: a person has to see to the account, the certificate or the sender's name.

    `reply` is the server's word, unless it was we who refused.
    """

    def __init__(self, reason: str, *, reply: SmtpReply | None = None) -> None:
        self.reply = reply
        super().__init__(reason)


async def connect(
    url: SmtpUrl, *, timeouts: SmtpTimeouts | None = None, tls: ssl.SSLContext | None = None
) -> SmtpConnection:
    """Open a session as `url` says; `tls` replaces what it says of certificates.

    Raises SmtpSessionError if another try may help, SenderRejectedError if it will not, and ConfigurationError for a
    file of authorities that cannot be used.
    """
    timeouts = timeouts or SmtpTimeouts()
    opening = _Opening(url, timeouts=timeouts, tls=tls or tls_context_for(url))
    try:
        return await opening.run()
    except ssl.SSLCertVerificationError as error:
        raise SenderRejectedError(
            f"the certificate of {url.place} does not convince: {error.verify_message}"
        ) from error


class _Opening:
    """The steps up to an open session; the wire and the server's extensions change on the way."""

    def __init__(self, url: SmtpUrl, *, timeouts: SmtpTimeouts, tls: ssl.SSLContext) -> None:
        self._url = url
        self._timeouts = timeouts
        self._tls = tls
        self._wire: SmtpStream
        self._extensions: dict[str, str] = {}

    async def run(self) -> SmtpConnection:
        tls = self._tls if self._url.implicit_tls else None
        self._wire = await SmtpStream.open(self._url.host, self._url.port, tls=tls, seconds=self._timeouts.connect)
        try:
            await self._take_greeting()
            await self._say_hello()
            await self._go_under_tls()
            await self._log_in()
        except BaseException:
            self._wire.abort()
            raise
        return SmtpConnection(self._wire, self._extensions, timeouts=self._timeouts)

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
        if self._wire.is_encrypted or self._url.tls is TlsMode.OFF:
            return
        is_needed = self._url.needs_encryption
        if "STARTTLS" not in self._extensions:
            if is_needed:
                raise SenderRejectedError(
                    f"{self._url.place} offers no STARTTLS; to send in the clear all the same, the SMTP URL has to say "
                    "tls=off"
                )
            return
        reply = await self._ask("STARTTLS")
        if not reply.is_positive:
            if is_needed:
                raise _refusal(f"{self._url.place} offers STARTTLS and then refuses it", reply)
            return
        self._wire = await self._wire.start_tls(self._tls, self._url.host, self._timeouts.connect)
        await self._say_hello()

    async def _log_in(self) -> None:
        if self._url.user is None:
            return
        mechanism = choose_mechanism(self._url, frozenset(self._extensions.get("AUTH", "").upper().split()))
        if mechanism is None:
            wanted = "neither AUTH PLAIN nor AUTH LOGIN"
            if self._url.auth is not AuthMechanism.AUTO:
                wanted = f"no AUTH {self._url.auth.upper()}"
            raise SenderRejectedError(
                f"{self._url.place} offers {wanted}; leave out the user, or choose another way by auth=…"
            )
        reply = await log_in(self._url, mechanism, self._ask)
        if not reply.is_positive:
            raise _refusal(f"{self._url.place} does not accept user and password", reply)

    async def _ask(self, line: str) -> SmtpReply:
        self._wire.write(f"{line}\r\n".encode("ascii"))
        return await self._wire.reply(self._timeouts.command)


def _refusal(what: str, reply: SmtpReply) -> ServiceError:
    """A 4xx may pass; a 5xx will not."""
    refused = SenderRejectedError if reply.code >= 500 else SmtpSessionError
    return refused(f"{what}: {reply}", reply=reply)


def _own_name(address: str) -> str:
    """The name of this machine if it is a full one, else the address in brackets (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def tls_context_for(url: SmtpUrl) -> ssl.SSLContext:
    """What `url` asks for. Raises ConfigurationError for a file of authorities that cannot be used."""
    return _verifying(url.ca) if url.needs_verification else _encrypting()


@cache
def _verifying(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"ca in the SMTP URL is {ca}, which cannot be read as PEM certificates: {error.strerror or error}"
        ) from error


@cache
def _encrypting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
