"""The documents of a feed: RSS 2.0, Atom and JSON Feed 1.1, with as many entries as the size limit allows."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from distributor.channels.api import PublishedDocument
from distributor.channels.feed.feed import Feed, FeedEntry, path_of, rfc3339
from distributor.channels.feed.xml_feeds import ATOM_TYPE, RSS_TYPE, write_atom, write_rss
from distributor.domain.rendition import Json

_JSON_FEED_VERSION = "https://jsonfeed.org/version/1.1"


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """A feed format: its name, extension in URLs, name of its file in `files`, media type and writer."""

    title: str
    extension: str
    file_name: str
    media_type: str
    write: Callable[[Feed], bytes]


def write_json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1 in UTF-8; equal feeds give equal bytes."""
    metadata = feed.metadata
    document: dict[str, Json] = {
        "version": _JSON_FEED_VERSION,
        "title": feed.title,
        "home_page_url": metadata.home_page_url,
        "feed_url": feed.url_of("json"),
        "description": metadata.description,
        "language": metadata.language,
        "authors": [{"name": metadata.publisher}],
    }
    if metadata.icon:
        document["icon"] = metadata.icon
    if metadata.favicon:
        document["favicon"] = metadata.favicon
    if metadata.hub:
        document["hubs"] = [{"type": "WebSub", "url": metadata.hub}]
    document["items"] = [_item_of(entry) for entry in feed.entries]
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _item_of(entry: FeedEntry) -> dict[str, Json]:
    item: dict[str, Json] = {"id": entry.guid, "url": entry.url}
    if entry.title:
        item["title"] = entry.title
    item |= {"summary": entry.summary, "content_html": entry.content_html}
    if entry.image:
        item["image"] = entry.image.url
    item |= {
        "date_published": rfc3339(entry.published_at),
        "date_modified": rfc3339(entry.updated_at),
        "language": entry.language,
    }
    # Without authors of its own an item has those of the feed; an empty list would mean that it has none.
    if entry.authors:
        item["authors"] = [{"name": name} for name in entry.authors]
    if entry.tags:
        item["tags"] = list(entry.tags)
    return item


RSS = FeedFormat("RSS", "rss", "rss.xml", f"{RSS_TYPE}; charset=utf-8", write_rss)
ATOM = FeedFormat("Atom", "atom", "atom.xml", f"{ATOM_TYPE}; charset=utf-8", write_atom)
JSON = FeedFormat("JSON Feed", "json", "feed.json", "application/feed+json; charset=utf-8", write_json_feed)
FORMATS = (RSS, ATOM, JSON)


def build_documents(feed: Feed, *, max_bytes: int) -> list[PublishedDocument]:
    """The feed in every format, without the oldest entries if any format would exceed `max_bytes`.

    The newest entry stays, whatever its size; all formats have the same entries.
    """
    documents = _write(feed)
    if _largest(documents) <= max_bytes:
        return documents
    counts = range(1, len(feed.entries))
    fitting = bisect_right(counts, max_bytes, key=lambda count: _largest(_write(feed.newest(count))))
    return _write(feed.newest(max(fitting, 1)))


def _write(feed: Feed) -> list[PublishedDocument]:
    return [
        PublishedDocument(
            path=path_of(feed.key, form.extension),
            media_type=form.media_type,
            body=form.write(feed),
            last_modified=feed.updated_at,
        )
        for form in FORMATS
    ]


def _largest(documents: list[PublishedDocument]) -> int:
    return max(len(document.body) for document in documents)
