"""What a reader sees of a network: posts made of pieces of text, in threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A run of a post's text; with a target it is a link, and `title` says where to."""

    text: str
    target: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedImage:
    """An image of a post, under a path of the sandbox."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCard:
    """The preview of a linked page."""

    url: str
    host: str
    title: str = ""
    description: str = ""
    picture: DisplayedImage | None = None

    @classmethod
    def to(cls, url: str) -> LinkCard:
        """The bare card of a page that the sandbox does not fetch."""
        return cls(url=url, host=urlsplit(url).hostname or url)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedPost:
    """One post. `text` is what its author wrote; `length` and `limit` are in the network's own measure."""

    key: str
    parent: str | None
    author: str
    handle: str
    created_at: datetime
    text: str
    pieces: Sequence[TextSpan]
    length: int
    limit: int
    url: str
    pictures: Sequence[DisplayedImage] = ()
    card: LinkCard | None = None
    warning: str = ""
    note: str = ""


Thread = tuple[DisplayedPost, ...]


def permalink(path: str, service: str, key: str) -> Route:
    """A route for readers at the network's own form of a post's address, which leads to the post on the page.

    `path` and `key` may name the route's parameters in braces.
    """

    async def lead(request: Request) -> Response:
        return RedirectResponse(f"/{service}-timeline#post-{key.format_map(request.path_params)}")

    return Route(path, lead)


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
            "links": [piece.target for piece in post.pieces if piece.target],
            "card": post.card and {"url": post.card.url, "title": post.card.title, "text": post.card.description},
            "images": [{"path": picture.path, "alt": picture.alt} for picture in post.pictures],
            "account": post.handle,
            "url": post.url,
            "created_at": post.created_at.isoformat(),
        }
        for thread in reversed(group_threads(posts))
        for number, post in enumerate(thread, start=1)
    ]
