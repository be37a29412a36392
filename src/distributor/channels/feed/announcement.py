"""Announcement: what a rendition of this kind says, as typed values instead of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from distributor.channels.feed.entry import FeedItem
from distributor.channels.feed.feed import Feed, Masthead
from distributor.domain.rendition import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Entries, newest first, and the titles of the feeds they go to by their keys.

    As a payload: ``{"site": …, "feeds": [{"key", "title", "path"}, …], "entries": […]}``.
    """

    masthead: Masthead
    titles: Mapping[str, str]
    entries: tuple[FeedItem, ...]

    def entries_for(self, key: str) -> list[FeedItem]:
        """Those that belong to the feed `key`."""
        return [entry for entry in self.entries if key in entry.feed_keys]

    def feed_of(self, key: str, entries: Iterable[FeedItem]) -> Feed:
        """The feed `key` with these entries."""
        return Feed(key=key, title=self.titles[key], masthead=self.masthead, entries=tuple(entries))

    def as_payload(self) -> dict[str, Json]:
        return {
            "site": self.masthead.as_json(),
            "feeds": [{"key": key, "title": title, "path": f"feeds/{key}"} for key, title in self.titles.items()],
            "entries": [entry.as_json() for entry in self.entries],
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Json]) -> Announcement:
        """The announcement that `as_payload` gave `payload` for."""
        return cls(
            masthead=Masthead.from_json(payload["site"]),
            titles={feed["key"]: feed["title"] for feed in payload["feeds"]},
            entries=tuple(FeedItem.from_json(stored) for stored in payload["entries"]),
        )


def newest_first(entries: Sequence[FeedItem]) -> tuple[FeedItem, ...]:
    """The order of a published collection: by time of publication, equal times by GUID."""
    by_guid = sorted(entries, key=lambda entry: entry.guid)
    return tuple(sorted(by_guid, key=lambda entry: entry.published_at, reverse=True))
