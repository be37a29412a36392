"""A rendition, deliveries and a context for the tests that send mails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from distributor.channels.api import SendContext, Site
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner
from distributor.mail.smtp.connection import SmtpTimeouts
from distributor.mail.smtp.url import SmtpUrl
from distributor.testing.fakes import InMemoryJournal, make_send_context

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOKENS = TokenSigner(b"a key for tests only")
SITE = Site(
    name="Example News",
    public_url="https://news.example.org",
    postal_address="1 Main Street, Springfield",
    sender="Example News <news@example.org>",
)
# Long enough never to end a test by chance, short enough to end one that hangs.
PATIENCE = SmtpTimeouts(connect=20, command=20, data_done=20, quit=5)


def a_rendition(**changes: object) -> Rendition:
    payload = {
        "subject": "Ten questions",
        "preheader": "",
        "from": "Example News <news@example.org>",
        "reply_to": "",
        "language": "en",
        "html": '<p>Dear @@name@@, <a href="@@click:0@@">read</a> or <a href="@@unsubscribe@@">leave</a>.</p>\n',
        "text": "Dear @@name@@,\n\nread @@click:0@@\nor leave: @@unsubscribe@@\n",
        "links": ["https://example.com/?a=1&b=2"],
        "tracking": {"opens": True, "clicks": True},
        "site": {"name": SITE.name, "public_url": SITE.public_url, "postal_address": SITE.postal_address},
    }
    return Rendition("email", payload | changes)


def a_delivery(number: int = 1, *, recipient: str | None = None, fields: dict[str, str] | None = None) -> Delivery:
    return Delivery(
        id=number,
        dispatch_id=3,
        recipient=recipient or f"reader{number}@example.net",
        epoch=7,
        attempt=1,
        created_at=NOW,
        fields={"name": "Ann"} if fields is None else fields,
    )


def deliveries(count: int) -> list[Delivery]:
    return [a_delivery(number) for number in range(1, count + 1)]


@dataclass(frozen=True)
class OneRelay:
    """The settings of a channel, that sending reads."""

    smtp_url: str
    connections: int = 1
    bounce_domain: str = ""
    events_from: str = ""

    @property
    def configured_relays(self) -> list[Relay]:
        return [Relay(name="main", url=SmtpUrl.parse(self.smtp_url), connections=self.connections)]


def a_context(journal: InMemoryJournal | None = None) -> SendContext:
    return replace(make_send_context(site=SITE, clock=lambda: NOW, journal=journal), tokens=TOKENS)


async def send_all(
    url: str,
    batch: Sequence[Delivery],
    *,
    rendition: Rendition | None = None,
    journal: InMemoryJournal | None = None,
    connections: int = 1,
    bounce_domain: str = "",
    pauses: Sequence[float] = (0, 0, 0),
    **options: Any,
) -> list[Outcome]:
    """Every outcome of sending the batch, in the order they were reported."""
    relay = OneRelay(url, connections, bounce_domain)
    options.setdefault("timeouts", PATIENCE)
    stream = send_deliveries(
        relay, prepare_mail(rendition or a_rendition()), batch, a_context(journal), pauses=pauses, **options
    )
    return [outcome async for outcome in stream]


def send(url: str, batch: Sequence[Delivery], **options: Any) -> list[Outcome]:
    return asyncio.run(send_all(url, batch, **options))
