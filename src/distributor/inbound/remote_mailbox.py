"""Mailboxes where mail waits for us: their addresses, and what is common to a visit of each kind."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from distributor.domain.errors import ConfigurationError

# What is read of one mail: what is told of a delivery stands in its beginning.
MOST_OCTETS = 2_000_000
# More than any server takes for an answer; a visit that hangs must not hang for good.
TIMEOUT_SECONDS = 60.0


class Fate(Enum):
    """What is to become of a mail in its mailbox: ACTED_ON is done with, of no CONCERN stays where people see it,
    and BROKEN could not be taken in for a fault of ours and is set aside, for somebody to look at.
    """

    ACTED_ON = "acted on"
    NO_CONCERN = "no concern"
    BROKEN = "broken"


# Takes in one mail, and has committed that when it returns. Raises ServiceError while that is not possible.
HandIn = Callable[[bytes], Fate]


class RemoteMailbox(Protocol):
    """A mailbox that can be visited again and again; what was handed in twice does no harm."""

    def visit(self, hand_in: HandIn) -> int:
        """Hand in what waits, one by one, each marked or taken away only afterwards; returns how many.

        Raises OSError, ServiceError or MailboxError; what is not marked by then waits for the next visit.
        """


class MailboxError(Exception):
    """The server of a mailbox said no, or what nobody understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxServer:
    """Where a mailbox is. `is_tls` from the first octet, else by STARTTLS, and without either only if `is_bare`."""

    host: str
    port: int | None
    user: str
    password: str
    folder: str
    is_tls: bool
    is_bare: bool
    authorities: str | None

    def context(self) -> ssl.SSLContext:
        """What certificates are held to. Raises ConfigurationError if the file of authorities cannot be read."""
        try:
            return ssl.create_default_context(cafile=self.authorities)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the authorities in {self.authorities} cannot be read: {error}") from error

    @classmethod
    def parse(cls, url: str) -> MailboxServer:
        """``imaps://user:password@host:port/Folder?ca=FILE``; ``?tls=off`` says to do without.

        Raises ConfigurationError, which never holds the password.
        """
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        place = f"{parts.scheme}://{parts.hostname or ''}"
        if unknown := sorted(options.keys() - {"tls", "ca"}):
            raise ConfigurationError(f"mailbox {place}: unknown option {unknown[0]!r}; there are tls=off and ca=FILE")
        if options.get("tls", "off") != "off":
            raise ConfigurationError(f"mailbox {place}: tls can only be off; it is verified without that")
        try:
            port = parts.port
        except ValueError:
            raise ConfigurationError(f"mailbox {place}: the port is no number") from None
        if not parts.hostname or not parts.username or parts.password is None:
            raise ConfigurationError(f"mailbox {place}: write {parts.scheme}://USER:PASSWORD@HOST, %-encoded")
        return cls(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password),
            folder=unquote(parts.path.strip("/")) or "INBOX",
            is_tls=parts.scheme.endswith("s"),
            is_bare=options.get("tls") == "off",
            authorities=options.get("ca"),
        )
