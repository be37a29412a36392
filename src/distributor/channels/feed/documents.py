"""The three documents of a feed, with as many entries as the limit of bytes allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from distributor.channels.api import PublishedDocument
from distributor.channels.feed.feed import Feed, path_of
from distributor.channels.feed.json_feed import json_feed_of
from distributor.channels.feed.xml_feeds import ATOM_TYPE, RSS_TYPE, atom_of, rss_of


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """A feed format: the extension of its address, its name as a file of its own, its media type, what writes it."""

    extension: str
    file_name: str
    media_type: str
    write: Callable[[Feed], bytes]


RSS = FeedFormat("rss", "rss.xml", f"{RSS_TYPE}; charset=utf-8", rss_of)
ATOM = FeedFormat("atom", "atom.xml", f"{ATOM_TYPE}; charset=utf-8", atom_of)
JSON = FeedFormat("json", "feed.json", "application/feed+json; charset=utf-8", json_feed_of)
FORMATS = (RSS, ATOM, JSON)


def documents_of(feed: Feed, *, max_bytes: int) -> list[PublishedDocument]:
    """The feed in every format, without its oldest entries where any format would exceed `max_bytes`.

    The newest entry stays, however big it is; all formats hold the same entries.
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
