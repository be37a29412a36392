"""A Ghost site on a socket, as far as its Content API gives posts: pages, filters, orders, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from distributor.testing.scripted_server import RecordedRequest, Reply, Step

KEY = "22444f78447824223cefc48062"


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def post(number: int, title: str = "A post", html: str = "<p>Text.</p>", **other: Any) -> dict[str, Any]:
    """A post as the API gives it; the last change is the publication unless it is given."""
    published = other.pop("published_at", "2026-05-04T10:00:00.000+00:00")
    return {
        "id": f"{number:024x}",
        "uuid": uuid_of(number),
        "title": title,
        "slug": f"post-{number}",
        "html": html,
        "feature_image": None,
        "feature_image_alt": None,
        "feature_image_caption": None,
        "custom_excerpt": None,
        "excerpt": "Text.",
        "canonical_url": None,
        "url": f"https://site.example/post-{number}/",
        "visibility": "public",
        "access": True,
        "published_at": published,
        "updated_at": published,
        "tags": [],
        "authors": [{"name": "Ada"}],
        **other,
    }


def refused(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error of Ghost."""
    return Reply(status, {"errors": [{"message": message, "type": "SomeError", "code": code}]}, headers)


@dataclass(slots=True)
class GhostSite:
    """Posts, and what the site answers in place of them."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    instead: Callable[[RecordedRequest], Step | None] = lambda _: None
    says_total: Callable[[int], Any] = int
    largest_page: int = 100

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        if (step := self.instead(request)) is not None:
            return step
        if request.path == "/":
            page = b'<!doctype html><link rel="alternate" type="application/rss+xml" href="/rss/">'
            return Reply(200, page + b'<meta name="generator" content="Ghost 6.2">', {"Content-Type": "text/html"})
        if request.query.get("key") != KEY:
            return refused(401, "UNKNOWN_CONTENT_API_KEY", "Unknown Content API Key")
        if request.path == "/ghost/api/content/settings/":
            return Reply(200, {"settings": {"title": "A site", "lang": "en", "locale": "en-GB"}})
        if request.path == "/ghost/api/content/posts/":
            return self._posts(request.query)
        return refused(404, "", "Resource not found")

    def _posts(self, query: Mapping[str, str]) -> Reply:
        found = self.posts
        if since := re.fullmatch(r"updated_at:>'([-\d]{10}) ([:\d]{8})'", query.get("filter", "")):
            found = [one for one in found if str(one["updated_at"])[:19] > f"{since[1]}T{since[2]}"]
        elif "filter" in query:
            named = re.fullmatch(r"uuid:\[(.*)\]", query["filter"])
            assert named is not None, query["filter"]
            found = [one for one in found if f"'{one['uuid']}'" in named[1].split(",")]
        name, direction = query.get("order", "published_at desc").split()
        found = sorted(found, key=lambda one: str(one[name]), reverse=direction == "desc")
        size, page = min(int(query.get("limit", "15")), self.largest_page), int(query.get("page", "1"))
        shown = found[(page - 1) * size : page * size]
        if "fields" in query:
            shown = [{query["fields"]: one[query["fields"]]} for one in shown]
        total = self.says_total(len(found))
        return Reply(200, {"posts": shown, "meta": {"pagination": {"page": page, "limit": size, "total": total}}})
