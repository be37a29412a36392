"""Feed: what the three formats are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import quote

from distributor.channels.feed.entry import ALL, FeedItem
from distributor.domain.rendition import Json

GENERATOR = "Distributor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Masthead:
    """What all feeds of a site say about themselves. `icon` and `hub` may be empty; `public_url` has no final slash."""

    title: str
    description: str
    publisher: str
    public_url: str
    language: str
    icon: str
    hub: str

    @property
    def home_page_url(self) -> str:
        return f"{self.public_url}/"

    def title_of(self, key: str, label: str) -> str:
        """The title of the feed `key`: no two feeds of a site share one, for readers list them by title."""
        return self.title if key == ALL else f"{self.title}: {label}"

    def url_of(self, key: str, extension: str) -> str:
        """The address of the feed `key` in the format with this extension."""
        return f"{self.public_url}/{quote(path_of(key, extension))}"

    def as_json(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Masthead:
        """The masthead that `as_json` gave `stored` for."""
        return cls(**stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed with at least one entry, the newest first. `key` is ``all`` or ``tags/<slug>``."""

    key: str
    title: str
    masthead: Masthead
    entries: tuple[FeedItem, ...]

    @property
    def updated_at(self) -> datetime:
        """When an entry of the feed last changed."""
        return max(entry.updated_at for entry in self.entries)

    def url_of(self, extension: str) -> str:
        """The address of this feed in the format with this extension."""
        return self.masthead.url_of(self.key, extension)

    def newest(self, count: int) -> Feed:
        """This feed with no more than its `count` newest entries."""
        return replace(self, entries=self.entries[:count])


def path_of(key: str, extension: str) -> str:
    """Where a document of the feed `key` lies below the root of the site, as text: a slug may hold any letters."""
    return f"feeds/{key}.{extension}"
