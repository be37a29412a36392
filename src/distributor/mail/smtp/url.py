"""An SMTP server and its settings as one URL: ``smtp://user:password@host:port?tls=verify``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from distributor.domain.errors import ConfigurationError
from distributor.mail.safe_urls import is_loopback, is_secure_url

_PORTS = {"smtp": 25, "smtps": 465}
_Word = TypeVar("_Word", bound=StrEnum)


class TlsMode(StrEnum):
    """How TLS is used.

    AUTO: opportunistic, with any certificate; but a password is sent only to a server whose certificate is verified.
    VERIFY: required, and the certificate is verified. ENCRYPT: required, with any certificate. OFF: never.
    """

    AUTO = "auto"
    VERIFY = "verify"
    ENCRYPT = "encrypt"
    OFF = "off"


class AuthMechanism(StrEnum):
    """The SASL mechanism. AUTO: PLAIN (RFC 4616), else LOGIN, as offered.

    XOAUTH2: the password is an access token, or with an `OAuthClient` a refresh token.
    """

    AUTO = "auto"
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """The client, and the endpoint where it exchanges a refresh token for access tokens (RFC 6749 section 6)."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpUrl:
    """A server, its TLS settings and credentials. `implicit_tls` is TLS from the first byte (RFC 8314 section 3).

    `ca` is a PEM file with the CA certificates to trust instead of the system's.
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
        """Read ``smtp://`` or ``smtps://``. Raises ConfigurationError, whose text never contains the password."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            # The ValueError quotes the text it cannot parse, which may be a part of the password.
            raise ConfigurationError(
                "the SMTP URL cannot be read: the port has to be a number, and characters like / ? # @ in user and "
                "password have to be percent-encoded"
            ) from None
        if parts.scheme not in _PORTS:
            raise ConfigurationError("the SMTP URL has to start with smtp:// or smtps://")
        if not host:
            raise ConfigurationError("the SMTP URL names no host; write smtp://host:port")
        if parts.path not in ("", "/") or parts.fragment:
            raise ConfigurationError("the SMTP URL has a path after the port; only options like ?tls=… may follow")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        tls = _take_option(options, "tls", TlsMode)
        auth = _take_option(options, "auth", AuthMechanism)
        ca = options.pop("ca", "")
        oauth_client = _take_oauth_client(options)
        if options:
            # Their names are not shown: they may be a part of a password with an unescaped question mark.
            raise ConfigurationError(
                "the SMTP URL has an unknown option after the question mark; known are tls=…, ca=…, auth=… and those "
                "that docs/guides/sending.md names for auth=xoauth2"
            )
        if parts.scheme == "smtps" and tls is TlsMode.OFF:
            raise ConfigurationError("the SMTP URL says smtps:// and tls=off; remove one of them")
        if auth is not AuthMechanism.AUTO and not parts.username:
            raise ConfigurationError(
                f"the SMTP URL says auth={auth} and names no user; write smtp://user:password@host"
            )
        if oauth_client is not None and auth is not AuthMechanism.XOAUTH2:
            raise ConfigurationError("the SMTP URL says token_url=…, which is used only with auth=xoauth2")
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
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def needs_encryption(self) -> bool:
        """Whether encryption is required: by the URL, or because there is a password to protect."""
        return self.tls in (TlsMode.VERIFY, TlsMode.ENCRYPT) or (self.tls is TlsMode.AUTO and self.user is not None)

    @property
    def needs_verification(self) -> bool:
        """Whether the certificate has to be verified.

        Opportunistic encryption accepts any certificate (RFC 7435); implicit TLS does not (RFC 8314 section 3).
        """
        is_deliberate = self.implicit_tls or self.user is not None or bool(self.ca)
        return self.tls is TlsMode.VERIFY or (self.tls is TlsMode.AUTO and is_deliberate)

    @property
    def tls_risk(self) -> str:
        """What someone between this machine and the server can do, and the setting that prevents it; empty for nothing.

        A server on this machine needs no encryption.
        """
        if self.needs_verification:
            return ""
        exposed = "the mails and the password" if self.user is not None else "the mails"
        remedy = "; tls=verify requires a valid certificate, with ca=FILE one of your own authority"
        if self.tls is TlsMode.ENCRYPT:
            return f"tls=encrypt accepts any certificate, so whoever poses as the server can read {exposed}{remedy}"
        if is_loopback(self.host):
            return ""
        if self.tls is TlsMode.OFF:
            return f"tls=off sends {exposed} unencrypted{remedy}"
        return f"tls=auto accepts any certificate, or none, so {exposed} can be read on the way{remedy}"


def _take_option(options: dict[str, str], name: str, words: type[_Word]) -> _Word:
    chosen = options.pop(name, "auto")
    if chosen not in set(words):
        raise ConfigurationError(f"{name} in the SMTP URL is {chosen!r}; it can be {', '.join(words)}")
    return words(chosen)


def _take_oauth_client(options: dict[str, str]) -> OAuthClient | None:
    endpoint = options.pop("token_url", "")
    client_id, client_secret = options.pop("client_id", ""), options.pop("client_secret", "")
    scope = options.pop("scope", "")
    if not (endpoint or client_id or client_secret or scope):
        return None
    if not client_id or not is_secure_url(endpoint):
        raise ConfigurationError(
            "to fetch access tokens, the SMTP URL has to say token_url=https://… and client_id=…, both percent-encoded"
        )
    return OAuthClient(token_url=endpoint, client_id=client_id, client_secret=client_secret, scope=scope)
