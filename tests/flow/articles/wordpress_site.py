"""A WordPress site on a socket, as far as its REST API gives posts: pages, selections, fields, errors."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from distributor.testing.scripted_server import RecordedRequest, Reply, Step

JSON = {"Content-Type": "application/json; charset=UTF-8"}
# The clock of the site is ahead of UTC by so much.
OFFSET = timedelta(hours=2)


def post(number: int, title: str = "A post", html: str = "<p>Text.</p>", **other: Any) -> dict[str, Any]:
    """A post as the API gives it, with times in UTC as `date` and `modified`."""
    date = datetime.fromisoformat(other.pop("date", "2026-05-04T10:00:00"))
    modified = datetime.fromisoformat(other.pop("modified", date.isoformat()))
    is_protected = other.pop("protected", False)
    return {
        "id": number,
        "date": (date + OFFSET).isoformat(),
        "date_gmt": date.isoformat(),
        "modified": (modified + OFFSET).isoformat(),
        "modified_gmt": modified.isoformat(),
        "slug": f"post-{number}",
        "link": f"https://site.example/post-{number}/",
        "title": {"rendered": title},
        "content": {"rendered": "" if is_protected else html, "protected": is_protected},
        "excerpt": {"rendered": "<p>Text.</p>\n", "protected": is_protected},
        "_embedded": {},
        **other,
    }


def refused(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error of WordPress."""
    return Reply(status, {"code": code, "message": message, "data": {"status": status}}, {**JSON, **headers})


@dataclass(slots=True)
class WordPressSite:
    """Posts, and how the site deviates from what it should answer."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    root: str = "/wp-json/"
    names_api: bool = True
    # In place of its answers, if it gives a step.
    instead: Callable[[RecordedRequest], Step | None] = lambda _: None
    says_total: Callable[[int], str] = str
    knows_modified_after: bool = True
    before_json: bytes = b""
    is_compressed: bool = False
    has_feed: bool = False
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        if (step := self.instead(request)) is not None:
            return step
        if request.path == "/" and "rest_route" not in request.query:
            return self._front_page()
        path = request.query.get("rest_route", "") if "?" in self.root else request.path
        if path not in (f"{self.root}wp/v2/posts", "/wp/v2/posts"):
            return Reply(404, b"<html><title>Page not found</title></html>", {"Content-Type": "text/html"})
        self.asked.append(request.query)
        return self._posts(request.query)

    def _front_page(self) -> Reply:
        headers = {"Content-Type": "text/html"}
        if self.names_api:
            headers["Link"] = f'<{self.root}>; rel="https://api.w.org/"'
        feed = b'<link rel="alternate" type="application/rss+xml" href="/feed/">' if self.has_feed else b""
        return Reply(200, b'<!doctype html><html lang="en-US"><title>A site</title>' + feed, headers)

    def _posts(self, query: Mapping[str, str]) -> Reply:
        found = self.posts
        if "include" in query:
            found = [one for one in found if str(one["id"]) in query["include"].split(",")]
        if "modified_after" in query and self.knows_modified_after:
            found = [one for one in found if f"{one['modified_gmt']}Z" > query["modified_after"]]
        key = {"date": "date_gmt", "modified": "modified_gmt", "id": "id"}[query.get("orderby", "date")]
        found = sorted(found, key=lambda one: str(one[key]).rjust(30), reverse=query.get("order", "desc") == "desc")
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        if page > 1 and (page - 1) * size >= len(found):
            return refused(400, "rest_post_invalid_page_number", "The page number requested is larger than that.")
        names = query["_fields"].split(",")
        shown = [{name: one[name] for name in names if name in one} for one in found[(page - 1) * size : page * size]]
        body = self.before_json + json.dumps(shown).encode()
        headers = {**JSON, "X-WP-Total": self.says_total(len(found))}
        if self.is_compressed:
            return Reply(200, gzip.compress(body), {**headers, "Content-Encoding": "gzip"})
        return Reply(200, body, headers)
