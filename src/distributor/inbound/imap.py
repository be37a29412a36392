"""An IMAP mailbox (RFC 9051, and RFC 3501 for older servers).

Processed messages are marked in the mailbox itself and nothing is stored here: message numbers are valid only within
one session, so a changed UIDVALIDITY has no effect.
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from distributor.inbound.mailbox import (
    MAX_BYTES,
    TIMEOUT_SECONDS,
    Disposition,
    MailboxAccount,
    MailboxError,
    MessageHandler,
)

# The keyword set on messages that were handled; servers without custom keywords get \Seen instead.
_KEYWORD = "Distributor"


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """One folder of an account."""

    account: MailboxAccount

    def poll(self, handle: MessageHandler) -> int:
        with self._session() as session:
            _check(session.select(_quoted(self.account.folder)))
            has_keywords = rb"\*" in b" ".join(flags for flags in session.response("PERMANENTFLAGS")[1] if flags)
            flag, search_key = (_KEYWORD, f"UNKEYWORD {_KEYWORD}") if has_keywords else (r"\Seen", "UNSEEN")
            uids = _check(session.uid("SEARCH", "UNDELETED", *search_key.split()))[0] or b""
            # Asked again, because imaplib keeps the capabilities from before the login.
            has_uidplus = b"UIDPLUS" in _check(session.capability())[0].upper().split()
            return sum(
                _process(session, uid, handle, flag=flag, has_uidplus=has_uidplus) for uid in uids.decode().split()
            )

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


def _process(session: imaplib.IMAP4, uid: str, handle: MessageHandler, *, flag: str, has_uidplus: bool) -> bool:
    raw = _fetch(session, uid)
    if raw is None:
        # A mail program has removed it in the meantime.
        return False
    disposition = handle(raw)
    flags = {
        Disposition.PROCESSED: rf"\Deleted {flag}",
        Disposition.IGNORED: flag,
        Disposition.FAILED: rf"\Flagged {flag}",
    }[disposition]
    _check(session.uid("STORE", uid, "+FLAGS.SILENT", f"({flags})"))
    if disposition is Disposition.PROCESSED and has_uidplus:
        # UID EXPUNGE removes this message only; a plain EXPUNGE would also remove what other clients have deleted.
        _check(session.uid("EXPUNGE", uid))
    return True


def _fetch(session: imaplib.IMAP4, uid: str) -> bytes | None:
    for part in _check(session.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MAX_BYTES}>)")):
        if isinstance(part, tuple):
            return bytes(part[1])
    return None


# imaplib returns bytes, tuples of bytes, or None, depending on the command.
def _check(response: tuple[str, list[Any]]) -> list[Any]:
    """The data of a response. Raises MailboxError if its status is not OK."""
    status, data = response
    if status != "OK":
        raise MailboxError(f"the IMAP server replied {status}: {str(data)[:200]}")
    return data


def _quoted(folder: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", folder) + '"'
