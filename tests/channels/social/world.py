"""Articles, deliveries and a memory of parts for the tests of the social channels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from distributor.channels.api import (
    Channel,
    PostPart,
    PostPartState,
    ReconcilingChannel,
    RenderContext,
    SendContext,
    Site,
)
from distributor.domain.article import Article
from distributor.domain.blocks import Block, Heading, Image, List, ListItem, Paragraph, Run
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.rendition import Json, Rendition
from distributor.domain.tags import Tag
from distributor.rendering.environment import Templates, shipped_templates

RELEASED_AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
SITE = Site(
    name="The Baker’s Gazette",
    public_url="https://www.gazette.org",
    postal_address="1 Harbour Street, Bergen",
    sender="news@gazette.org",
)
TEMPLATES = Templates([shipped_templates()])


def paragraph(text: str) -> Paragraph:
    return Paragraph((Run(text),))


def bullets(*texts: str) -> List:
    return List(tuple(ListItem((paragraph(text),)) for text in texts))


BREAD = Article(
    guid="urn:uuid:6f1c2f4e-7d8a-4f6f-8e55-1f6f2c5a9a01",
    slug="why-sourdough-bread-keeps-so-long",
    revision=1,
    title="Why Sourdough Bread Keeps So Long",
    body=(
        paragraph(
            "A loaf of sourdough bread stays fresh for days, while a quick white loaf is stale by the evening. "
            "The difference is not a secret flour but time and acid. "
            "Lactic acid bacteria share the dough with wild yeast, and both leave their traces in the crumb."
        ),
        Heading(2, (Run("What the Bacteria Do"),)),
        paragraph(
            "Lactic acid bacteria eat the sugars that wild yeast leaves behind. They give off lactic and acetic acid, "
            "which keep mould away. Bakers have relied on them for at least five thousand years."
        ),
        Heading(2, (Run("What Time Does"),)),
        paragraph("A long rise changes the starch. Three things follow:"),
        bullets(
            "The crumb holds more water.",
            "The starch hardens more slowly, which is what staleness is made of.",
            "Enzymes have the time to free sugars that colour the crust.",
        ),
        Heading(2, (Run("Risks and Limits"),)),
        paragraph("No bread keeps for ever. Whole grain loaves turn rancid sooner, and damp kitchens grow mould."),
    ),
    tags=tuple(
        Tag(label)
        for label in (
            "home economics",
            "sourdough bread",
            "sourdough baking",
            "wild yeast",
            "lactic acid bacteria",
            "food science",
            "2026",
        )
    ),
    summary="",
    author="Ada Crumb",
    language="en",
    image=None,
    published_at=RELEASED_AT,
    updated_at=RELEASED_AT,
)


def article(
    *,
    title: str = BREAD.title,
    summary: str = "",
    body: tuple[Block, ...] | None = None,
    tags: Sequence[str] | None = None,
    language: str = "en",
    slug: str = BREAD.slug,
    image: Image | None = None,
) -> Article:
    return replace(
        BREAD,
        title=title,
        summary=summary,
        body=BREAD.body if body is None else body,
        tags=BREAD.tags if tags is None else tuple(Tag(tag) for tag in tags),
        language=language,
        slug=slug,
        image=image,
    )


RYE = article(title="Rye for Beginners", body=(paragraph("Rye is easy."),), tags=("rye",), slug="rye")


def render_context(*, site: Site = SITE, discovered_limits: Mapping[str, Json] | None = None) -> RenderContext:
    return RenderContext(site=site, templates=TEMPLATES, discovered_limits=discovered_limits or {})


def delivery(*, attempt: int = 1, id: int = 7) -> Delivery:
    return Delivery(id=id, dispatch_id=3, recipient="@gazette", epoch=attempt, attempt=attempt, created_at=RELEASED_AT)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = RELEASED_AT + timedelta(seconds=10)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class MemoryOfParts:
    """The committed parts of one delivery, as the storage would keep them."""

    clock: Clock
    parts: dict[int, PostPart] = field(default_factory=dict)

    def of(self, delivery: Delivery) -> Sequence[PostPart]:
        return [self.parts[number] for number in sorted(self.parts)]

    def intend(self, delivery: Delivery, number: int, request: Mapping[str, Json]) -> PostPart:
        if number in self.parts:
            return self.parts[number]
        part = PostPart(
            number=number, request=request, state=PostPartState.INTENDED, intended_at=self.clock(), is_new=False
        )
        self.parts[number] = part
        return replace(part, is_new=True)

    def settle(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> None:
        self.parts[number] = replace(
            self.parts[number],
            state=PostPartState.SENT,
            remote_id=remote_id,
            permalink=permalink,
            detail=detail or {},
        )

    def withdraw(self, delivery: Delivery, number: int) -> None:
        del self.parts[number]

    @property
    def states(self) -> list[str]:
        return [self.parts[number].state.value for number in sorted(self.parts)]


class World:
    """One channel with one delivery, its committed parts and a clock."""

    def __init__(self, channel: Channel, *articles: Article, context: RenderContext | None = None) -> None:
        self.channel = channel
        self.rendition: Rendition = channel.render(articles or (BREAD,), context or render_context())
        self.clock = Clock()
        self.parts = MemoryOfParts(self.clock)
        self.attempts = 0

    def send(self) -> Outcome:
        """One more attempt at the delivery."""
        self.attempts += 1

        async def attempt() -> list[Outcome]:
            sent = self.channel.send(self.rendition, [delivery(attempt=self.attempts)], self._context())
            return [outcome async for outcome in sent]

        (outcome,) = asyncio.run(attempt())
        return outcome

    def reconcile(self) -> Outcome:
        channel = cast(ReconcilingChannel, self.channel)
        now = delivery(attempt=max(self.attempts, 1))
        return asyncio.run(channel.reconcile(self.rendition, now, self._context()))

    def die_while_sending(self, *, number: int, request: Mapping[str, Json]) -> None:
        """An earlier worker committed the intent of a part and was never heard of again."""
        self.attempts += 1
        self.parts.intend(delivery(), number, request)

    @property
    def texts(self) -> list[str]:
        return [post["text"] for post in self.rendition.payload["posts"]]

    def _context(self) -> SendContext:
        unused = cast(Any, None)
        return SendContext(
            site=SITE,
            now=self.clock,
            tokens=unused,
            journal=unused,
            parts=self.parts,
            publications=unused,
        )
