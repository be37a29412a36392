"""A mailbox by POP3 (RFC 1939)."""

from __future__ import annotations

import poplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from distributor.inbound.remote_mailbox import MOST_OCTETS, TIMEOUT_SECONDS, Fate, HandIn, MailboxError, MailboxServer

# Beyond this nobody writes to us; RETR would read all of it into memory.
_LARGEST = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pop3Mailbox:
    """One account. A POP3 server keeps no marks, so what stays there is remembered by its unique id (UIDL) until this
    process ends; looking at it once more does no harm.
    """

    server: MailboxServer
    left: set[bytes] = field(default_factory=set)

    def visit(self, hand_in: HandIn) -> int:
        taken = 0
        with self._session() as session:
            sizes = dict(line.split()[:2] for line in session.list()[1])
            for line in session.uidl()[1]:
                number, identity = line.split()[:2]
                if identity in self.left:
                    continue
                # Whatever happens while it is read, it is not read over and over.
                self.left.add(identity)
                if int(sizes.get(number, 0)) > _LARGEST:
                    continue
                raw = b"\r\n".join(session.retr(int(number))[1])[:MOST_OCTETS]
                try:
                    fate = hand_in(raw)
                except BaseException:
                    self.left.discard(identity)
                    raise
                if fate is Fate.ACTED_ON:
                    # It is gone when the session ends; if that fails, it is handed in again.
                    session.dele(int(number))
                    self.left.discard(identity)
                taken += 1
        return taken

    @contextmanager
    def _session(self) -> Iterator[poplib.POP3]:
        server = self.server
        try:
            session = self._connect()
        except poplib.error_proto as error:
            raise MailboxError(f"POP3 server {server.host} cannot be used: {error}") from None
        try:
            session.user(server.user)
            session.pass_(server.password)
            yield session
        except poplib.error_proto as error:
            raise MailboxError(f"POP3 server {server.host}: {error}") from None
        finally:
            with suppress(poplib.error_proto, OSError):
                session.quit()

    def _connect(self) -> poplib.POP3:
        server = self.server
        if server.is_tls:
            return poplib.POP3_SSL(server.host, server.port or 995, context=server.context(), timeout=TIMEOUT_SECONDS)
        session = poplib.POP3(server.host, server.port or 110, timeout=TIMEOUT_SECONDS)
        if not server.is_bare:
            session.stls(server.context())
        return session
