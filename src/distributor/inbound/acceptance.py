"""The door: which recipients are ours, and what is answered once a mail is taken in, or is not."""

from __future__ import annotations

import asyncio
import time

import structlog

from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import log_applied
from distributor.flow.feedback.inbound_mail import bounce_domains, receive_mail
from distributor.mail.return_path import read_return_path

SOURCE = "lmtp"
_TRY_AGAIN = "451 4.3.0 not at the moment; try again later"
# A channel with a new domain is known after this many seconds.
_DOMAINS_STAY_SECONDS = 10.0
# Fewer than the connections of a Database.
_AT_ONCE = 8

_log = structlog.get_logger(__name__)


class Door:
    """Takes in mails for return paths that were made here, and for nobody else: it relays nothing.

    A mail is committed to PostgreSQL before it is answered for. Until then it is its sender's, who keeps it and comes
    again; taking it in twice does no harm.
    """

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._hands = asyncio.Semaphore(_AT_ONCE)
        self._domains: frozenset[str] = frozenset()
        self._domains_until = 0.0

    async def refusal_of(self, address: str) -> str | None:
        """The reply that refuses a recipient, or None for one of ours."""
        try:
            domains = await self._known_domains()
        except ServiceError:
            return _TRY_AGAIN
        if address.rpartition("@")[2].lower() not in domains:
            return "550 5.7.1 nothing is relayed here"
        if not isinstance(read_return_path(address, self._app.tokens), int):
            return "550 5.1.1 that is no return path of ours"
        return None

    async def take(self, content: bytes, recipient: str) -> str:
        """Take in a mail for one recipient; the reply."""
        async with self._hands:
            try:
                taken = await asyncio.to_thread(
                    receive_mail, self._app, content, envelope_recipient=recipient, source=SOURCE
                )
            except ServiceError as error:
                _log.warning("not taken in", source=SOURCE, reason=str(error))
                return _TRY_AGAIN
            except Exception:
                # Whatever a stranger's mail can do to us, the server goes on and its sender keeps the mail.
                _log.exception("a mail could not be taken in", source=SOURCE)
                return _TRY_AGAIN
        log_applied(taken, source=SOURCE)
        return "250 2.0.0 taken in"

    async def _known_domains(self) -> frozenset[str]:
        if time.monotonic() >= self._domains_until:
            self._domains = await asyncio.to_thread(bounce_domains, self._app)
            self._domains_until = time.monotonic() + _DOMAINS_STAY_SECONDS
        return self._domains
