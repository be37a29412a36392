"""Rounds: every mailbox visited again and again, each on its own, so that one that is broken stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.domain.feedback import FeedbackKind, MatchedBy
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import log_applied
from distributor.flow.feedback.inbound_mail import receive_mail
from distributor.inbound.imap import ImapMailbox
from distributor.inbound.maildir import Maildir
from distributor.inbound.pop3 import Pop3Mailbox
from distributor.inbound.remote_mailbox import Fate, MailboxError, MailboxServer, RemoteMailbox

_log = structlog.get_logger(__name__)

_TOKENS = frozenset({MatchedBy.RETURN_PATH, MatchedBy.MESSAGE_ID})

_BY_SCHEME: dict[str, Callable[[MailboxServer], RemoteMailbox]] = {
    "imap": ImapMailbox,
    "imaps": ImapMailbox,
    "pop3": Pop3Mailbox,
    "pop3s": Pop3Mailbox,
}


def open_mailbox(url: str) -> RemoteMailbox:
    """The mailbox at an address. Raises ConfigurationError, which never holds a password."""
    scheme, _, rest = url.partition(":")
    if scheme == "maildir":
        folder = Path(rest)
        if not (folder / "new").is_dir() or not (folder / "cur").is_dir():
            raise ConfigurationError(f"mailbox {url}: {folder} is no Maildir, it has no folders new and cur")
        return Maildir(folder)
    if scheme not in _BY_SCHEME:
        raise ConfigurationError(f"a mailbox is maildir:FOLDER or one of {', '.join(_BY_SCHEME)}, not {scheme!r}")
    return _BY_SCHEME[scheme](MailboxServer.parse(url))


def visit(app: AppContext, mailbox: RemoteMailbox, *, source: str) -> int:
    """Take in all that waits in a mailbox; returns how many mails. Raises what `RemoteMailbox.visit` raises."""
    return mailbox.visit(partial(_hand_in, app, source=source))


async def go_rounds(app: AppContext, url: str, *, every_seconds: float) -> None:
    """Visit one mailbox until cancelled. Raises ConfigurationError at once if there can be none at this address."""
    source = url.partition(":")[0]
    mailbox = open_mailbox(url)
    while True:
        try:
            await asyncio.to_thread(visit, app, mailbox, source=source)
        except (MailboxError, DistributorError, OSError) as error:
            _log.warning("a mailbox could not be visited", source=source, reason=str(error))
        except Exception:
            _log.exception("a visit to a mailbox broke", source=source)
        await asyncio.sleep(every_seconds)


def _hand_in(app: AppContext, raw: bytes, *, source: str) -> Fate:
    try:
        taken = receive_mail(app, raw, source=source)
    except DistributorError:
        raise
    except Exception:
        # One mail that breaks us must not keep the others back.
        _log.exception("a mail could not be taken in and is set aside", source=source)
        return Fate.BROKEN
    log_applied(taken, source=source)
    # What merely names an address was written down and not acted on: a person may still have to.
    is_settled = taken.meaning is not FeedbackKind.NOTHING and taken.match in _TOKENS
    return Fate.ACTED_ON if is_settled else Fate.NO_CONCERN
