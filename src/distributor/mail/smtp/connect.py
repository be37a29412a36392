"""Open an SMTP session from a URL: greeting, EHLO, STARTTLS and authentication."""

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
    """The session cannot be opened until an operator corrects the account, the certificate or the settings.

    `reply` is the server's reply; None if this side ended the session (certificate, no STARTTLS, no common mechanism).
    """

    def __init__(self, reason: str, *, reply: SmtpReply | None = None) -> None:
        self.reply = reply
        super().__init__(reason)


async def connect(
    url: SmtpUrl, *, timeouts: SmtpTimeouts | None = None, tls: ssl.SSLContext | None = None
) -> SmtpConnection:
    """Open a session as `url` says; `tls` replaces its settings of certificates.

    Raises SmtpSessionError if another attempt may succeed, SenderRejectedError if it will not, and ConfigurationError
    for a CA file that cannot be used.
    """
    timeouts = timeouts or SmtpTimeouts()
    setup = _SessionSetup(url, timeouts=timeouts, tls=tls or tls_context_for(url))
    try:
        return await setup.run()
    except ssl.SSLCertVerificationError as error:
        raise SenderRejectedError(
            f"the certificate of {url.place} cannot be verified: {error.verify_message}"
        ) from error


class _SessionSetup:
    """The steps up to an open session; STARTTLS replaces the stream and the extensions."""

    def __init__(self, url: SmtpUrl, *, timeouts: SmtpTimeouts, tls: ssl.SSLContext) -> None:
        self._url = url
        self._timeouts = timeouts
        self._tls = tls
        self._stream: SmtpStream
        self._extensions: dict[str, str] = {}

    async def run(self) -> SmtpConnection:
        tls = self._tls if self._url.implicit_tls else None
        self._stream = await SmtpStream.open(self._url.host, self._url.port, tls=tls, seconds=self._timeouts.connect)
        try:
            await self._read_greeting()
            await self._send_ehlo()
            await self._start_tls()
            await self._log_in()
        except BaseException:
            self._stream.abort()
            raise
        return SmtpConnection(self._stream, self._extensions, timeouts=self._timeouts)

    async def _read_greeting(self) -> None:
        greeting = await self._stream.reply(self._timeouts.command)
        if not greeting.is_positive:
            raise _rejection(f"{self._url.place} rejects the connection", greeting)

    async def _send_ehlo(self) -> None:
        name = _own_name(self._stream.own_address)
        reply = await self._send(f"EHLO {name}")
        if reply.code // 100 == 5:
            # A server without ESMTP: RFC 5321 section 3.2.
            reply = await self._send(f"HELO {name}")
            self._extensions = {}
        else:
            # The first line contains the server's name; some old servers write AUTH=… for AUTH ….
            offers = (line.replace("=", " ", 1).partition(" ") for line in reply.lines[1:])
            self._extensions = {keyword.upper(): parameters.strip() for keyword, _, parameters in offers}
        if not reply.is_positive:
            raise _rejection(f"{self._url.place} rejects EHLO", reply)

    async def _start_tls(self) -> None:
        if self._stream.is_encrypted or self._url.tls is TlsMode.OFF:
            return
        is_required = self._url.needs_encryption
        if "STARTTLS" not in self._extensions:
            if is_required:
                raise SenderRejectedError(
                    f"{self._url.place} offers no STARTTLS; to send without encryption anyway, write tls=off in the "
                    "SMTP URL"
                )
            return
        reply = await self._send("STARTTLS")
        if not reply.is_positive:
            if is_required:
                raise _rejection(f"{self._url.place} offers STARTTLS and then rejects it", reply)
            return
        self._stream = await self._stream.start_tls(self._tls, self._url.host, self._timeouts.connect)
        await self._send_ehlo()

    async def _log_in(self) -> None:
        if self._url.user is None:
            return
        mechanism = choose_mechanism(self._url, frozenset(self._extensions.get("AUTH", "").upper().split()))
        if mechanism is None:
            missing = "neither AUTH PLAIN nor AUTH LOGIN"
            if self._url.auth is not AuthMechanism.AUTO:
                missing = f"no AUTH {self._url.auth.upper()}"
            raise SenderRejectedError(
                f"{self._url.place} offers {missing}; leave out the user, or choose another mechanism with auth=…"
            )
        reply = await log_in(self._url, mechanism, self._send)
        if not reply.is_positive:
            raise _rejection(f"{self._url.place} rejects user and password", reply)

    async def _send(self, line: str) -> SmtpReply:
        self._stream.write(f"{line}\r\n".encode("ascii"))
        return await self._stream.reply(self._timeouts.command)


def _rejection(what: str, reply: SmtpReply) -> ServiceError:
    """A 4xx reply is temporary, a 5xx permanent."""
    error = SenderRejectedError if reply.code >= 500 else SmtpSessionError
    return error(f"{what}: {reply}", reply=reply)


def _own_name(address: str) -> str:
    """The fully qualified name of this machine, else its address literal (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def tls_context_for(url: SmtpUrl) -> ssl.SSLContext:
    """The TLS context for `url`. Raises ConfigurationError for a CA file that cannot be used."""
    return _verifying_context(url.ca) if url.needs_verification else _unverified_context()


@cache
def _verifying_context(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"ca in the SMTP URL is {ca}, which cannot be read as PEM certificates: {error.strerror or error}"
        ) from error


@cache
def _unverified_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
