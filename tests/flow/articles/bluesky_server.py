"""A Bluesky AppView with one account whose posts tests change; it answers as the lexicons of app.bsky.feed say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from distributor.testing.scripted_server import RecordedRequest, Reply, Step
from tests.flow.articles.source_harness import NOON

ADA = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
BO = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"


def uri(number: int, did: str = ADA) -> str:
    return f"at://{did}/app.bsky.feed.post/{number:013d}"


def author(did: str = ADA) -> dict[str, Any]:
    name = "ada" if did == ADA else "bo"
    return {"did": did, "handle": f"{name}.bsky.social", "displayName": name.title(), "labels": []}


def facet(text: str, part: str, **feature: str) -> dict[str, Any]:
    """A facet over a part of a text; `feature` is link, mention or tag with its value."""
    start = text.encode().index(part.encode())
    [(kind, value)] = feature.items()
    name = {"link": "uri", "mention": "did", "tag": "tag"}[kind]
    return {
        "index": {"byteStart": start, "byteEnd": start + len(part.encode())},
        "features": [{"$type": f"app.bsky.richtext.facet#{kind}", name: value}],
    }


@dataclass(slots=True)
class BlueskyServer:
    """Entries of the feed by their numbers; `instead` is answered instead of everything."""

    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    instead: Step | None = None
    handle: str = "ada.bsky.social"

    def post(
        self,
        number: int,
        text: str,
        *,
        reply_to: int | str = "",
        root: int | str = "",
        did: str = ADA,
        embed: dict[str, Any] | None = None,
        labels: tuple[str, ...] = (),
        reason: dict[str, Any] | None = None,
        **record: Any,
    ) -> None:
        """Post something, so many minutes after a day before noon."""
        at = (NOON - timedelta(days=1) + timedelta(minutes=number)).isoformat().replace("+00:00", ".000Z")
        parent = uri(reply_to) if isinstance(reply_to, int) else reply_to
        first = uri(root) if isinstance(root, int) else root or parent
        reply = {"reply": {"root": {"uri": first, "cid": "x"}, "parent": {"uri": parent, "cid": "x"}}} if parent else {}
        self.entries[number] = {
            "post": {
                "uri": uri(number, did),
                "cid": "bafy",
                "author": author(did),
                "record": {"$type": "app.bsky.feed.post", "text": text, "createdAt": at, **reply, **record},
                "indexedAt": at,
                "likeCount": number,
                "labels": [{"src": did, "val": label} for label in labels],
                **({"embed": embed} if embed else {}),
            },
            **({"reason": reason} if reason else {}),
        }

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        if self.instead is not None:
            return self.instead
        method = request.path.removeprefix("/xrpc/")
        if method == "app.bsky.feed.getAuthorFeed":
            if request.query["actor"] not in (ADA, self.handle):
                return Reply(400, {"error": "InvalidRequest", "message": "Profile not found"})
            return Reply(200, self._feed(request.query))
        if method == "app.bsky.feed.getPostThread":
            number = next((at for at, one in self.entries.items() if one["post"]["uri"] == request.query["uri"]), None)
            if number is None:
                return Reply(400, {"error": "NotFound", "message": "Post not found"})
            return Reply(200, {"thread": self._thread(number)})
        return Reply(404, {"error": "MethodNotImplemented"})

    def _feed(self, query: Any) -> dict[str, Any]:
        numbers = sorted(self.entries, reverse=True)
        shown = [number for number in numbers if self._is_shown(self.entries[number], query["filter"])]
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        page = [self.entries[number] for number in shown[start : start + limit]]
        more = {"cursor": str(start + limit)} if start + limit < len(shown) else {}
        return {"feed": page, **more}

    def _is_shown(self, entry: dict[str, Any], kept: str) -> bool:
        """By posts_and_author_threads only answers to oneself in threads of one's own."""
        if entry.get("reason"):
            return True
        post = entry["post"]
        reply = post["record"].get("reply")
        is_own = reply is None or all(ADA in reply[name]["uri"] for name in ("root", "parent"))
        return post["author"]["did"] == ADA and (kept == "posts_with_replies" or is_own)

    def _parent(self, number: int) -> str:
        return str(self.entries[number]["post"]["record"].get("reply", {}).get("parent", {}).get("uri", ""))

    def _thread(self, number: int) -> dict[str, Any]:
        """The post with what it replies to, and with all that replies to it."""

        def below(at: int) -> dict[str, Any]:
            here = self.entries[at]["post"]["uri"]
            replies = [below(one) for one in sorted(self.entries) if self._parent(one) == here]
            return {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.entries[at]["post"], "replies": replies}

        view = below(number)
        above, at = view, number
        while parent := self._parent(at):
            found = next((one for one, entry in self.entries.items() if entry["post"]["uri"] == parent), None)
            if found is None:
                above["parent"] = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": parent, "notFound": True}
                break
            above["parent"] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.entries[found]["post"]}
            above, at = above["parent"], found
        return view
