"""An IMAP mailbox (RFC 9051, and RFC 3501 for older servers).

Processed messages are marked in the mailbox itself and nothing is stored here: message numbers are valid only within
one session, so a changed UIDVALIDITY has no effect.
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from distributor.inbound.mailbox import (
    MAX_BYTES,
    TIMEOUT_SECONDS,
    Disposition,
    MailboxAccount,
    MailboxError,
    MessageError,
)

# The keyword set on messages that were handled; servers without custom keywords get \Seen instead.
_KEYWORD = "Distributor"


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """One folder of an account."""

    account: MailboxAccount

    @property
    def name(self) -> str:
        return self.account.name

    def messages(self) -> Generator[ImapMessage]:
        tried: set[str] = set()
        is_unfinished = True
        while is_unfinished:
            is_unfinished = False
            with self._session() as session:
                for message in self._new_messages(session):
                    if message.id in tried:
                        continue
                    tried.add(message.id)
                    yield message
                    if message.has_ended_session:
                        # The others are read in a new session.
                        is_unfinished = True
                        break

    def _new_messages(self, session: imaplib.IMAP4) -> Iterator[ImapMessage]:
        _check(session.select(_quoted(self.account.folder)))
        has_keywords = rb"\*" in b" ".join(flags for flags in session.response("PERMANENTFLAGS")[1] if flags)
        flag, search_key = (_KEYWORD, f"UNKEYWORD {_KEYWORD}") if has_keywords else (r"\Seen", "UNSEEN")
        uids = _check(session.uid("SEARCH", "UNDELETED", *search_key.split()))[0] or b""
        # Asked again, because imaplib keeps the capabilities from before the login.
        has_uidplus = b"UIDPLUS" in _check(session.capability())[0].upper().split()
        for uid in uids.decode("ascii", "backslashreplace").split():
            yield ImapMessage(session, uid, flag, has_uidplus)

    @contextmanager
    def _session(self) -> Iterator[imaplib.IMAP4]:
        account = self.account
        try:
            session = self._connect()
        except imaplib.IMAP4.error as error:
            raise MailboxError(f"IMAP server {account.host}: connecting failed: {error}") from None
        try:
            session.login(account.user, account.password)
            yield session
        except imaplib.IMAP4.error as error:
            raise MailboxError(f"IMAP server {account.host}: {error}") from None
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                session.logout()

    def _connect(self) -> imaplib.IMAP4:
        account = self.account
        if account.implicit_tls:
            return imaplib.IMAP4_SSL(
                account.host, account.port or 993, ssl_context=account.ssl_context(), timeout=TIMEOUT_SECONDS
            )
        session = imaplib.IMAP4(account.host, account.port or 143, timeout=TIMEOUT_SECONDS)
        if not account.allow_plaintext:
            session.starttls(account.ssl_context())
        return session


@dataclass(slots=True)
class ImapMessage:
    """A message in the folder of a session. `flag` marks those that were handled; `has_uidplus`: RFC 4315.

    `has_ended_session`: the server ended the session at a command about this message. Dovecot does so if it cannot read
    the file of a message.
    """

    session: imaplib.IMAP4
    id: str
    flag: str
    has_uidplus: bool
    has_ended_session: bool = False

    def read(self, max_bytes: int = MAX_BYTES) -> bytes | None:
        for part in self._command("FETCH", f"(BODY.PEEK[]<0.{max_bytes}>)"):
            if isinstance(part, tuple):
                return bytes(part[1])
        return None

    def mark(self, disposition: Disposition) -> None:
        flags = {
            Disposition.PROCESSED: rf"\Deleted {self.flag}",
            Disposition.IGNORED: self.flag,
            Disposition.FAILED: rf"\Flagged {self.flag}",
        }[disposition]
        self._command("STORE", "+FLAGS.SILENT", f"({flags})")
        if disposition is Disposition.PROCESSED and self.has_uidplus:
            # UID EXPUNGE removes this message only; a plain EXPUNGE would also remove what other clients have deleted.
            self._command("EXPUNGE")

    def _command(self, name: str, *arguments: str) -> list[Any]:
        """The data of the response to a command about this message."""
        try:
            return _check(self.session.uid(name, self.id, *arguments))
        except imaplib.IMAP4.abort as error:
            self.has_ended_session = True
            raise MessageError(f"the IMAP server ended the session: {error}") from None
        except (MailboxError, imaplib.IMAP4.error) as error:
            raise MessageError(str(error)) from None


# imaplib returns bytes, tuples of bytes, or None, depending on the command.
def _check(response: tuple[str, list[Any]]) -> list[Any]:
    """The data of a response. Raises MailboxError if its status is not OK."""
    status, data = response
    if status != "OK":
        raise MailboxError(f"the IMAP server replied {status}: {str(data)[:200]}")
    return data


def _quoted(folder: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", folder) + '"'
