"""Polls mailboxes at an interval, each in a task of its own, so that a mailbox that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.domain.feedback import FeedbackKind, MatchedBy
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.source import SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles.source_mail import accept_article_mail, addressed_source, recipient_in_header
from distributor.flow.feedback.apply_feedback import log_applied
from distributor.flow.feedback.inbound_mail import accept_mail
from distributor.flow.quarantine import ItemGuard
from distributor.inbound.imap import ImapMailbox
from distributor.inbound.mailbox import (
    MAX_BYTES,
    Disposition,
    MailboxAccount,
    MailboxError,
    MailboxMessage,
    PolledMailbox,
)
from distributor.inbound.maildir import Maildir
from distributor.inbound.pop3 import Pop3Mailbox
from distributor.sources.kinds.mail_article import MAX_MAIL_BYTES
from distributor.storage import generations

_log = structlog.get_logger(__name__)

# A match by one of these carries our signature.
_SIGNED_MATCHES = frozenset({MatchedBy.RETURN_PATH, MatchedBy.MESSAGE_ID})

_BY_SCHEME: dict[str, Callable[[MailboxAccount], PolledMailbox]] = {
    "imap": ImapMailbox,
    "imaps": ImapMailbox,
    "pop3": Pop3Mailbox,
    "pop3s": Pop3Mailbox,
}


def open_mailbox(url: str) -> PolledMailbox:
    """The mailbox with this URL. Raises ConfigurationError, whose message never contains the password."""
    scheme, _, rest = url.partition(":")
    if scheme == "maildir":
        folder = Path(rest)
        if not (folder / "new").is_dir() or not (folder / "cur").is_dir():
            raise ConfigurationError(f"mailbox {url}: {folder} is not a Maildir: it has no folders new and cur")
        return Maildir(folder)
    if scheme not in _BY_SCHEME:
        raise ConfigurationError(
            f"unknown mailbox scheme {scheme!r}; use maildir:FOLDER or a URL with {', '.join(_BY_SCHEME)}"
        )
    return _BY_SCHEME[scheme](MailboxAccount.parse(url))


def poll(app: AppContext, mailbox: PolledMailbox, *, source: str) -> int:
    """Process all new messages of a mailbox; returns how many. Raises OSError, ServiceError or MailboxError.

    A message that cannot be read or marked does not stop the others; it is tried again by later polls. A copy of the
    database leaves the messages to the original.
    """
    with app.database.begin() as connection:
        if not generations.sends(connection):
            return 0
    guard, handled = ItemGuard(app, QuarantineLoop.MAILBOX, outages=(OSError, MailboxError)), 0
    with closing(mailbox.messages()) as messages:
        for message in messages:
            key = f"{mailbox.name} {message.id}"
            if guard.rests(key):
                continue
            with guard.item(key):
                raw = message.read()
                if raw is not None:
                    disposition = _handle(app, message, raw, source=source)
                    if disposition is not None:
                        message.mark(disposition)
                        handled += 1
    return handled


async def poll_forever(app: AppContext, url: str, *, interval_seconds: float) -> None:
    """Poll one mailbox until cancelled. Raises ConfigurationError at once if the URL is invalid."""
    source = url.partition(":")[0]
    mailbox = open_mailbox(url)
    while True:
        try:
            await asyncio.to_thread(poll, app, mailbox, source=source)
        except (MailboxError, DistributorError, OSError) as error:
            _log.warning("inbound.poll_failed", source=source, reason=str(error))
        except Exception:
            _log.exception("inbound.poll_crashed", source=source)
        await asyncio.sleep(interval_seconds)


def _handle(app: AppContext, message: MailboxMessage, raw: bytes, *, source: str) -> Disposition | None:
    """What happened to a message; None for one that waits until the source that it is for is resumed."""
    recipient = recipient_in_header(app, raw)
    if recipient is not None:
        addressed = addressed_source(app, recipient)
        if addressed is not None and addressed.state is SourceState.PAUSED:
            return None
        # Its images and documents are at its end. One byte more says that it is too large.
        whole = message.read(MAX_MAIL_BYTES + 1) if len(raw) >= MAX_BYTES else raw
        is_taken = accept_article_mail(app, whole or raw, recipient=recipient)
        return Disposition.PROCESSED if is_taken else Disposition.FAILED
    applied = accept_mail(app, raw, source=source)
    if applied is None:
        return Disposition.FAILED
    log_applied(applied, source=source)
    # A message that matches by address alone was recorded and not applied: a person may still have to act on it.
    is_settled = applied.kind is not FeedbackKind.NOTHING and applied.match in _SIGNED_MATCHES
    return Disposition.PROCESSED if is_settled else Disposition.IGNORED
