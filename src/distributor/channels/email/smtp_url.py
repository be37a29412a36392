"""Where mail is handed over, as one URL: ``smtp://user:password@host:port?starttls=require``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from distributor.domain.errors import ConfigurationError

_PORTS = {"smtp": 25, "smtps": 465}


class StartTls(StrEnum):
    """AUTO: TLS where it is offered, and never a password without it. REQUIRE: no mail without it. OFF: never."""

    AUTO = "auto"
    REQUIRE = "require"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpUrl:
    """A server and how to speak to it. `implicit_tls` is TLS from the first byte (RFC 8314 section 3)."""

    host: str
    port: int
    implicit_tls: bool = False
    starttls: StartTls = StartTls.AUTO
    user: str | None = None
    password: str = field(default="", repr=False)

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
            raise ConfigurationError("the SMTP URL goes on after the port; only ?starttls=… may follow")
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            starttls=_starttls_of(parts),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
        )

    @property
    def place(self) -> str:
        """Host and port, fit for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _starttls_of(parts: SplitResult) -> StartTls:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    mode = options.pop("starttls", StartTls.AUTO)
    if options:
        # Their names are not shown: a password with a bare question mark in it ends up here.
        raise ConfigurationError("the SMTP URL has an unknown option after the question mark; there is only starttls=…")
    if mode not in set(StartTls):
        raise ConfigurationError(f"starttls in the SMTP URL is {mode!r}; it can be {', '.join(StartTls)}")
    return StartTls(mode)
