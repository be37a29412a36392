"""A site on a socket whose posts tests write, change and take away: its feed answers conditional requests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from distributor.testing.scripted_server import RecordedRequest, Reply, Step


@dataclass(slots=True)
class Post:
    """A post of the site. `published` is a date of RFC 2822."""

    guid: str
    title: str
    html: str
    published: str = ""
    tags: tuple[str, ...] = ()
    link: str = ""
    description: str = ""


@dataclass(slots=True)
class ContentSite:
    """Posts, the newest first, and what the server is to answer instead of its feed, if anything."""

    posts: list[Post] = field(default_factory=list)
    instead: Step | None = None
    headers: dict[str, str] = field(default_factory=dict)
    not_modified: int = 0
    served: int = 0

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        if request.path == "/robots.txt":
            return Reply(404)
        if self.instead is not None:
            return self.instead
        body = self.rss().encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            self.not_modified += 1
            return Reply(304, b"", {"ETag": etag, **self.headers})
        self.served += 1
        return Reply(200, body, {"Content-Type": "application/rss+xml", "ETag": etag, **self.headers})

    def rss(self) -> str:
        """The feed of the posts."""
        items = "".join(map(_item, self.posts))
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
            'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>A site</title>'
            f"<link>https://site.example/</link><description>-</description><language>en</language>{items}"
            "</channel></rss>"
        )


def _item(post: Post) -> str:
    parts = [
        f"<title>{escape(post.title)}</title>" if post.title else "",
        f'<guid isPermaLink="false">{escape(post.guid)}</guid>' if post.guid else "",
        f"<link>{escape(post.link)}</link>" if post.link else "",
        f"<pubDate>{post.published}</pubDate>" if post.published else "",
        f"<description>{escape(post.description)}</description>" if post.description else "",
        f"<content:encoded>{escape(post.html)}</content:encoded>" if post.html else "",
        *(f"<category>{escape(tag)}</category>" for tag in post.tags),
    ]
    return f"<item>{''.join(parts)}</item>"
