"""Sending: the deliveries of a batch over a few kept-alive connections, each with one outcome or surely not sent.

Connections may outlive the batch in a pool. On each, at most one message at a time is in doubt: the next one's content
is not written before the last one is answered, though its envelope may be.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from distributor.channels.api import SendContext
from distributor.channels.email.composition.compose import Prepared
from distributor.channels.email.delivery.api_sender import ApiSender
from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.connection_pool import Pool
from distributor.channels.email.delivery.messages import Composer
from distributor.channels.email.delivery.smtp_sender import SmtpSender, SmtpSenderOptions
from distributor.channels.email.providers.api import ApiUrl
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome
from distributor.mail.dkim.signer import UNSIGNED, DkimSigner
from distributor.mail.return_path import return_paths
from distributor.mail.smtp.connect import tls_context_for
from distributor.mail.smtp.connection import SmtpTimeouts
from distributor.mail.smtp.url import SmtpUrl

# Seconds before each try to connect; a courier that has got nothing done after as many tries gives up.
PAUSES: tuple[float, ...] = (0, 0.5, 2)


class RelaySettings(Protocol):
    """What sending needs to know of a channel's settings."""

    @property
    def fleet(self) -> Sequence[Relay]: ...

    @property
    def bounce_domain(self) -> str: ...

    @property
    def events_from(self) -> str: ...


async def send_deliveries(
    settings: RelaySettings,
    prepared: Prepared,
    deliveries: Sequence[Delivery],
    context: SendContext,
    *,
    signer: DkimSigner = UNSIGNED,
    timeouts: SmtpTimeouts | None = None,
    pauses: Sequence[float] = PAUSES,
    tls: ssl.SSLContext | None = None,
    pool: Pool | None = None,
) -> AsyncIterator[Outcome]:
    """Send a mail, and yield one outcome per delivery as each is known; what is not named was surely not sent.

    Each delivery is begun in the journal right before its message is written, and settled there before it is yielded.
    What is written is what `signer` makes of a mail. Idle connections of `pool` are used and left there. Raises
    ConfigurationError for the relays before anything is sent; whatever a server does is an outcome.
    """
    relays = settings.fleet
    for relay in relays:
        if isinstance(relay.url, SmtpUrl):
            tls_context_for(relay.url)
    return_path = return_paths(settings.bounce_domain, sender=prepared.sender.address, tokens=context.tokens)
    composer = Composer(prepared, context, return_path=return_path, signer=signer, provider=settings.events_from)
    # Without a pool to be kept, connections end with the batch.
    own_pool = Pool()
    batch = Batch(deliveries, relays, composer, context, unreached=(pool or own_pool).unreached)
    manner = SmtpSenderOptions(
        now=context.now, pool=pool or own_pool, timeouts=timeouts or SmtpTimeouts(), pauses=pauses, tls=tls
    )
    sending = asyncio.create_task(_send(batch, manner))
    try:
        while (outcome := await batch.told.get()) is not None:
            yield outcome
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await own_pool.close()


async def _send(batch: Batch, manner: SmtpSenderOptions) -> None:
    """Work at every relay for which something waits, until nothing does.

    What one relay leaves may wait for another by then. An error of our own stops the batch and is raised once the
    messages under way are answered.
    """
    at_work: dict[asyncio.Task[None], Relay] = {}
    errors: list[BaseException] = []
    try:
        while True:
            idle = [relay for relay in batch.relays_with_work() if relay not in at_work.values()]
            at_work |= {asyncio.create_task(_work_at(relay, batch, manner)): relay for relay in idle}
            if not at_work:
                break
            ended, _ = await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                error = task.exception()
                if error is not None:
                    errors.append(error)
                    batch.is_stopped = True
                batch.leave(at_work.pop(task))
    finally:
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        batch.told.put_nowait(None)
    if errors:
        raise errors[0]


async def _work_at(relay: Relay, batch: Batch, manner: SmtpSenderOptions) -> None:
    couriers = [_courier(batch, relay, manner) for _ in range(batch.connections_for(relay))]
    for ended in await asyncio.gather(*(courier.run() for courier in couriers), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
    for courier in couriers:
        if courier.trouble is not None:
            batch.give_up(relay, courier.trouble)


def _courier(batch: Batch, relay: Relay, manner: SmtpSenderOptions) -> SmtpSender | ApiSender:
    match relay.url:
        case SmtpUrl() as url:
            return SmtpSender(batch, relay, url, manner)
        case ApiUrl() as url:
            return ApiSender(batch, relay, url, manner)
