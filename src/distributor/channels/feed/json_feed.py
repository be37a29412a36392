"""JSON Feed 1.1, written by hand after https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json

from distributor.channels.feed.entry import FeedItem, rfc3339
from distributor.channels.feed.feed import Feed
from distributor.domain.rendition import Json

_VERSION = "https://jsonfeed.org/version/1.1"


def json_feed_of(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1 in UTF-8; equal feeds give equal bytes."""
    masthead = feed.masthead
    document: dict[str, Json] = {
        "version": _VERSION,
        "title": feed.title,
        "home_page_url": masthead.home_page_url,
        "feed_url": feed.url_of("json"),
        "description": masthead.description,
        "language": masthead.language,
        "authors": [{"name": masthead.publisher}],
    }
    if masthead.icon:
        document["icon"] = masthead.icon
    if masthead.hub:
        document["hubs"] = [{"type": "WebSub", "url": masthead.hub}]
    document["items"] = [_item_of(entry) for entry in feed.entries]
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _item_of(entry: FeedItem) -> dict[str, Json]:
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
    # Without authors of its own an item has those of the feed; an empty list would say that it has none.
    if entry.authors:
        item["authors"] = [{"name": name} for name in entry.authors]
    if entry.tags:
        item["tags"] = list(entry.tags)
    return item
