"""Where mail is handed over, as one URL: ``smtp://user:password@host:port?tls=verify``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from distributor.domain.errors import ConfigurationError
from distributor.mail.safe_urls import is_secure_url

_PORTS = {"smtp": 25, "smtps": 465}
_Word = TypeVar("_Word", bound=StrEnum)


class TlsMode(StrEnum):
    """How much TLS there has to be.

    AUTO: where it is offered, with any certificate; but a password goes only to a server whose certificate convinces.
    VERIFY: no mail without it, and the certificate has to convince. ENCRYPT: no mail without it, with any certificate.
    OFF: never.
    """

    AUTO = "auto"
    VERIFY = "verify"
    ENCRYPT = "encrypt"
    OFF = "off"


class AuthMechanism(StrEnum):
    """How to log in. AUTO: PLAIN (RFC 4616), else LOGIN, as offered.

    XOAUTH2: the password is an access token, or where there is a `OAuthClient` a refresh token.
    """

    AUTO = "auto"
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Where access tokens are fetched for a refresh token (RFC 6749 section 6), and as which client."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpUrl:
    """A server and how to speak to it. `implicit_tls` is TLS from the first byte (RFC 8314 section 3).

    `ca` is a file with the authorities to trust instead of the system's.
    """

    host: str
    port: int
    implicit_tls: bool = False
    tls: TlsMode = TlsMode.AUTO
    ca: str = ""
    auth: AuthMechanism = AuthMechanism.AUTO
    user: str | None = None
    password: str = field(default="", repr=False)
    oauth_client: OAuthClient | None = None

    @classmethod
    def parse(cls, url: str) -> SmtpUrl:
        """Read ``smtp://`` or ``smtps://``. Raises ConfigurationError, whose text never holds the password."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            # The ValueError quotes what it could not read, which may be a piece of the password.
            raise ConfigurationError(
                "the SMTP URL cannot be read: the port has to be a number and signs like / ? # @ in user and password "
                "have to be percent-encoded"
            ) from None
        if parts.scheme not in _PORTS:
            raise ConfigurationError("the SMTP URL has to start with smtp:// or smtps://")
        if not host:
            raise ConfigurationError("the SMTP URL names no host; write smtp://host:port")
        if parts.path not in ("", "/") or parts.fragment:
            raise ConfigurationError("the SMTP URL goes on after the port; only ?tls=… and the like may follow")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        tls = _take(options, "tls", TlsMode)
        auth = _take(options, "auth", AuthMechanism)
        ca = options.pop("ca", "")
        oauth_client = _take_renewal(options)
        if options:
            # Their names are not shown: a password with a bare question mark in it ends up here.
            raise ConfigurationError(
                "the SMTP URL has an unknown option after the question mark; there are tls=…, ca=…, auth=… and those "
                "that docs/guides/sending.md names for auth=xoauth2"
            )
        if parts.scheme == "smtps" and tls is TlsMode.OFF:
            raise ConfigurationError("the SMTP URL says smtps:// and tls=off; one of them has to go")
        if auth is not AuthMechanism.AUTO and not parts.username:
            raise ConfigurationError(
                f"the SMTP URL says auth={auth} and names no user; write smtp://user:password@host"
            )
        if oauth_client is not None and auth is not AuthMechanism.XOAUTH2:
            raise ConfigurationError("the SMTP URL says token_url=…, which is only good for auth=xoauth2")
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            tls=tls,
            ca=ca,
            auth=auth,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
            oauth_client=oauth_client,
        )

    @property
    def place(self) -> str:
        """Host and port, fit for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def needs_encryption(self) -> bool:
        """Whether nothing may go in the clear: as asked for, or because there is a password to protect."""
        return self.tls in (TlsMode.VERIFY, TlsMode.ENCRYPT) or (self.tls is TlsMode.AUTO and self.user is not None)

    @property
    def needs_verification(self) -> bool:
        """Whether the certificate has to convince.

        Where encryption is a bonus, an unknown certificate is still better than none at all (RFC 7435); TLS from the
        first byte is no bonus (RFC 8314 section 3).
        """
        is_meant = self.implicit_tls or self.user is not None or bool(self.ca)
        return self.tls is TlsMode.VERIFY or (self.tls is TlsMode.AUTO and is_meant)


def _take(options: dict[str, str], name: str, words: type[_Word]) -> _Word:
    chosen = options.pop(name, "auto")
    if chosen not in set(words):
        raise ConfigurationError(f"{name} in the SMTP URL is {chosen!r}; it can be {', '.join(words)}")
    return words(chosen)


def _take_renewal(options: dict[str, str]) -> OAuthClient | None:
    endpoint = options.pop("token_url", "")
    client_id, client_secret = options.pop("client_id", ""), options.pop("client_secret", "")
    scope = options.pop("scope", "")
    if not (endpoint or client_id or client_secret or scope):
        return None
    if not client_id or not is_secure_url(endpoint):
        raise ConfigurationError(
            "to have access tokens fetched, the SMTP URL has to say token_url=https://… and client_id=…, "
            "both percent-encoded"
        )
    return OAuthClient(token_url=endpoint, client_id=client_id, client_secret=client_secret, scope=scope)
