"""What tests of mailing are made from: a rendition, deliveries, and a context whose journal can be looked into."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from distributor.channels.api import SendContext, Site
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner
from distributor.mail.smtp.connection import SmtpTimeouts
from distributor.mail.smtp.url import SmtpUrl

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


@dataclass
class MemoryJournal:
    """Remembers what was begun and settled, and how much was in doubt at the same time."""

    begun: list[int] = field(default_factory=list)
    settled: list[Outcome] = field(default_factory=list)
    in_doubt: set[int] = field(default_factory=set)
    most_in_doubt: int = 0

    def begin(self, delivery: Delivery) -> None:
        assert delivery.id not in self.in_doubt
        self.begun.append(delivery.id)
        self.in_doubt.add(delivery.id)
        self.most_in_doubt = max(self.most_in_doubt, len(self.in_doubt))

    def settle(self, outcome: Outcome) -> None:
        self.in_doubt.remove(outcome.delivery_id)
        self.settled.append(outcome)


@dataclass(frozen=True)
class OneRelay:
    """The settings of a channel, as far as sending looks at them."""

    smtp_url: str
    connections: int = 1
    bounce_domain: str = ""
    events_from: str = ""

    @property
    def configured_relays(self) -> list[Relay]:
        return [Relay(name="main", url=SmtpUrl.parse(self.smtp_url), connections=self.connections)]


def a_context(journal: MemoryJournal | None = None) -> SendContext:
    unused = cast("Any", None)
    return SendContext(
        site=SITE,
        now=lambda: NOW,
        tokens=TOKENS,
        journal=journal or MemoryJournal(),
        parts=unused,
        publications=unused,
    )


async def send_all(
    url: str,
    batch: Sequence[Delivery],
    *,
    rendition: Rendition | None = None,
    journal: MemoryJournal | None = None,
    connections: int = 1,
    bounce_domain: str = "",
    pauses: Sequence[float] = (0, 0, 0),
    **options: Any,
) -> list[Outcome]:
    """Every outcome of sending the batch, in the order they were told."""
    relay = OneRelay(url, connections, bounce_domain)
    options.setdefault("timeouts", PATIENCE)
    stream = send_deliveries(
        relay, prepare_mail(rendition or a_rendition()), batch, a_context(journal), pauses=pauses, **options
    )
    return [outcome async for outcome in stream]


def send(url: str, batch: Sequence[Delivery], **options: Any) -> list[Outcome]:
    return asyncio.run(send_all(url, batch, **options))
