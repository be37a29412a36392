"""The feed channel: an article becomes an entry of the feed of all articles and of one feed per tag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from gettext import gettext as _
from http import HTTPStatus
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from distributor.channels.api import (
    NO_MEDIA,
    Audience,
    Capabilities,
    ChannelPlace,
    CheckResult,
    Dedupe,
    KindPresentation,
    MediaStore,
    PublishedCollection,
    PublishedDocument,
    ReaderScreen,
    ReaderView,
    ReaderViews,
    RenderContext,
    SendContext,
    Site,
)
from distributor.channels.feed.checks import check_entries
from distributor.channels.feed.documents import FORMATS, RSS, FeedFormat, build_documents
from distributor.channels.feed.entries import build_entry, plain
from distributor.channels.feed.feed import (
    ALL,
    Feed,
    FeedEntry,
    FeedMetadata,
    FeedPayload,
    newest_first,
    tag_feed_key,
    whole_seconds,
)
from distributor.channels.social.http import ApiResponse, HttpClient
from distributor.channels.social.settings import is_public
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.rendering.environment import Templates, shipped_templates

# Raise it with every change of the golden files of the tests: feeds in use are built again then.
_FORMAT = 1
_TIMEOUT_SECONDS = 20.0


class FeedSettings(BaseModel):
    """Settings of a channel of kind feed. An empty setting takes its value from the site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field("", title="Title", description="name of the main feed; empty: the name of the site")
    description: str = Field("", title="Description", description="what the feed is about, in one sentence")
    language: str = Field("", title="Language", description="BCP 47 language of the feed; empty: that of the site")
    icon: str = Field(
        "",
        title="Icon",
        description="URL of a square PNG, JPEG or GIF, best 512 pixels wide; empty: the logo of the site",
    )
    hub: str = Field("", title="WebSub hub", description="URL of the hub that notifies readers of changes at once")
    items: int = Field(50, ge=1, le=500, title="Articles", description="maximum number of articles in a feed")
    max_bytes: int = Field(
        1_000_000,
        ge=10_000,
        le=5_000_000,
        title="Size",
        description="maximum size of a feed in bytes; the oldest articles are left out beyond that",
    )

    @field_validator("icon", "hub")
    @classmethod
    def _is_http_url(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url


class FeedChannel:
    """RSS 2.0, Atom and JSON Feed 1.1 as stored documents. The recipients are feeds: ``all`` and ``tags/<slug>``."""

    kind: ClassVar[str] = "feed"
    settings_model: ClassVar[type[BaseModel]] = FeedSettings
    capabilities: ClassVar[Capabilities] = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.EXACT, queue="feed")

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="Feeds",
            sentence="RSS, Atom and JSON feeds for everything and for each tag, which readers subscribe to.",
        )

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings

    def place(self, site: Site) -> ChannelPlace:
        return ChannelPlace(account=self._settings.title or site.name, service=f"{site.public_url}/feeds/all.rss")

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        metadata = self._metadata_of(context.site)
        entries = newest_first([build_entry(article, context.site) for article in articles])
        payload = FeedPayload(metadata=metadata, titles=_feed_titles(entries, metadata), entries=entries)
        return Rendition(self.kind, payload.as_json())

    def check(self, rendition: Rendition) -> list[Problem]:
        return list(self.check_all(rendition).problems)

    def check_all(self, rendition: Rendition) -> CheckResult:
        payload = FeedPayload.from_json(rendition.payload)
        return check_entries(payload.entries, max_bytes=self._settings.max_bytes)

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        payload = FeedPayload.from_json(rendition.payload)
        return Templates([shipped_templates()]).render("feed/preview.html.j2", {"payload": payload})

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        """The feed of all articles as if it had no others than these."""
        payload = FeedPayload.from_json(rendition.payload)
        feed = Feed(
            key=ALL,
            title=payload.titles[ALL],
            metadata=payload.metadata,
            entries=payload.entries[: self._settings.items],
            since=payload.entries[0].published_at,
        )
        documents = build_documents(feed, max_bytes=self._settings.max_bytes)
        return {form.file_name: document.body for form, document in zip(FORMATS, documents, strict=True)}

    def views_of(
        self, rendition: Rendition, reader: ReaderFields | None = None, media: MediaStore = NO_MEDIA
    ) -> ReaderViews:
        screen = ReaderScreen(name="reader", title=_("In a feed reader"), page=self.preview(rendition, media))
        files = self.files(rendition)
        sources = (
            ReaderView(name=form.extension, title=form.title, text=files[form.file_name].decode()) for form in FORMATS
        )
        return ReaderViews(views=(ReaderView(name="reader", title=screen.title, screens=(screen,)), *sources))

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [feed["key"] for feed in rendition.payload["feeds"]]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        payload = FeedPayload.from_json(rendition.payload)
        for delivery in deliveries:
            yield self._deliver(payload, delivery, context)

    async def identify(self, context: SendContext) -> Sequence[Finding]:
        """Fetch the main feed in each format from where readers fetch it."""
        metadata = self._metadata_of(context.site)
        client = HttpClient(context.site.public_url, timeout_seconds=_TIMEOUT_SECONDS)
        try:
            found = [await _fetch_finding(client, metadata.url_of(ALL, form.extension), form) for form in FORMATS]
        finally:
            await client.close()
        if not is_public(context.site.public_url):
            sentence = (
                f"only this machine or its network can open {context.site.public_url}: set DISTRIBUTOR_PUBLIC_URL"
            )
            found.append(Finding("public address", DiagnosticStatus.WARN, sentence))
        return found

    @classmethod
    def document_format(cls) -> int:
        return _FORMAT

    def max_articles(self) -> int:
        return self._settings.items

    def documents(self, collection: PublishedCollection, site: Site) -> Sequence[PublishedDocument]:
        metadata = self._metadata_of(site)
        key, label = (tag_feed_key(collection.tag.slug), plain(collection.tag.label)) if collection.tag else (ALL, "")
        feed = Feed(
            key=key,
            title=metadata.title_of(key, label),
            metadata=metadata,
            entries=tuple(build_entry(article, site) for article in collection.articles),
            since=whole_seconds(collection.since),
        )
        return build_documents(feed, max_bytes=self._settings.max_bytes)

    def _metadata_of(self, site: Site) -> FeedMetadata:
        settings = self._settings
        publisher = plain(site.name) or site.public_url
        logo = site.brand.logo if site.brand.logo and site.brand.logo.is_for_mail else None
        logo_url = site.absolute_url(logo.url) if logo else ""
        return FeedMetadata(
            title=plain(settings.title) or publisher,
            description=plain(settings.description) or f"New articles from {publisher}",
            publisher=publisher,
            public_url=site.public_url,
            language=settings.language or site.language,
            icon=settings.icon or logo_url,
            favicon=logo_url if logo and logo.is_square else "",
            hub=settings.hub,
        )

    def _deliver(self, payload: FeedPayload, delivery: Delivery, context: SendContext) -> Outcome:
        key = delivery.recipient
        guids = [entry.guid for entry in payload.entries if key in entry.feed_keys]
        if not guids:
            return Outcome.of(delivery, Verdict.FAILED, reply=f"no article of this rendition belongs to feed {key!r}")
        context.publications.publish(guids, at=delivery.created_at)
        return Outcome.of(
            delivery,
            Verdict.SENT,
            remote_id=guids[0],
            permalink=self._metadata_of(context.site).url_of(key, RSS.extension),
            detail={"guids": guids},
        )


