"""The feed channel: an article becomes an entry of the feed of everything and of one feed per tag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import (
    NO_MEDIA,
    Audience,
    Capabilities,
    Dedupe,
    MediaStore,
    Publications,
    PublishedDocument,
    PublishedItem,
    RenderContext,
    SendContext,
    Site,
)
from distributor.channels.feed.announcement import Announcement, newest_first
from distributor.channels.feed.checking import problems_of
from distributor.channels.feed.composing import entry_of, plain
from distributor.channels.feed.documents import FORMATS, RSS, documents_of
from distributor.channels.feed.entry import ALL, FeedItem, tag_feed_key
from distributor.channels.feed.feed import Masthead
from distributor.channels.feed.settings import FeedSettings
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.rendering.environment import Templates, shipped_templates


class FeedChannel:
    """RSS 2.0, Atom and JSON Feed 1.1 as stored documents. The recipients are feeds: ``all`` and ``tags/<slug>``."""

    kind: ClassVar[str] = "feed"
    settings_model: ClassVar[type[BaseModel]] = FeedSettings
    capabilities: ClassVar[Capabilities] = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.EXACT, queue="feed")

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        masthead = self._masthead_of(context.site)
        entries = newest_first([entry_of(article, context.site) for article in articles])
        announcement = Announcement(masthead=masthead, titles=_feed_titles(entries, masthead), entries=entries)
        return Rendition(self.kind, announcement.as_payload())

    def check(self, rendition: Rendition) -> list[Problem]:
        announcement = Announcement.from_payload(rendition.payload)
        return problems_of(announcement.entries, max_bytes=self._settings.max_bytes)

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        announcement = Announcement.from_payload(rendition.payload)
        return Templates([shipped_templates()]).render("feed/preview.html.j2", {"announcement": announcement})

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        """The feed of everything as if these articles were all there is."""
        announcement = Announcement.from_payload(rendition.payload)
        documents = self._documents(announcement, ALL, announcement.entries[: self._settings.items])
        return {form.file_name: document.body for form, document in zip(FORMATS, documents, strict=True)}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [feed["key"] for feed in rendition.payload["feeds"]]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        announcement = Announcement.from_payload(rendition.payload)
        for delivery in deliveries:
            yield self._deliver(announcement, delivery, context.publications)

    def _masthead_of(self, site: Site) -> Masthead:
        chosen = self._settings
        publisher = plain(site.name) or site.public_url
        return Masthead(
            title=plain(chosen.title) or publisher,
            description=plain(chosen.description) or f"New articles from {publisher}",
            publisher=publisher,
            public_url=site.public_url,
            language=chosen.language or site.language,
            icon=chosen.icon,
            hub=chosen.hub,
        )

    def _deliver(self, announcement: Announcement, delivery: Delivery, publications: Publications) -> Outcome:
        key = delivery.recipient
        entries = announcement.entries_for(key)
        if not entries:
            return Outcome.of(delivery, Verdict.FAILED, reply=f"no article of this rendition belongs to feed {key!r}")

        def compose(items: Sequence[PublishedItem]) -> list[PublishedDocument]:
            return self._documents(announcement, key, [FeedItem.from_json(item.content) for item in items])

        for entry in entries:
            item = entry.dated_no_later_than(delivery.created_at).as_item()
            publications.publish(key, item, limit=self._settings.items, compose=compose)
        return Outcome.of(
            delivery,
            Verdict.SENT,
            remote_id=entries[0].guid,
            permalink=announcement.masthead.url_of(key, RSS.extension),
            detail={"guids": [entry.guid for entry in entries]},
        )

    def _documents(self, announcement: Announcement, key: str, entries: Sequence[FeedItem]) -> list[PublishedDocument]:
        return documents_of(announcement.feed_of(key, entries), max_bytes=self._settings.max_bytes)


def _feed_titles(entries: Sequence[FeedItem], masthead: Masthead) -> dict[str, str]:
    """The feeds these entries go to, that of everything first; the first spelling of a tag names its feed."""
    labels = {ALL: ""}
    for entry in entries:
        for tag in entry.tags:
            if key := tag_feed_key(tag):
                labels.setdefault(key, tag)
    return {key: masthead.title_of(key, label) for key, label in labels.items()}
