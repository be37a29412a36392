"""Articles, a site and helpers that render and send, for the tests of the feed channel."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from distributor.channels.api import PublishedCollection, PublishedDocument, RenderContext, Site
from distributor.channels.feed import FeedChannel
from distributor.channels.feed.channel import FeedSettings
from distributor.domain.article import Article
from distributor.domain.blocks import (
    Alignment,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Table,
)
from distributor.domain.delivery import Outcome
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.rendering.environment import Templates
from distributor.testing.fakes import InMemoryPublications, make_delivery, make_send_context

SITE = Site(
    name="Nest & Fact",
    public_url="https://news.example.org",
    postal_address="1 Harbour Street, Bergen",
    sender="news@example.org",
    language="en",
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALL_SETTINGS = FeedSettings(
    title="Nest & Fact: medicine",
    description="What research says about health",
    language="en",
    icon="https://news.example.org/icon.png",
    hub="https://hub.example.org/",
)


def text(words: str) -> tuple[Run, ...]:
    return (Run(words),)


def paragraph(words: str) -> Paragraph:
    return Paragraph(text(words))


def article(**changes: Any) -> Article:
    """A short article with two tags; `changes` replace what it has."""
    given: dict[str, Any] = {
        "guid": "urn:uuid:0c7a5f3e-9b1d-4a5e-8a43-6d2f3b1c9e70",
        "slug": "stem-cells",
        "revision": 1,
        "title": "Stem cells & you",
        "body": (paragraph("Stem cells renew themselves."), paragraph("That is all.")),
        "tags": (Tag("Lupus"), Tag("stem cell therapy")),
        "summary": "What they can do.",
        "author": "Ada Berg",
        "language": "en",
        "image": None,
        "published_at": NOON,
        "updated_at": NOON,
    }
    return Article(**(given | changes))


def numbered(number: int, **changes: Any) -> Article:
    """One of a series of articles, each a day older than the one before."""
    then = NOON - timedelta(days=number)
    return article(
        **{
            "guid": f"tag:example.org,2026:{number:03}",
            "slug": f"article-{number}",
            "title": f"Article {number}",
            "published_at": then,
            "updated_at": then,
        }
        | changes
    )


def article_with_every_block() -> Article:
    """Each kind of block, relative and absolute addresses, and an image that opens the article."""
    link = (Run("See "), Run("the trials", frozenset({Mark.STRONG}), "/trials?page=2&sort=new"), Run(" & more."))
    return article(
        image=Image("/media/cells.jpg", "Two cells, side by side"),
        body=(
            Paragraph(link),
            Heading(2, text("What < helps >")),
            List(
                (
                    ListItem((paragraph("Rest"), List((ListItem((paragraph("at night"),)),)))),
                    ListItem((Paragraph(link), paragraph("twice a day"))),
                )
            ),
            List((ListItem((paragraph("third"),)), ListItem((paragraph("fourth"),))), ordered=True, start=3),
            Quote((paragraph("“Quoted” words"),)),
            Image("photo of mice.png", "Mice", text("Photo: K. Lie")),
            Code("if a < b and c:\n    print('\N{DNA DOUBLE HELIX}')", "python"),
            Table(
                (text("Dose"), text("Patients")),
                ((text("10 mg"), text("7")),),
                (Alignment.LEFT, Alignment.RIGHT),
            ),
            Divider(),
            Paragraph((Run("One line\nand another, by "), Run("mail", href="mailto:ada@example.org"))),
        ),
    )


def rendered(*articles: Article, settings: FeedSettings | None = None, site: Site = SITE) -> Rendition:
    """What a channel with these settings says about the articles."""
    context = RenderContext(site=site, templates=Templates([]))
    return FeedChannel(settings or FeedSettings()).render(articles, context)


def files_of(*articles: Article, settings: FeedSettings | None = None, site: Site = SITE) -> dict[str, bytes]:
    """The three documents of a feed that holds just these articles."""
    channel = FeedChannel(settings or FeedSettings())
    return dict(channel.files(rendered(*articles, settings=settings, site=site)))


def send(
    rendition: Rendition,
    *recipients: str,
    publications: InMemoryPublications,
    settings: FeedSettings | None = None,
) -> list[Outcome]:
    """Send to these feeds, or to all that the rendition names."""
    channel = FeedChannel(settings or FeedSettings())
    deliveries = [make_delivery(recipient) for recipient in recipients or channel.recipients(rendition)]
    context = make_send_context(site=SITE, publications=publications)

    async def collect() -> list[Outcome]:
        return [outcome async for outcome in channel.send(rendition, deliveries, context)]

    return asyncio.run(collect())


def documents_of(
    *articles: Article, tag: Tag | None = None, settings: FeedSettings | None = None, site: Site = SITE
) -> dict[str, PublishedDocument]:
    """The documents of the feed of these articles, or of a tag, by path."""
    collection = PublishedCollection(tag=tag, since=NOON, articles=articles)
    documents = FeedChannel(settings or FeedSettings()).documents(collection, site)
    return {document.path: document for document in documents}


def golden(name: str) -> Path:
    return Path(__file__).parent / "golden" / name
