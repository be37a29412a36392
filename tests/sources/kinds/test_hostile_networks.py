"""Whatever a server answers in place of posts, there are items, unreadable ones, or an error of the source."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from distributor.domain.errors import SourceError
from distributor.guarded_http import FetchedResponse
from distributor.sources.kinds.api import Reading
from distributor.sources.kinds.registry import make_source
from distributor.testing.scripted_server import RecordedRequest, Reply
from tests.flow.articles.bluesky_server import BlueskyServer, facet
from tests.flow.articles.mastodon_server import MastodonServer
from tests.flow.articles.source_harness import NOON

# What stands where a server should have something else.
_INSTEAD: list[Any] = [None, True, 0, -1, 10**30, 1.5, "", "\0", "x" * 50, "<p>", [], {}, [[]], [None], {"a": {}}]


def mastodon() -> MastodonServer:
    made = MastodonServer()
    made.post(1, "<p>Words <a class='hashtag'>#one</a></p>", tags=[{"name": "one"}], emojis=[{"shortcode": "cat"}])
    made.post(2, "<p>More</p>", reply_to=1, media_attachments=[{"type": "image", "url": "https://a.example/1.png"}])
    made.post(3, "<p>Further</p>", reply_to=99)
    inner = copy.deepcopy(made.statuses[1])
    made.post(4, "", reblog=inner, poll={"options": [{"title": "a"}]}, quote={"quoted_status": inner})
    return made


def bluesky() -> BlueskyServer:
    made = BlueskyServer()
    made.post(1, "Words #one", facets=[facet("Words #one", "#one", tag="one")], langs=["en"], labels=("a",))
    image = {"fullsize": "https://a.example/1", "alt": "A"}
    made.post(2, "More", reply_to=1, embed={"$type": "app.bsky.embed.images#view", "images": [image]})
    made.post(3, "Further", reply_to=99)
    quoted = {"$type": "app.bsky.embed.record#viewRecord", "uri": "at://a/app.bsky.feed.post/1", "value": {"text": "x"}}
    quoted["author"] = dict(made.entries[1]["post"]["author"])
    made.post(4, "Quote", embed={"$type": "app.bsky.embed.record#view", "record": quoted})
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "indexedAt": "2026-06-01T11:00:00.000Z"}
    made.post(5, "Shared", reason=reason)
    return made


def spoil(said: Any, seed: random.Random) -> Any:
    """The same answer with something else at one of its places."""
    place = said
    while isinstance(place, dict | list) and place:
        key = seed.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if seed.random() < 0.3 or not isinstance(place[key], dict | list) or not place[key]:
            place[key] = copy.deepcopy(seed.choice(_INSTEAD))
            return said
        place = place[key]
    return seed.choice(_INSTEAD)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("mastodon", {"account": "@ada@social.example", "include_replies": True, "include_boosts": True}),
        ("bluesky", {"account": "ada.bsky.social", "include_replies": True, "include_reposts": True}),
    ],
)
def test_spoiled_answers_are_items_or_errors_of_the_source(kind: str, settings: Mapping[str, Any]) -> None:
    seed, found = random.Random(7), 0
    for _ in range(400):
        server = mastodon() if kind == "mastodon" else bluesky()

        def fetch(address: str, headers: Mapping[str, str], limit: int, server: Any = server) -> FetchedResponse:
            path, _, query = address.partition("?")
            pairs = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
            asked = RecordedRequest(
                method="GET", path=f"/{path.split('/', 3)[3]}", query=pairs, headers=headers, raw_body=b""
            )
            reply = Reply(400)
            # It is asked for what another answer of it said.
            with suppress(ValueError, KeyError):
                reply = server.route(asked)
            said = spoil(copy.deepcopy(reply.body), seed) if seed.random() < 0.5 else reply.body
            return FetchedResponse(url=address, status=reply.status, headers={}, body=json.dumps(said).encode()[:limit])

        reading = Reading(fetch=fetch, article_of=lambda address: pytest.fail(address), now=NOON)
        with suppress(SourceError):
            found += len(list(make_source(kind, settings).read(reading)))
            json.dumps(reading.cursor_after)
    assert found > 200
