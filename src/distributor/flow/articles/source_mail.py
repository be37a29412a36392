"""Mails that become articles: each is addressed to a source, and committed or kept when it has been accepted."""

from __future__ import annotations

import hashlib

import structlog

from distributor.domain.errors import DistributorError, NotFoundError, SourceError, StateError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.source import Source, SourceResult, SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles.source_runs import open_source, reading_of, take_item
from distributor.flow.inbound_domains import bounce_domains
from distributor.flow.quarantine import kept_on_error
from distributor.mail.article_address import (
    ARTICLE_ADDRESS,
    ArticleAddressClaim,
    article_address,
    read_article_address,
)
from distributor.mail.mime.received_message import split_header
from distributor.sources.items import SourceItem, UnreadableItem
from distributor.sources.kinds.api import MailedSource
from distributor.sources.kinds.mailbox import UnwantedMailError
from distributor.storage import articles, sources

# What the detail of a mail in quarantine calls its source.
ARTICLE_SOURCE = "article_source"
# Header fields that say whom a mail is for: those of the server that delivered it first.
_RECIPIENT_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc")
# At most so many bytes of a mail are its header.
_LONGEST_HEADER = 200_000

log = structlog.get_logger(__name__)


def mail_address(app: AppContext, source: Source) -> str:
    """The address that articles of a source are sent to. Raises StateError if there is no domain that receives mail."""
    domain = str(source.settings.get("domain") or "")
    if not domain:
        known = bounce_domains(app)
        domain = next((name for name in sorted(known, key=lambda name: (not known[name], name))), "")
    if not domain:
        raise StateError(
            f"source {source.name} has no address yet: set its domain to one whose mail `distributor inbound` "
            "receives, or give an email channel a bounce_domain"
        )
    return article_address(source.id, number_of(source), name=source.name, domain=domain, tokens=app.tokens).spec


def number_of(source: Source) -> int:
    """Which of its addresses is the one of a source that is valid."""
    number = source.settings.get("number")
    return number if isinstance(number, int) else 0


def addressed_source(app: AppContext, recipient: str) -> Source | None:
    """The source that a recipient is the address of; None if it is that of none, or one that was replaced."""
    claim = read_article_address(recipient, app.tokens)
    return _claimed(app, claim) if claim is not None else None


def recipient_in_header(app: AppContext, raw: bytes) -> str | None:
    """The address of a source in the header of a mail that lies in a mailbox; None if it is for no source."""
    fields, _ = split_header(raw[:_LONGEST_HEADER].replace(b"\r\n", b"\n"))
    texts = (value for name in _RECIPIENT_FIELDS for value in fields.all(name))
    found = (one[0] for text in texts for one in ARTICLE_ADDRESS.finditer(text))
    return next((one for one in found if addressed_source(app, one) is not None), None)


def accept_article_mail(app: AppContext, raw: bytes, *, recipient: str) -> bool:
    """Take in a mail; one that cannot be read is kept in quarantine, with the reason at its source, too.

    Whatever it is, it need not be sent again when this returns; True if it is an article, or was one before. Nothing is
    answered to anybody. Raises ServiceError: try again later.
    """
    source = addressed_source(app, recipient)
    if source is None:
        return False
    key = hashlib.sha256(raw + str(source.id).encode()).hexdigest()
    with kept_on_error(app, QuarantineLoop.MAIL, key, raw, detail={ARTICLE_SOURCE: source.name}):
        return _receive(app, source, raw)
    return False


def retry_article_mail(app: AppContext, item: QuarantinedItem) -> None:
    """Take in a mail that is in quarantine. Raises whatever taking it in raises."""
    with app.database.begin() as connection:
        source = sources.find(connection, str(item.detail.get(ARTICLE_SOURCE)))
    if not _receive(app, source, item.content or b""):
        raise SourceError(f"source {source.name} takes no such mails")


def _claimed(app: AppContext, claim: ArticleAddressClaim) -> Source | None:
    with app.database.begin() as connection:
        source = sources.find_by_id(connection, claim.source_id)
    if source is None or number_of(source) != claim.number:
        return None
    try:
        return source if isinstance(open_source(app, source), MailedSource) else None
    except DistributorError:
        return None


def _receive(app: AppContext, source: Source, raw: bytes) -> bool:
    """Whether the mail is an article. Raises its error, which is stored with the source too."""
    kind = open_source(app, source)
    if not isinstance(kind, MailedSource):
        raise NotFoundError("source for mails", source.name)
    try:
        if source.state is SourceState.PAUSED:
            # It would be lost otherwise: nobody sends it again.
            raise SourceError("the source is paused: resume it, and try the mail again")
        with reading_of(app, source) as reading:
            with app.database.begin() as connection:
                reading.known = articles.known_hashes(connection, source.name)
            item = kind.receive_mail(raw, reading)
            if isinstance(item, UnreadableItem):
                raise item.error
            if not isinstance(item, SourceItem):
                raise SourceError("a mail takes nothing away")
        take_item(app, source, item)
    except UnwantedMailError as error:
        _note(app, source, f"a mail was passed over: {error.reason}")
        return False
    except SourceError as error:
        _note(app, source, f"a mail was refused: {error.reason}", is_broken=True)
        raise
    return True


def _note(app: AppContext, source: Source, reason: str, *, is_broken: bool = False) -> None:
    result = SourceResult(broken=int(is_broken), notes=(reason,))
    with app.database.begin() as connection:
        sources.record_received(connection, source.id, result, now=app.clock())
    log.info("source.mail_refused", source=source.name, is_kept=is_broken)
