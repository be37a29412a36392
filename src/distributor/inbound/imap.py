"""A mailbox by IMAP (RFC 9051, and RFC 3501 where a server is older).

What was looked at is marked in the mailbox itself, and nothing is remembered here: numbers of mails mean something only
within one visit, so that a new UIDVALIDITY changes nothing.
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from distributor.inbound.remote_mailbox import MOST_OCTETS, TIMEOUT_SECONDS, Fate, HandIn, MailboxError, MailboxServer

# The keyword by which a mail is known to have been looked at; where a server keeps no keywords, "seen" has to do.
_KEYWORD = "Distributor"


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """One folder of an account."""

    server: MailboxServer

    def visit(self, hand_in: HandIn) -> int:
        with self._session() as session:
            _said(session.select(_quoted(self.server.folder)))
            keeps_keywords = rb"\*" in b" ".join(one for one in session.response("PERMANENTFLAGS")[1] if one)
            mark, unmarked = (_KEYWORD, f"UNKEYWORD {_KEYWORD}") if keeps_keywords else (r"\Seen", "UNSEEN")
            numbers = _said(session.uid("SEARCH", "UNDELETED", *unmarked.split()))[0] or b""
            # A server offers more to whom it knows than what imaplib remembers from before.
            has_uidplus = b"UIDPLUS" in _said(session.capability())[0].upper().split()
            return sum(
                _take(session, number, hand_in, mark=mark, has_uidplus=has_uidplus)
                for number in numbers.decode().split()
            )

    @contextmanager
    def _session(self) -> Iterator[imaplib.IMAP4]:
        server = self.server
        try:
            session = self._connect()
        except imaplib.IMAP4.error as error:
            raise MailboxError(f"IMAP server {server.host} cannot be used: {error}") from None
        try:
            session.login(server.user, server.password)
            yield session
        except imaplib.IMAP4.error as error:
            raise MailboxError(f"IMAP server {server.host}: {error}") from None
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                session.logout()

    def _connect(self) -> imaplib.IMAP4:
        server = self.server
        if server.is_tls:
            return imaplib.IMAP4_SSL(
                server.host, server.port or 993, ssl_context=server.context(), timeout=TIMEOUT_SECONDS
            )
        session = imaplib.IMAP4(server.host, server.port or 143, timeout=TIMEOUT_SECONDS)
        if not server.is_bare:
            session.starttls(server.context())
        return session


def _take(session: imaplib.IMAP4, number: str, hand_in: HandIn, *, mark: str, has_uidplus: bool) -> bool:
    raw = _fetch(session, number)
    if raw is None:
        # A mail program has taken it away meanwhile.
        return False
    fate = hand_in(raw)
    flags = {Fate.ACTED_ON: rf"\Deleted {mark}", Fate.NO_CONCERN: mark, Fate.BROKEN: rf"\Flagged {mark}"}[fate]
    _said(session.uid("STORE", number, "+FLAGS.SILENT", f"({flags})"))
    if fate is Fate.ACTED_ON and has_uidplus:
        # Only this one: a plain EXPUNGE would take away what others have marked.
        _said(session.uid("EXPUNGE", number))
    return True


def _fetch(session: imaplib.IMAP4, number: str) -> bytes | None:
    for part in _said(session.uid("FETCH", number, f"(BODY.PEEK[]<0.{MOST_OCTETS}>)")):
        if isinstance(part, tuple):
            return bytes(part[1])
    return None


# imaplib tells octets, tuples of octets, or None, by the command.
def _said(answer: tuple[str, list[Any]]) -> list[Any]:
    """What a server answered. Raises MailboxError for a no."""
    kind, lines = answer
    if kind != "OK":
        raise MailboxError(f"the IMAP server answers {kind}: {str(lines)[:200]}")
    return lines


def _quoted(folder: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", folder) + '"'
