"""Which recipients the inbound server accepts, and its replies once a message is stored or is not."""

from __future__ import annotations

import asyncio
import time

import structlog

from distributor.domain.errors import ServiceError
from distributor.domain.source import SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles.source_mail import accept_article_mail, addressed_source
from distributor.flow.feedback.apply_feedback import log_applied
from distributor.flow.feedback.inbound_mail import accept_mail, keep_for_postmaster
from distributor.flow.inbound_domains import inbound_domains
from distributor.mail.article_address import is_article_address
from distributor.mail.return_path import is_postmaster, read_return_path

SOURCE = "lmtp"
_ACCEPTED = "250 2.0.0 Message accepted"
_TRY_AGAIN = "451 4.3.0 Temporary failure, try again later"
# A channel with a new bounce domain is accepted after at most this many seconds.
_DOMAINS_TTL_SECONDS = 10.0
# Fewer than the connections in the database pool.
_MAX_CONCURRENT_MESSAGES = 8

_log = structlog.get_logger(__name__)


class InboundAcceptance:
    """Accepts messages to addresses that we have signed and to postmaster, and to no other: it relays nothing.

    Those are return paths, unsubscribe addresses, and addresses of sources that articles are sent to.

    A message is committed to PostgreSQL before the server replies 250, one that cannot be processed to the quarantine.
    Until then the client is responsible for it and will send it again; receiving it twice does no harm.
    """

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT_MESSAGES)
        self._domains: frozenset[str] = frozenset()
        self._domains_expire_at = 0.0

    async def rejection_of(self, recipient: str) -> str | None:
        """The reply that rejects a recipient, or None if it is accepted."""
        try:
            domains = await self._known_domains()
            if is_article_address(recipient) and recipient.partition("@")[2].lower() in domains:
                return await asyncio.to_thread(self._rejection_of_article, recipient)
        except ServiceError:
            return _TRY_AGAIN
        is_for_postmaster, domain = is_postmaster(recipient), recipient.partition("@")[2].lower()
        if domain not in domains and not (is_for_postmaster and not domain):
            return "550 5.7.1 Relay access denied"
        if not is_for_postmaster and not isinstance(read_return_path(recipient, self._app.tokens), int):
            return "550 5.1.1 User unknown: not a signed return path of this server"
        return None

    def _rejection_of_article(self, recipient: str) -> str | None:
        source = addressed_source(self._app, recipient)
        if source is None:
            return "550 5.1.1 User unknown: not an address of a source of this server"
        if source.state is SourceState.PAUSED:
            return "450 4.2.1 This address takes no mail for now, try again later"
        return None

    async def receive(self, content: bytes, recipient: str) -> str:
        """Process a message for one recipient; returns the reply."""
        async with self._slots:
            try:
                if is_postmaster(recipient):
                    await asyncio.to_thread(keep_for_postmaster, self._app, content)
                    return _ACCEPTED
                if is_article_address(recipient):
                    await asyncio.to_thread(accept_article_mail, self._app, content, recipient=recipient)
                    return _ACCEPTED
                applied = await asyncio.to_thread(
                    accept_mail, self._app, content, envelope_recipient=recipient, source=SOURCE
                )
            except ServiceError as error:
                _log.warning("inbound.message_deferred", source=SOURCE, reason=str(error))
                return _TRY_AGAIN
            except Exception:
                # The message comes from a stranger: whatever it triggers, the server goes on and the client keeps it.
                _log.exception("inbound.message_failed", source=SOURCE)
                return _TRY_AGAIN
        if applied is not None:
            log_applied(applied, source=SOURCE)
        return _ACCEPTED

    async def _known_domains(self) -> frozenset[str]:
        if time.monotonic() >= self._domains_expire_at:
            self._domains = await asyncio.to_thread(inbound_domains, self._app)
            self._domains_expire_at = time.monotonic() + _DOMAINS_TTL_SECONDS
        return self._domains
