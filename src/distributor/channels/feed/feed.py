"""The entries and metadata of feeds, from which all three formats are written, and their JSON in a rendition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from distributor.domain.rendition import Json
from distributor.domain.tags import slugify

ALL = "all"
GENERATOR = "Distributor"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryImage:
    """The image of an entry. `media_type` is empty if the extension of the URL is not that of an image."""

    url: str
    alt: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One article in a feed. Every text is valid in XML 1.0, every URL absolute, both times are whole seconds in UTC.

    `title`, `summary`, `authors` and `tags` are plain text, `tag_slugs` the slugs of these tags in their order;
    `content_html` is the full text as sanitised HTML. The summary is never empty.
    """

    guid: str
    url: str
    title: str
    summary: str
    content_html: str
    language: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    tag_slugs: tuple[str, ...]
    image: EntryImage | None
    published_at: datetime
    updated_at: datetime

    @property
    def feed_keys(self) -> tuple[str, ...]:
        """The feeds this entry belongs to, each once: that of all articles, then one per tag."""
        return tuple(dict.fromkeys((ALL, *(tag_feed_key(slug) for slug in self.tag_slugs if slug))))

    def as_json(self) -> dict[str, Json]:
        return {
            "guid": self.guid,
            "url": self.url,
            "title": self.title,
            "summary": self.summary,
            "content_html": self.content_html,
            "language": self.language,
            "authors": list(self.authors),
            "tags": list(self.tags),
            "tag_slugs": list(self.tag_slugs),
            "image": self.image and {"url": self.image.url, "alt": self.image.alt, "media_type": self.image.media_type},
            "published_at": rfc3339(self.published_at),
            "updated_at": rfc3339(self.updated_at),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> FeedEntry:
        """The entry that `as_json` returned `stored` for."""
        return cls(
            guid=stored["guid"],
            url=stored["url"],
            title=stored["title"],
            summary=stored["summary"],
            content_html=stored["content_html"],
            language=stored["language"],
            authors=tuple(stored["authors"]),
            tags=tuple(stored["tags"]),
            # A rendition from before tags had slugs of their own.
            tag_slugs=tuple(stored["tag_slugs"] if "tag_slugs" in stored else map(slugify, stored["tags"])),
            image=EntryImage(**stored["image"]) if stored["image"] else None,
            published_at=datetime.fromisoformat(stored["published_at"]),
            updated_at=datetime.fromisoformat(stored["updated_at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMetadata:
    """What the feeds of a site have in common. `icon`, `favicon` and `hub` are URLs or empty.

    `public_url` has no trailing slash. A `favicon` is square; an `icon` should be.
    """

    title: str
    description: str
    publisher: str
    public_url: str
    language: str
    icon: str
    hub: str
    favicon: str = ""

    @property
    def home_page_url(self) -> str:
        return f"{self.public_url}/"

    def title_of(self, key: str, label: str) -> str:
        """The title of the feed `key`: no two feeds of a site have the same, because readers list them by title."""
        return self.title if key == ALL else f"{self.title}: {label}"

    def url_of(self, key: str, extension: str) -> str:
        """The address of the feed `key` in the format with this extension."""
        return f"{self.public_url}/{quote(path_of(key, extension))}"

    def as_json(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> FeedMetadata:
        """The metadata that `as_json` returned `stored` for."""
        return cls(**stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed, its newest entry first. `key` is ``all`` or ``tags/<slug>``; `since` is when the feed began."""

    key: str
    title: str
    metadata: FeedMetadata
    entries: tuple[FeedEntry, ...]
    since: datetime

    @property
    def updated_at(self) -> datetime:
        """When an entry of the feed last changed; of a feed without entries, when it began."""
        return max((entry.updated_at for entry in self.entries), default=self.since)

    def url_of(self, extension: str) -> str:
        """The address of this feed in the format with this extension."""
        return self.metadata.url_of(self.key, extension)

    def newest(self, count: int) -> Feed:
        """This feed with no more than its `count` newest entries."""
        return replace(self, entries=self.entries[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPayload:
    """The payload of a rendition of this kind: entries, newest first, and the titles of their feeds by key.

    As JSON: ``{"site": …, "feeds": [{"key", "title", "path"}, …], "entries": […]}``.
    """

    metadata: FeedMetadata
    titles: Mapping[str, str]
    entries: tuple[FeedEntry, ...]

    def as_json(self) -> dict[str, Json]:
        return {
            "site": self.metadata.as_json(),
            "feeds": [{"key": key, "title": title, "path": f"feeds/{key}"} for key, title in self.titles.items()],
            "entries": [entry.as_json() for entry in self.entries],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> FeedPayload:
        """The value that `as_json` returned `stored` for."""
        return cls(
            metadata=FeedMetadata.from_json(stored["site"]),
            titles={feed["key"]: feed["title"] for feed in stored["feeds"]},
            entries=tuple(FeedEntry.from_json(entry) for entry in stored["entries"]),
        )


def newest_first(entries: Sequence[FeedEntry]) -> tuple[FeedEntry, ...]:
    """The order of a published collection: by time of publication, equal times by GUID."""
    by_guid = sorted(entries, key=lambda entry: entry.guid)
    return tuple(sorted(by_guid, key=lambda entry: entry.published_at, reverse=True))


def path_of(key: str, extension: str) -> str:
    """The path of a document of the feed `key` below the root of the site, not yet percent-encoded."""
    return f"feeds/{key}.{extension}"


def tag_feed_key(slug: str) -> str:
    """The key of the feed of the tag with this slug."""
    return f"tags/{slug}"


def rfc3339(time: datetime) -> str:
    """An aware time as RFC 3339 writes it, in UTC and whole seconds: ``2026-11-22T15:18:00Z``."""
    return whole_seconds(time).isoformat().replace("+00:00", "Z")


def whole_seconds(time: datetime) -> datetime:
    """The time in UTC, without a fraction: RSS has none, and the formats have to agree."""
    return time.astimezone(UTC).replace(microsecond=0)
