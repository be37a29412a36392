"""What every kind of mailbox shares: the protocol, what happens to a processed message, and account URLs."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from distributor.domain.errors import ConfigurationError, DistributorError

# At most this much of a message is read unless it is an article: delivery reports are at its beginning.
MAX_BYTES = 2_000_000
# Longer than any server needs to reply; without a timeout a poll could hang forever.
TIMEOUT_SECONDS = 60.0


class Disposition(Enum):
    """What happens to a message in its mailbox. PROCESSED: delete it. IGNORED: leave it for the people who read the
    mailbox. FAILED: our code raised an unexpected error; flag it, so that a person looks at it.
    """

    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


class MailboxMessage(Protocol):
    """A new message of a mailbox."""

    @property
    def id(self) -> str:
        """What identifies the message in its mailbox."""

    def read(self, max_bytes: int = MAX_BYTES) -> bytes | None:
        """The first bytes of the message; None if another program has removed it.

        Raises MessageError if this message cannot be read, and OSError or MailboxError if none can.
        """

    def mark(self, disposition: Disposition) -> None:
        """Mark or delete the message, so that it is not new any more. Raises what `read` raises."""


class PolledMailbox(Protocol):
    """A mailbox that can be polled repeatedly. Handling the same message twice does no harm."""

    @property
    def name(self) -> str:
        """What tells the mailbox from others, without password and address."""

    def messages(self) -> Generator[MailboxMessage]:
        """The new messages, in sessions of which the last ends with the generator. Raises OSError or MailboxError.

        A message at which a session ends is not yielded again; the others are, in another session. One that was not
        marked is new again for the next call.
        """


class MailboxError(Exception):
    """The mail server refused a command, or its reply could not be understood."""


class MessageError(DistributorError):
    """One message cannot be read or marked; the mailbox and its other messages can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxAccount:
    """An account on an IMAP or POP3 server. `implicit_tls`: TLS from the start of the connection; otherwise STARTTLS
    is required, unless `allow_plaintext`. `ca_file` holds additional trusted certificates.
    """

    scheme: str
    host: str
    port: int | None
    user: str
    password: str
    folder: str
    implicit_tls: bool
    allow_plaintext: bool
    ca_file: str | None

    @property
    def name(self) -> str:
        """Scheme, host and folder, and a hash that tells the users of a host apart."""
        user = hashlib.sha256(self.user.encode()).hexdigest()[:8]
        return f"{self.scheme}://{self.host}/{self.folder}#{user}"

    def ssl_context(self) -> ssl.SSLContext:
        """The context that verifies the server's certificate. Raises ConfigurationError if `ca_file` is unreadable."""
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the CA file {self.ca_file} cannot be read: {error}") from error

    @classmethod
    def parse(cls, url: str) -> MailboxAccount:
        """Parse ``imaps://user:password@host:port/Folder?ca=FILE``; ``?tls=off`` turns TLS off.

        Raises ConfigurationError, whose message never contains the password.
        """
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        place = f"{parts.scheme}://{parts.hostname or ''}"
        if unknown := sorted(options.keys() - {"tls", "ca"}):
            raise ConfigurationError(f"mailbox {place}: unknown option {unknown[0]!r}; use tls=off or ca=FILE")
        if options.get("tls", "off") != "off":
            raise ConfigurationError(f"mailbox {place}: the only value of tls is off; without it, TLS is required")
        try:
            port = parts.port
        except ValueError:
            raise ConfigurationError(f"mailbox {place}: the port is not a number from 0 to 65535") from None
        if not parts.hostname or not parts.username or parts.password is None:
            raise ConfigurationError(f"mailbox {place}: write {parts.scheme}://USER:PASSWORD@HOST, percent-encoded")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password),
            folder=unquote(parts.path.strip("/")) or "INBOX",
            implicit_tls=parts.scheme.endswith("s"),
            allow_plaintext=options.get("tls") == "off",
            ca_file=options.get("ca"),
        )
