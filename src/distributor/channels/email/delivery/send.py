"""Sends the deliveries of a batch over a few connections: each gets one outcome, or was definitely not sent.

Connections may outlive the batch in a pool. On each, at most one message at a time awaits its final reply: the content
of the next is not written before, although its envelope may be.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from distributor.channels.api import SendContext
from distributor.channels.email.composition.compose import PreparedMail
from distributor.channels.email.delivery.api_sender import ApiSender
from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.connection_pool import ConnectionPool
from distributor.channels.email.delivery.messages import Composer
from distributor.channels.email.delivery.smtp_sender import SenderOptions, SmtpSender
from distributor.channels.email.providers.provider import ApiUrl
from distributor.channels.email.providers.registry import find_provider
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome
from distributor.mail.dkim.signer import UNSIGNED, DkimSigner
from distributor.mail.return_path import return_paths
from distributor.mail.smtp.connect import tls_context_for
from distributor.mail.smtp.connection import SmtpTimeouts
from distributor.mail.smtp.url import SmtpUrl

# Seconds before each attempt to connect; a sender without any reply after as many attempts gives up.
PAUSES: tuple[float, ...] = (0, 0.5, 2)


class RelaySettings(Protocol):
    """The settings of a channel that sending needs."""

    @property
    def configured_relays(self) -> Sequence[Relay]: ...

    @property
    def bounce_domain(self) -> str: ...

    @property
    def events_from(self) -> str: ...


async def send_deliveries(
    settings: RelaySettings,
    prepared: PreparedMail,
    deliveries: Sequence[Delivery],
    context: SendContext,
    *,
    signer: DkimSigner = UNSIGNED,
    timeouts: SmtpTimeouts | None = None,
    pauses: Sequence[float] = PAUSES,
    tls: ssl.SSLContext | None = None,
    pool: ConnectionPool | None = None,
) -> AsyncIterator[Outcome]:
    """Send the deliveries, and yield one outcome for each as it is known; those without one were definitely not sent.

    Each delivery is begun in the journal right before its message is written, and settled there before it is yielded.
    Mails are signed by `signer`. Idle connections of `pool` are used and put back. Raises ConfigurationError for the
    relays before anything is sent; whatever a server does is an outcome.
    """
    relays = settings.configured_relays
    for relay in relays:
        if isinstance(relay.url, SmtpUrl):
            tls_context_for(relay.url)
    return_path = return_paths(settings.bounce_domain, sender=prepared.sender.address, tokens=context.tokens)
    provider = find_provider(settings.events_from)
    composer = Composer(prepared, context, return_path=return_path, signer=signer, provider=provider)
    # Without a pool from the caller, connections end with the batch.
    own_pool = ConnectionPool()
    batch = Batch(deliveries, relays, composer, context, unreachable=(pool or own_pool).unreachable)
    options = SenderOptions(
        now=context.now, pool=pool or own_pool, timeouts=timeouts or SmtpTimeouts(), pauses=pauses, tls=tls
    )
    sending = asyncio.create_task(_send(batch, options))
    try:
        while (outcome := await batch.outcomes.get()) is not None:
            yield outcome
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await own_pool.close()


async def _send(batch: Batch, options: SenderOptions) -> None:
    """Send over every relay that has work, until none has.

    What one relay leaves may be queued for another by then. An error of our own stops the batch and is raised after the
    replies to the messages in transit.
    """
    running: dict[asyncio.Task[None], Relay] = {}
    errors: list[BaseException] = []
    try:
        while True:
            idle = [relay for relay in batch.relays_with_work() if relay not in running.values()]
            running |= {asyncio.create_task(_send_over(relay, batch, options)): relay for relay in idle}
            if not running:
                break
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                error = task.exception()
                if error is not None:
                    errors.append(error)
                    batch.is_stopped = True
                batch.release(running.pop(task))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        batch.outcomes.put_nowait(None)
    if errors:
        raise errors[0]


async def _send_over(relay: Relay, batch: Batch, options: SenderOptions) -> None:
    senders = [_sender(batch, relay, options) for _ in range(batch.connections_for(relay))]
    for result in await asyncio.gather(*(sender.run() for sender in senders), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
    for sender in senders:
        if sender.error is not None:
            batch.give_up(relay, sender.error)


def _sender(batch: Batch, relay: Relay, options: SenderOptions) -> SmtpSender | ApiSender:
    match relay.url:
        case SmtpUrl() as url:
            return SmtpSender(batch, relay, url, options)
        case ApiUrl() as url:
            return ApiSender(batch, relay, url, options)
