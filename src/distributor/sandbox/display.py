"""Posts as readers of a network see them, gathered in threads; also what is exported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class DisplayedText:
    """A part of a post's text; with a target it is a link, and `title` is its tooltip."""

    text: str
    target: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedImage:
    """An image of a post, under a path of the sandbox."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedCard:
    """The preview of a linked page."""

    url: str
    host: str
    title: str = ""
    description: str = ""
    image: DisplayedImage | None = None

    @classmethod
    def to(cls, url: str) -> DisplayedCard:
        """The card of a page that the sandbox does not fetch: only its address."""
        return cls(url=url, host=urlsplit(url).hostname or url)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedPost:
    """One post. `text` is what its author wrote; `length` and `limit` are in the network's own counting."""

    key: str
    parent: str | None
    author: str
    handle: str
    created_at: datetime
    text: str
    spans: Sequence[DisplayedText]
    length: int
    limit: int
    url: str
    images: Sequence[DisplayedImage] = ()
    card: DisplayedCard | None = None
    warning: str = ""
    note: str = ""


Thread = tuple[DisplayedPost, ...]


def group_threads(posts: Iterable[DisplayedPost]) -> list[Thread]:
    """The posts, oldest first, gathered under the first post of each thread; newest thread first."""
    roots: dict[str, str] = {}
    threads: dict[str, list[DisplayedPost]] = defaultdict(list)
    for post in posts:
        roots[post.key] = roots.get(post.parent, post.key) if post.parent else post.key
        threads[roots[post.key]].append(post)
    return [tuple(thread) for thread in reversed(threads.values())]


def export_posts(posts: Iterable[DisplayedPost]) -> list[dict[str, Any]]:
    """The posts as plain JSON: oldest thread first, the parts of each in order."""
    return [
        {
            "id": post.key,
            "thread": thread[0].key,
            "part": number,
            "parts": len(thread),
            "in_reply_to": post.parent,
            "text": post.text,
            "length": post.length,
            "links": [span.target for span in post.spans if span.target],
            "card": post.card and {"url": post.card.url, "title": post.card.title, "text": post.card.description},
            "images": [{"path": image.path, "alt": image.alt} for image in post.images],
            "account": post.handle,
            "url": post.url,
            "created_at": post.created_at.isoformat(),
        }
        for thread in reversed(group_threads(posts))
        for number, post in enumerate(thread, start=1)
    ]
