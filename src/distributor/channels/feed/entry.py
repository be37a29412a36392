"""Entry: one article as all three feed formats tell it, and as it is stored between sendings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from distributor.channels.api import PublishedItem
from distributor.domain.rendition import Json
from distributor.domain.tags import slugify

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryImage:
    """The picture that stands for an entry. `media_type` is empty where the address does not tell it."""

    url: str
    alt: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """One item of a feed. Every text is fit for XML 1.0, every URL absolute, both times are whole seconds in UTC.

    `title`, `summary`, `authors` and `tags` are plain text; `content_html` is the full text as sanitised HTML. The
    summary is never empty.
    """

    guid: str
    url: str
    title: str
    summary: str
    content_html: str
    language: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    image: EntryImage | None
    published_at: datetime
    updated_at: datetime

    @property
    def feed_keys(self) -> tuple[str, ...]:
        """The feeds this entry belongs to, each once: the one of everything, then one per tag."""
        return tuple(dict.fromkeys((ALL, *(key for tag in self.tags if (key := tag_feed_key(tag))))))

    def dated_no_later_than(self, moment: datetime) -> FeedItem:
        """This entry without dates after `moment`: a reader that sees one may believe all later news to be old."""
        latest = whole_seconds(moment)
        return replace(self, published_at=min(self.published_at, latest), updated_at=min(self.updated_at, latest))

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
            "image": self.image and {"url": self.image.url, "alt": self.image.alt, "media_type": self.image.media_type},
            "published_at": rfc3339(self.published_at),
            "updated_at": rfc3339(self.updated_at),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> FeedItem:
        """The entry that `as_json` gave `stored` for."""
        return cls(
            guid=stored["guid"],
            url=stored["url"],
            title=stored["title"],
            summary=stored["summary"],
            content_html=stored["content_html"],
            language=stored["language"],
            authors=tuple(stored["authors"]),
            tags=tuple(stored["tags"]),
            image=EntryImage(**stored["image"]) if stored["image"] else None,
            published_at=datetime.fromisoformat(stored["published_at"]),
            updated_at=datetime.fromisoformat(stored["updated_at"]),
        )

    def as_item(self) -> PublishedItem:
        """This entry as one of a published collection."""
        return PublishedItem(
            key=self.guid, published_at=self.published_at, updated_at=self.updated_at, content=self.as_json()
        )


def tag_feed_key(label: str) -> str:
    """The key of the feed of the tag called `label`; empty if the label has neither letter nor digit."""
    slug = slugify(label)
    return f"tags/{slug}" if slug else ""


def rfc3339(moment: datetime) -> str:
    """An aware time as RFC 3339 writes it, in UTC and whole seconds: ``2026-11-22T15:18:00Z``."""
    return whole_seconds(moment).isoformat().replace("+00:00", "Z")


def whole_seconds(moment: datetime) -> datetime:
    """The time in UTC, without a fraction: RSS has none, and the formats have to agree."""
    return moment.astimezone(UTC).replace(microsecond=0)
