"""Sending: the deliveries of a batch over a few kept-alive connections, each with one outcome or surely not sent.

Connections live as long as the batch. On each, at most one message at a time is in doubt: the next one's content is not
written before the last one is answered, though its envelope may be.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from pydantic import SecretStr

from distributor.channels.contract import SendContext
from distributor.channels.email.compose import prepare
from distributor.channels.email.dkim.signer import UNSIGNED, Signer
from distributor.channels.email.return_path import return_paths
from distributor.channels.email.sending_batch import Batch
from distributor.channels.email.sending_lane import Lane
from distributor.channels.email.smtp import Timeouts
from distributor.channels.email.smtp_url import SmtpUrl
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.rendition import Rendition

# Seconds before each try to connect; a lane that has got nothing done after as many tries gives up.
PAUSES: tuple[float, ...] = (0, 0.5, 2)


class RelaySettings(Protocol):
    """What sending needs to know of a channel's settings."""

    @property
    def smtp_url(self) -> SecretStr: ...

    @property
    def connections(self) -> int: ...

    @property
    def bounce_domain(self) -> str: ...


async def send_deliveries(
    settings: RelaySettings,
    rendition: Rendition,
    deliveries: Sequence[Delivery],
    context: SendContext,
    *,
    signer: Signer = UNSIGNED,
    timeouts: Timeouts | None = None,
    pauses: Sequence[float] = PAUSES,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Outcome]:
    """Send the rendition, and yield one outcome per delivery as each is known; what is not named was surely not sent.

    Each delivery is begun in the journal right before its message is written, and settled there before it is yielded.
    What is written is what `signer` makes of a mail. Raises ConfigurationError for the URL and InputError for a
    rendition that cannot be composed, before anything is sent; whatever the server does is an outcome.
    """
    url = SmtpUrl.parse(settings.smtp_url.get_secret_value())
    prepared = prepare(rendition)
    return_path = return_paths(settings.bounce_domain, sender=prepared.sender.address, tokens=context.tokens)
    batch = Batch(deliveries, prepared, context, return_path=return_path, signer=signer)
    lanes = [
        asyncio.create_task(Lane(batch, url, timeouts=timeouts or Timeouts(), pauses=pauses, tls=tls).run())
        for _ in range(min(settings.connections, len(deliveries)))
    ]
    closing = asyncio.create_task(_close_after(lanes, batch))
    try:
        while (outcome := await batch.told.get()) is not None:
            yield outcome
        await closing
    finally:
        for task in (*lanes, closing):
            task.cancel()
        await asyncio.gather(*lanes, closing, return_exceptions=True)


async def _close_after(lanes: Sequence[asyncio.Task[None]], batch: Batch) -> None:
    """Close the batch when every lane has ended; a lane's own error is raised once the others are done."""
    try:
        ended = await asyncio.gather(*lanes, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error
        batch.defer_rest()
    finally:
        batch.told.put_nowait(None)