async def _fetch_finding(client: HttpClient, url: str, form: FeedFormat) -> Finding:
    response = await client.call("GET", url)
    if not isinstance(response, ApiResponse):
        sentence = f"{url}: {response.reply}; is `distributor web` running, and does DISTRIBUTOR_PUBLIC_URL lead to it?"
        return Finding(form.extension, DiagnosticStatus.FAIL, sentence)
    if response.status_code == HTTPStatus.NOT_FOUND:
        sentence = f"{url} is there once an article was published on the channel"
        return Finding(form.extension, DiagnosticStatus.WARN, sentence)
    media_type = response.headers.get("content-type", "nothing")
    if not response.is_success or media_type.partition(";")[0] != form.media_type.partition(";")[0]:
        sentence = (
            f"{url} answers with HTTP {response.status_code} and {media_type}: DISTRIBUTOR_PUBLIC_URL leads to another "
            "server, or a proxy before `distributor web` changes its responses"
        )
        return Finding(form.extension, DiagnosticStatus.FAIL, sentence)
    return Finding(form.extension, DiagnosticStatus.OK, f"readers subscribe to {url}")


def _feed_titles(entries: Sequence[FeedEntry], metadata: FeedMetadata) -> dict[str, str]:
    """The titles of the feeds these entries go to, that of all first; the first spelling of a tag names its feed."""
    labels = {ALL: ""}
    for entry in entries:
        for label, slug in zip(entry.tags, entry.tag_slugs, strict=True):
            if slug:
                labels.setdefault(tag_feed_key(slug), label)
    return {key: metadata.title_of(key, label) for key, label in labels.items()}
