"""Images of articles that were fetched from the web, by their addresses, so that none is fetched twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.article import MEDIA_PATH, Media
from distributor.storage import articles, tables
from distributor.storage.database import Connection

_fetched = tables.remote_images.c


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedImage:
    """The image that is stored for an address, and its size in pixels."""

    name: str
    width: int
    height: int

    @property
    def src(self) -> str:
        """The path at which articles refer to it."""
        return f"{MEDIA_PATH}{self.name}"


def find(connection: Connection, urls: Collection[str]) -> dict[str, FetchedImage]:
    """The images that are stored for these addresses; one that was not fetched yet is left out."""
    if not urls:
        return {}
    rows = connection.execute(select(tables.remote_images).where(_fetched.url.in_(urls)))
    return {row.url: FetchedImage(name=row.name, width=row.width, height=row.height) for row in rows}


def add(connection: Connection, url: str, media: Media, *, width: int, height: int, now: datetime) -> None:
    """Store the image that was fetched from an address. If another was stored meanwhile, that one stays."""
    articles.add_media(connection, [media])
    connection.execute(
        insert(tables.remote_images)
        .values(url=url, name=media.name, width=width, height=height, fetched_at=now)
        .on_conflict_do_nothing()
    )
