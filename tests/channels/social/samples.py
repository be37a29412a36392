"""Articles for the tests of the social channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from distributor.channels.api import (
    Article,
    Channel,
    Json,
    MessageOptions,
    Personalization,
    RenderContext,
    Site,
    Templates,
)
from distributor.domain.blocks import Block, Heading, Image, List, ListItem, Paragraph, Run
from distributor.domain.tags import Tag
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.rendering.environment import shipped_templates
from distributor.testing.fakes import RELEASED_AT, ChannelHarness

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


def render_context(
    *, site: Site = SITE, discovered_limits: Mapping[str, Json] | None = None, words: MessageOptions | None = None
) -> RenderContext:
    return RenderContext(
        site=site,
        templates=TEMPLATES,
        discovered_limits=discovered_limits or {},
        personalization=Personalization(parse_markdown=read_markdown, options=words) if words else None,
    )


def make_harness(channel: Channel, *articles: Article, context: RenderContext | None = None) -> ChannelHarness:
    """A harness that sends these articles, or one about bread."""
    return ChannelHarness(channel, articles or (BREAD,), context or render_context())
