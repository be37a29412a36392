"""A POP3 mailbox (RFC 1939)."""

from __future__ import annotations

import poplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from distributor.inbound.mailbox import (
    MAX_BYTES,
    TIMEOUT_SECONDS,
    Disposition,
    MailboxAccount,
    MailboxError,
    MessageHandler,
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

    def poll(self, handle: MessageHandler) -> int:
        handled = 0
        with self._session() as session:
            sizes = dict(line.split()[:2] for line in session.list()[1])
            for line in session.uidl()[1]:
                number, uid = line.split()[:2]
                if uid in self.skipped_uids:
                    continue
                # Added before the message is read, so that a message that cannot be read is not read again and again.
                self.skipped_uids.add(uid)
                if int(sizes.get(number, 0)) > _MAX_MESSAGE_BYTES:
                    continue
                raw = b"\r\n".join(session.retr(int(number))[1])[:MAX_BYTES]
                try:
                    disposition = handle(raw)
                except BaseException:
                    self.skipped_uids.discard(uid)
                    raise
                if disposition is Disposition.PROCESSED:
                    # The server deletes it when the session ends; if that fails, it is handled again.
                    session.dele(int(number))
                    self.skipped_uids.discard(uid)
                handled += 1
        return handled

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
