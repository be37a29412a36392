"""In-memory ports for a channel under test, and a harness that sends one delivery with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from distributor.channels.api import (
    NO_MEDIA,
    Article,
    Attribution,
    Channel,
    ClosableChannel,
    Delivery,
    Journal,
    Json,
    Lease,
    MediaStore,
    Outcome,
    PostPart,
    PostParts,
    PostPartState,
    Publications,
    ReconcilingChannel,
    RenderContext,
    SendContext,
    Site,
    TokenSigner,
)
from distributor.domain.errors import LeaseLostError, ServiceError

RELEASED_AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
SAMPLE_SITE = Site(
    name="The Sample",
    public_url="https://www.sample-site.org",
    postal_address="1 Sample Street, Sampletown",
    sender="The Sample <news@sample-site.org>",
)
SAMPLE_SUBSCRIBER = "subscriber@sample-site.org"


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    now: datetime = RELEASED_AT + timedelta(seconds=10)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class InMemoryJournal:
    """Records the deliveries that were begun, their outcomes, and how many were begun at the same time at most.

    `on_begin` is called first for every delivery that is begun. Raises ValueError for a delivery that is begun twice
    before it is settled, or settled without having been begun.
    """

    begun: list[int] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    in_doubt: set[int] = field(default_factory=set)
    most_in_doubt: int = 0
    on_begin: Callable[[], object] = lambda: None

    def begin(self, delivery: Delivery) -> None:
        self.on_begin()
        if delivery.id in self.in_doubt:
            raise ValueError(f"delivery {delivery.id} is begun again before it is settled")
        self.begun.append(delivery.id)
        self.in_doubt.add(delivery.id)
        self.most_in_doubt = max(self.most_in_doubt, len(self.in_doubt))

    def settle(self, outcome: Outcome) -> None:
        if outcome.delivery_id not in self.in_doubt:
            raise ValueError(f"delivery {outcome.delivery_id} is settled, but was not begun")
        self.in_doubt.remove(outcome.delivery_id)
        self.outcomes.append(outcome)


@dataclass
class FakeLease:
    """A lease that runs out when it is told to."""

    has_run_out: bool = False

    def check(self) -> None:
        if self.has_run_out:
            raise LeaseLostError("the lease has run out")


class InMemoryPostParts:
    """The committed parts of deliveries, as the database would keep them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._parts: dict[tuple[int, int], PostPart] = {}

    def of(self, delivery: Delivery) -> Sequence[PostPart]:
        return [part for (delivery_id, _), part in sorted(self._parts.items()) if delivery_id == delivery.id]

    def intend(self, delivery: Delivery, number: int, request: Mapping[str, Json]) -> PostPart:
        key = delivery.id, number
        if key in self._parts:
            return self._parts[key]
        part = PostPart(
            number=number, request=request, state=PostPartState.INTENDED, intended_at=self._clock(), is_new=False
        )
        self._parts[key] = part
        return replace(part, is_new=True)

    def settle(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> bool:
        part = self._parts[delivery.id, number]
        self._parts[delivery.id, number] = replace(
            part, state=PostPartState.SENT, remote_id=remote_id, permalink=permalink, detail=detail or {}
        )
        return True

    def settle_found(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> Attribution:
        others = (part for key, part in self._parts.items() if key != (delivery.id, number))
        if any(part.remote_id == remote_id for part in others):
            return Attribution.OTHER
        self.settle(delivery, number, remote_id=remote_id, permalink=permalink, detail=detail)
        return Attribution.OWN

    def withdraw(self, delivery: Delivery, number: int) -> None:
        if self._parts[delivery.id, number].state is PostPartState.INTENDED:
            del self._parts[delivery.id, number]


class InMemoryPublications:
    """The GUIDs of the articles published, and since when. While `is_failing`, publishing raises ServiceError."""

    def __init__(self) -> None:
        self.is_failing = False
        self.published: dict[str, datetime] = {}

    def publish(self, guids: Sequence[str], *, at: datetime) -> None:
        if self.is_failing:
            raise ServiceError("the publications cannot be stored: the database is unreachable")
        for guid in guids:
            self.published.setdefault(guid, at)


def make_delivery(
    recipient: str = "@sample", *, id: int = 7, attempt: int = 1, created_at: datetime = RELEASED_AT
) -> Delivery:
    """A delivery at its `attempt`."""
    return Delivery(id=id, dispatch_id=3, recipient=recipient, epoch=attempt, attempt=attempt, created_at=created_at)


def make_send_context(
    *,
    site: Site = SAMPLE_SITE,
    clock: Callable[[], datetime] | None = None,
    journal: Journal | None = None,
    parts: PostParts | None = None,
    publications: Publications | None = None,
    media: MediaStore = NO_MEDIA,
    lease: Lease | None = None,
) -> SendContext:
    """A context of in-memory ports, except those that are given."""
    now = clock or FakeClock()
    return SendContext(
        site=site,
        now=now,
        tokens=TokenSigner(b"a key for tests only, of no secrecy"),
        journal=journal or InMemoryJournal(),
        parts=parts or InMemoryPostParts(now),
        publications=publications or InMemoryPublications(),
        media=media,
        lease=lease or FakeLease(),
    )


class ChannelHarness:
    """One channel with one rendition and one delivery, their committed parts, a journal, a lease and a clock."""

    def __init__(
        self,
        channel: Channel,
        articles: Sequence[Article],
        context: RenderContext,
        *,
        publications: Publications | None = None,
    ) -> None:
        self.channel = channel
        self.rendition = channel.render(articles, context)
        self.clock = FakeClock()
        self.parts = InMemoryPostParts(self.clock)
        self.journal = InMemoryJournal()
        self.lease = FakeLease()
        self.attempts = 0
        self._context = make_send_context(
            site=context.site,
            clock=self.clock,
            journal=self.journal,
            parts=self.parts,
            publications=publications,
            media=context.media,
            lease=self.lease,
        )

    def send(self) -> Outcome:
        """One more attempt at the delivery. Raises ValueError unless the channel yields exactly one outcome."""
        self.attempts += 1
        deliveries = [self._delivery(self.attempts)]

        async def attempt() -> list[Outcome]:
            try:
                return [outcome async for outcome in self.channel.send(self.rendition, deliveries, self._context)]
            finally:
                if isinstance(self.channel, ClosableChannel):
                    await self.channel.close()

        (outcome,) = asyncio.run(attempt())
        return outcome

    def reconcile(self) -> Outcome:
        """Look the delivery up. Raises TypeError for a channel that cannot."""
        if not isinstance(self.channel, ReconcilingChannel):
            raise TypeError(f"a channel of kind {self.channel.kind} cannot reconcile")
        delivery = self._delivery(max(self.attempts, 1))
        return asyncio.run(self.channel.reconcile(self.rendition, delivery, self._context))

    def crash_after_intent(self, *, number: int, request: Mapping[str, Json]) -> None:
        """An earlier worker committed the intent of a part, and was killed before the result."""
        self.attempts += 1
        self.parts.intend(self._delivery(1), number, request)

    def withdraw_intents(self) -> None:
        """The decision, outside the channel, to send again what may have been sent."""
        for part in self.committed:
            self.parts.withdraw(self._delivery(1), part.number)

    @property
    def committed(self) -> Sequence[PostPart]:
        """The parts as they are committed."""
        return self.parts.of(self._delivery(1))

    @property
    def states(self) -> list[str]:
        """The states of the committed parts."""
        return [part.state.value for part in self.committed]

    @property
    def texts(self) -> list[str]:
        """The texts of the posts of the rendition."""
        return [post["text"] for post in self.rendition.payload["posts"]]

    def _delivery(self, attempt: int) -> Delivery:
        accounts = self.channel.recipients(self.rendition)
        return make_delivery(accounts[0] if accounts else SAMPLE_SUBSCRIBER, attempt=attempt)
