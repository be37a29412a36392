"""A Mastodon server with one account, as docs.joinmastodon.org describes its API, whose posts tests change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from distributor.testing.scripted_server import RecordedRequest, Reply, Step
from tests.flow.articles.source_harness import NOON

HOST = "https://social.example"
ADA = {"id": "7", "acct": "ada", "display_name": "Ada :cat:", "url": f"{HOST}/@ada", "emojis": [{"shortcode": "cat"}]}
BO = {"id": "8", "acct": "bo@other.example", "display_name": "Bo", "url": "https://other.example/@bo"}


def uri(number: int) -> str:
    return f"{HOST}/users/ada/statuses/{number}"


@dataclass(slots=True)
class MastodonServer:
    """Statuses by their numbers. `token` is asked for if it is set; `instead` is answered instead of everything."""

    statuses: dict[int, dict[str, Any]] = field(default_factory=dict)
    token: str = ""
    instead: Step | None = None
    account: dict[str, Any] = field(default_factory=lambda: dict(ADA))

    def post(self, number: int, html: str, *, reply_to: int | None = None, **fields: Any) -> None:
        """Post a status, so many minutes after a day before noon."""
        at: datetime = NOON - timedelta(days=1) + timedelta(minutes=number)
        self.statuses[number] = {
            "id": str(number),
            "uri": uri(number),
            "url": f"{HOST}/@ada/{number}",
            "account": dict(ADA),
            "created_at": at.isoformat().replace("+00:00", ".000Z"),
            "edited_at": None,
            "visibility": "public",
            "language": "en",
            "spoiler_text": "",
            "sensitive": False,
            "content": html,
            "in_reply_to_id": str(reply_to) if reply_to is not None else None,
            "in_reply_to_account_id": "7" if reply_to is not None else None,
            "reblog": None,
            "media_attachments": [],
            "tags": [],
            "emojis": [],
            "poll": None,
            "card": None,
            "favourites_count": number,
            **fields,
        }

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        if self.instead is not None:
            return self.instead
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error": "This method requires an authenticated user"})
        parts = request.path.removeprefix("/api/v1/").split("/")
        match parts:
            case ["accounts", "lookup"]:
                known = request.query.get("acct") == "ada"
                return Reply(200, self.account) if known else Reply(404, {"error": "Record not found"})
            case ["accounts", "7", "statuses"]:
                return Reply(200, self._page(request.query))
            case ["statuses", number, "context"] if int(number) in self.statuses:
                return Reply(200, self._context(int(number)))
        return Reply(404, {"error": "Record not found"})

    def _page(self, query: Any) -> list[dict[str, Any]]:
        found = [self.statuses[number] for number in sorted(self.statuses, reverse=True)]
        before = int(query.get("max_id", 10**9))
        shown = [one for one in found if int(one["id"]) < before and one["account"]["id"] == "7"]
        if query.get("exclude_replies") == "true":
            shown = [one for one in shown if one["in_reply_to_account_id"] in (None, "7")]
        if query.get("exclude_reblogs") == "true":
            shown = [one for one in shown if one["reblog"] is None]
        return shown[: int(query["limit"])]

    def _context(self, number: int) -> dict[str, Any]:
        ancestors: list[dict[str, Any]] = []
        above = self.statuses[number]["in_reply_to_id"]
        while above is not None and int(above) in self.statuses:
            ancestors.insert(0, self.statuses[int(above)])
            above = ancestors[0]["in_reply_to_id"]
        below, descendants = {str(number)}, []
        for one in (self.statuses[at] for at in sorted(self.statuses)):
            if one["in_reply_to_id"] in below:
                below.add(one["id"])
                descendants.append(one)
        return {"ancestors": ancestors, "descendants": descendants}
