"""A POP3 mailbox (RFC 1939)."""

from __future__ import annotations

import poplib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from distributor.inbound.mailbox import (
    MAX_BYTES,
    TIMEOUT_SECONDS,
    Disposition,
    MailboxAccount,
    MailboxError,
    MessageError,
)

# Bounces are never this large, and RETR would read the whole message into memory.
_MAX_MESSAGE_BYTES = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pop3Mailbox:
    """One account. POP3 has no flags, so the unique ids (UIDL) of messages left on the server are remembered until
    this process ends; handling one of them again does no harm.
    """

    account: MailboxAccount
    skipped_uids: set[bytes] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.account.name

    def messages(self) -> Generator[Pop3Message]:
        seen: set[bytes] = set()
        is_unfinished = True
        while is_unfinished:
            is_unfinished = False
            with self._session() as session:
                for number, uid in _small_messages(session):
                    if uid in self.skipped_uids or uid in seen:
                        continue
                    seen.add(uid)
                    message = Pop3Message(session, number, uid, self.skipped_uids)
                    yield message
                    if message.is_out_of_step:
                        # The others are read in a new session.
                        is_unfinished = True
                        break

    @contextmanager
    def _session(self) -> Iterator[poplib.POP3]:
        account = self.account
        try:
            session = self._connect()
        except poplib.error_proto as error:
            raise MailboxError(f"POP3 server {account.host}: connecting failed: {error}") from None
        try:
            session.user(account.user)
            session.pass_(account.password)
            yield session
        except poplib.error_proto as error:
            raise MailboxError(f"POP3 server {account.host}: {error}") from None
        finally:
            with suppress(poplib.error_proto, OSError):
                session.quit()

    def _connect(self) -> poplib.POP3:
        account = self.account
        if account.implicit_tls:
            return poplib.POP3_SSL(
                account.host, account.port or 995, context=account.ssl_context(), timeout=TIMEOUT_SECONDS
            )
        session = poplib.POP3(account.host, account.port or 110, timeout=TIMEOUT_SECONDS)
        if not account.allow_plaintext:
            session.stls(account.ssl_context())
        return session


def _small_messages(session: poplib.POP3) -> Iterator[tuple[int | None, bytes]]:
    """The number and the unique id of each message that is not too large; None and the line of one listed wrongly."""
    sizes = {parts[0]: parts[1] for line in session.list()[1] if len(parts := line.split()) > 1}
    for line in session.uidl()[1]:
        try:
            number, uid = line.split()[:2]
            if int(sizes.get(number, 0)) <= _MAX_MESSAGE_BYTES:
                yield int(number), uid
        except ValueError:
            yield None, line


@dataclass(slots=True)
class Pop3Message:
    """A message of a session; `number` is None if the server listed it wrongly.

    `is_out_of_step`: what the server sends next is not the reply to the next command.
    """

    session: poplib.POP3
    number: int | None
    uid: bytes
    skipped_uids: set[bytes]
    is_out_of_step: bool = False

    @property
    def id(self) -> str:
        return self.uid.decode("ascii", "backslashreplace")

    def read(self, max_bytes: int = MAX_BYTES) -> bytes:
        if self.number is None:
            raise MessageError(f"cannot be read: the server lists it as {self.id!r}")
        try:
            return b"\r\n".join(self.session.retr(self.number)[1])[:max_bytes]
        except poplib.error_proto as error:
            # Such as a line longer than poplib accepts, with the rest of the message still to come.
            self.is_out_of_step = not str(error).startswith("b'-ERR")
            raise MessageError(f"cannot be read: {error}") from None

    def mark(self, disposition: Disposition) -> None:
        if disposition is not Disposition.PROCESSED or self.number is None:
            self.skipped_uids.add(self.uid)
            return
        try:
            # The server deletes it when the session ends; if that fails, it is handled again.
            self.session.dele(self.number)
        except poplib.error_proto as error:
            raise MessageError(f"cannot be deleted: {error}") from None
