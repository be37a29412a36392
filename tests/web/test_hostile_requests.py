"""Requests that no browser and no honest program sends: each is refused or read, and none is an error of ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from distributor.domain.api_token import TokenScope, secret_of
from distributor.domain.tokens import Purpose
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import api_tokens, channels, user_sessions
from distributor.web.app import create_app
from distributor.web.config import WebConfig
from tests.channels.email.providers import webhook_requests as calls
from tests.conftest import IS_THOROUGH

from .samples import SentMail, WriteArticle

PROMPT = WebConfig(answer_after=timedelta())
CONSENT = {"text": "On paper.", "ip_address": "203.0.113.7"}
AUDIENCE = {"lists": ["weekly"], "segments": ["weekly"]}
CONDITION = {"kind": "attribute", "path": ["city"], "is": ["Graz"]}
# A valid body of every operation that takes JSON; the parts of each are replaced one by one.
CLOSED_RELAY = "smtp://127.0.0.1:1"
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/subscribers"): {
        "email": "bo@example.org",
        "name": "Bo",
        "language": "de",
        "zone": "Europe/Vienna",
        "attributes": {"city": "Graz", "orders": 3, "deep": [{"a": "b"}]},
        "tags": ["vip"],
        "lists": ["weekly"],
        "consent": CONSENT,
    },
    ("PATCH", "/v1/subscribers/{subscriber}"): {"name": "Ada", "attributes": {"a": "b"}, "tags": ["x"]},
    ("POST", "/v1/subscribers/{subscriber}/suppress"): {"reason": "manual", "note": "Asked by phone."},
    ("POST", "/v1/subscribers/{subscriber}/merge"): {"other": "2"},
    ("PUT", "/v1/subscribers/{subscriber}/memberships/{slug}"): {"consent": CONSENT},
    ("PATCH", "/v1/subscribers/{subscriber}/memberships/{slug}"): {"topics": ["sport"]},
    ("POST", "/v1/sign-ups"): {"email": "cy@example.org", "lists": {"weekly": ["sport"]}, "page": "https://x.example"},
    ("POST", "/v1/lists"): {"name": "Daily", "topics": ["sport"], "sender": "A <a@example.org>", "footer": "Bye."},
    ("PATCH", "/v1/lists/{slug}"): {"name": "Weekly", "sender": "A <a@example.org>", "footer": "Bye."},
    ("PUT", "/v1/lists/{slug}/topics"): {"topics": ["sport"]},
    ("POST", "/v1/segments"): {"name": "Graz", "slug": "graz", "condition": CONDITION},
    ("POST", "/v1/segments/parse"): {"condition": "attributes.city = 'Graz'"},
    ("POST", "/v1/segments/count"): {"condition": CONDITION},
    ("POST", "/v1/segments/sample"): {"condition": CONDITION, "limit": 3},
    ("PATCH", "/v1/segments/{slug}"): {"name": "Weekly", "condition": "tag = vip"},
    ("POST", "/v1/suppressions"): {"targets": ["cy@example.org"], "note": "x"},
    ("POST", "/v1/suppressions/check"): {"emails": ["cy@example.org"]},
    ("POST", "/v1/suppressions/remove"): {"targets": ["cy@example.org"], "reasons": ["manual"]},
    ("POST", "/v1/sources"): {"kind": "feed", "settings": {"url": "https://a.example/f"}, "interval_seconds": 60},
    ("POST", "/v1/sources/try"): {"kind": "web_hook", "settings": {"secret": "one that nobody can guess"}},
    ("PATCH", "/v1/sources/{source}"): {"settings": {}, "publishing": "new", "unset": [], "interval_seconds": 60},
    ("PUT", "/v1/channels/{channel}"): {"kind": "email", "settings": {"smtp_url": CLOSED_RELAY, "connections": 5}},
    ("PATCH", "/v1/channels/{channel}"): {
        "settings": {"smtp_url": CLOSED_RELAY, "list_name": "A"},
        "unset": ["sender"],
    },
    ("POST", "/v1/channels/{channel}/test"): {"to": "me@example.org"},
    ("POST", "/v1/articles"): {
        "title": "The news",
        "markdown": "It *happened*.",
        "summary": "What happened.",
        "author": "Ada",
        "language": "de",
        "tags": ["Graz"],
        "image": "https://x.example/a.png",
        "image_alt": "A picture",
    },
    ("PATCH", "/v1/articles/{slug}"): {"revision": 1, "title": "The news", "markdown": "Again.", "tags": ["Graz"]},
    ("PATCH", "/v1/tags/{slug}"): {
        "label": "Graz",
        "hashtag": "Graz",
        "parent": "weekly",
        "add_synonyms": ["Gratz"],
        "remove_synonyms": ["Grätz"],
    },
    ("POST", "/v1/tags/{slug}/merge"): {"into": "local-news"},
    ("POST", "/v1/articles/{slug}/publish"): {"at": "2030-01-01T00:00:00Z"},
    ("POST", "/v1/campaigns/audience"): {"articles": ["the-news"], "audience": AUDIENCE},
    ("POST", "/v1/campaigns"): {
        "name": "One",
        "articles": ["the-news"],
        "channels": ["mail"],
        "audience": AUDIENCE,
        "at": "2030-01-01T00:00:00Z",
        "times": {"mail": "2030-01-01T00:00:00Z"},
        "zone": "Europe/Vienna",
        "subject": "Hello {{ subscriber.name }}",
        "greeting": "Hello",
    },
    ("PATCH", "/v1/campaigns/{campaign_id}"): {
        "version": 1,
        "name": "Two",
        "articles": ["the-news"],
        "channels": ["mail"],
        "audience": AUDIENCE,
        "at": "2030-01-01T00:00:00Z",
        "times": {"mail": "+1h"},
        "zone": "Europe/Vienna",
        "subject": "Hello {{ subscriber.name }}",
        "channel_options": {"mail": {"greeting": "Hello", "cut_after": 3}},
        "on_change": "wait",
    },
    ("POST", "/v1/campaigns/{campaign_id}/review"): {"links": False},
    ("POST", "/v1/campaigns/{campaign_id}/approve"): {"version": 1},
    ("POST", "/v1/campaigns/{campaign_id}/schedule"): {
        "at": "2030-01-01T00:00:00Z",
        "times": {"mail": "+1h"},
        "zone": "Europe/Vienna",
        "without": ["feed"],
        "version": 1,
    },
    ("POST", "/v1/campaigns/{campaign_id}/reschedule"): {"at": "2030-01-01T00:00:00Z", "zone": "UTC", "version": 1},
    ("POST", "/v1/campaigns/{campaign_id}/resume"): {"without": ["mail"]},
    ("POST", "/v1/campaigns/{campaign_id}/retry-failed"): {"channels": ["mail"], "reasons": ["mailboxfull"]},
    ("POST", "/v1/campaigns/{campaign_id}/test"): {
        "channel": "mail",
        "to": ["me@example.org"],
        "as_subscriber": "robin@example.org",
        "via": "mail",
        "group": 1,
    },
    ("POST", "/v1/campaigns/{campaign_id}/settle-unknown"): {
        "as": "sent",
        "reason": "In the log.",
        "channels": ["mail"],
        "expected": 1,
    },
    ("POST", "/v1/campaigns/{campaign_id}/comments"): {"text": "Wrong.", "kind": "comment", "tell": ["a@example.org"]},
    ("POST", "/v1/deliveries/{delivery_id}/settle"): {"as": "sent", "reason": "In the log.", "epoch": 1},
    ("POST", "/v1/test-groups"): {"name": "Editors", "addresses": ["a@example.org"]},
    ("PUT", "/v1/test-groups/{group_id}"): {"name": "Editors", "addresses": ["a@example.org"], "version": 1},
}
_Value = TypeVar("_Value")
VALUES = {
    "lone surrogate": "a\ud800b",
    "NUL": "a\0b",
    "huge number": 10**4000,
    "huge float": 1e308,
    "infinity": float("inf"),
    "negative": -(2**63) - 1,
    "list": [["x"] * 50],
    "null": None,
    "long": "x" * 200_000,
    "controls": "\x1b[2J\u202e\u2028\x7f",
    "object": {"\ud800": "\0"},
}
RAW_BODIES = {
    "empty": b"",
    "truncated": b'{"name": ',
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "huge number": b'{"name": ' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"limit": 1e999999}',
    "duplicate keys": b'{"name": "a", "name": "\\ud800"}',
    "raw surrogate": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "UTF-32": '{"name": "a"}'.encode("utf-32"),
    "Latin-1": b'{"name": "\xe9"}',
    "BOM": b'\xef\xbb\xbf{"name": "a"}',
    "NaN": b'{"name": NaN}',
    "text": b'"text"',
    "null": b"null",
}
FORMS = {
    "NUL": (b"email=ada%00@example.org&name=%00&lists=%00&topics=%00", "application/x-www-form-urlencoded"),
    "surrogate": (b"email=%ED%A0%80@example.org&name=%ED%A0%80", "application/x-www-form-urlencoded"),
    "many": (b"a&" * 30_000, "application/x-www-form-urlencoded"),
    "wrong charset": (b"email=%FF%FE", "application/x-www-form-urlencoded; charset=utf-16"),
    "no boundary": (b"--x\r\n\r\n", "multipart/form-data"),
    "broken multipart": (b"--x\r\nContent-Disposition: form-data\r\n\r\na", "multipart/form-data; boundary=x"),
    "no multipart": (b"email=a", "multipart/form-data; boundary=x"),
    "JSON": (b'{"email": "a@example.org"}', "application/json"),
    "odd type": (b"email=a", "\x85/;;="),
}
CHARSETS = (
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
    "idna",
    "punycode",
    "undefined",
    "base64",
    "\xff",
    "x" * 999,
)
JSON = {"Content-Type": "application/json"}
HEADERS = (
    "Accept-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "X-Forwarded-For",
)
HEADER_VALUES = (b"\xff\xfe", b"9" * 5000, b',;="', b'W/"' * 2000, b"bytes=9-1,-,0-" + b"9" * 500)
QUERIES = (
    "%00",
    "%ED%A0%80",
    "%FF%FE",
    "9" * 5000,
    "1e999",
    "-1",
    "%5B" * 5000,
    quote("\u202e\x1b\x7f"),
    quote("' OR 1=1 --"),
)


def some(values: Iterable[_Value], at: int) -> list[_Value]:
    """A third of the values, another for each place; all of them in a thorough run."""
    return list(values) if IS_THOROUGH else list(values)[at % 3 :: 3]


@pytest.fixture
def client(app: AppContext, sent_mail: SentMail, write_article: WriteArticle) -> Iterator[TestClient]:
    """A client that may do everything, in a house with something of every kind."""
    secret = secret_of(b"x" * 32)
    write_article()
    with app.database.begin() as connection:
        sealed = app.vault.seal({"events_secret": calls.POSTMARK_LOGIN})
        channels.save(connection, name="hook", kind="email", settings={"events_from": "postmark"}, sealed=sealed)
        api_tokens.add(connection, secret, name="all", scopes=[TokenScope.EVERYTHING], expires_at=None, now=app.clock())
    with TestClient(create_app(app, PROMPT), follow_redirects=False, raise_server_exceptions=False) as running:
        running.headers["Authorization"] = f"Bearer {secret}"
        for path, body in (
            ("segments", {"name": "Weekly", "condition": "everyone"}),
            ("subscribers", {"email": "ada@example.org", "lists": ["weekly"], "consent": CONSENT}),
            ("subscribers", {"email": "eve@example.org"}),
            ("suppressions", {"targets": ["dan@example.org"]}),
        ):
            assert running.post(f"/api/v1/{path}", json=body).is_success
        running.headers["Sec-Fetch-Site"] = "same-origin"
        running.cookies.set("distributor_session", session_of_owner(app))
        assert running.patch("/api/v1/lists/weekly", json={"visibility": "public"}).is_success
        assert running.put("/api/v1/lists/weekly/topics", json={"topics": ["sport"]}).is_success
        yield running


def session_of_owner(app: AppContext) -> str:
    """The token of a session of an owner, who is user 1; user 2 is a viewer."""
    user, _ = (
        accounts.create_user(app, email=f"{role}@example.org", name="", role=role, actor=Actor(name="cli:test"))[0]
        for role in (Role.OWNER, Role.VIEWER)
    )
    with app.database.begin() as connection:
        user_sessions.add(connection, "token", user_id=user.id, ip_address="", user_agent="", now=app.clock())
    return "token"


PARAMETERS = {
    # Not those of whoever asks, who would be signed out.
    "user_id": "2",
    "session_id": "2",
    "slug": "weekly",
    "tag_slug": "local-news",
    "channel": "hook",
    "source": "site",
    "kind": "feed",
    "extension": "rss",
    "tab": "web",
    "view": "html",
    "screen": "desktop",
    "selector": "a",
    "digest": "0",
    **dict.fromkeys(("campaign_id", "delivery_id", "import_id", "suppression_id", "subscriber"), "1"),
    **dict.fromkeys(
        ("article_id", "channel_id", "dispatch_id", "draft_id", "group_id", "item_id", "subscriber_id"), "1"
    ),
}
PURPOSES = {
    "confirm": Purpose.CONFIRM,
    "unsubscribe": Purpose.UNSUBSCRIBE,
    "preferences": Purpose.PREFERENCES,
    "o": Purpose.OPEN,
    "c": Purpose.CLICK,
    "view": Purpose.VIEW,
}


class Refusals:
    """Sends requests and collects the ones that end as an error of ours."""

    def __init__(self, client: TestClient, mail: SentMail) -> None:
        self._client = client
        self._mail = mail
        self.errors: list[str] = []

    def send(self, method: str, path: str, what: str, **request: Any) -> None:
        purpose = PURPOSES.get(path.split("/")[1])
        token = self._mail.token(purpose) if purpose else ""
        filled = path.format_map({**PARAMETERS, "token": token, "name": "a.png"})
        query = request.pop("query", "")
        status = self._client.request(method, f"{filled}{query}", **request).status_code
        if status >= 500:
            self.errors.append(f"{method} {path} {what}: {status}")


@pytest.fixture
def refusals(client: TestClient, sent_mail: SentMail) -> Refusals:
    return Refusals(client, sent_mail)


def routes(client: TestClient, *methods: str) -> list[tuple[str, str]]:
    """Method and path of every route with one of these methods."""
    app: Any = client.app
    public = [
        (method, route.path) for route in app.routes if isinstance(route, Route) for method in route.methods or ()
    ]
    api = [(method.upper(), f"/api{path}") for path, known in description(client).items() for method in known]
    team = [
        (method, f"/app{route.path}".rstrip("/"))
        for mount in app.routes
        if isinstance(mount, Mount) and mount.path == "/app"
        for route in mount.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    ]
    assert len(team) > 20
    # Without the end of the session, and a stream that lasts as long as its campaign (see test_live.py).
    without = ("/readyz", "/app/sign-out", "/app/campaigns/{campaign_id}/live")
    paths = {one for one in public + api + team if one[1] not in without}
    return sorted(one for one in paths if one[0] in methods)


def description(client: TestClient) -> Any:
    return client.get("/api/openapi.json").json()["paths"]


def replaced(value: Any, new: Any) -> Iterator[Any]:
    """`value` with each of its parts replaced in turn, and with a member more."""
    yield new
    if isinstance(value, dict):
        for name, member in value.items():
            yield from ({**value, name: changed} for changed in replaced(member, new))
        if isinstance(new, str):
            yield {**value, new: new}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in replaced(item, new))


def test_every_operation_with_a_json_body_is_among_the_tried(client: TestClient) -> None:
    found = {
        (method.upper(), path)
        for path, operations in description(client).items()
        for method, operation in operations.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert found == set(BODIES)


def test_the_bodies_are_valid_before_anything_in_them_is_replaced(client: TestClient) -> None:
    for (method, path), body in BODIES.items():
        response = client.request(method, f"/api{path}".format_map(PARAMETERS), json=body)
        assert response.status_code != 422, (method, path, response.text)


@pytest.mark.parametrize("what", VALUES)
def test_no_value_in_a_body_is_an_error_of_ours(client: TestClient, refusals: Refusals, what: str) -> None:
    for at, ((method, path), body) in enumerate(BODIES.items()):
        for changed in some(replaced(body, VALUES[what]), at):
            refusals.send(method, f"/api{path}", what, content=json.dumps(changed), headers=JSON)
    assert refusals.errors == []


def test_no_body_is_an_error_of_ours(client: TestClient, refusals: Refusals) -> None:
    tried = routes(client, "POST", "PUT", "PATCH")
    assert len(tried) > 35
    for at, (method, path) in enumerate(tried):
        headers = {**JSON, "Authorization": calls.postmark({}).headers["authorization"]} if "webhooks" in path else JSON
        for what, body in some(RAW_BODIES.items(), at):
            refusals.send(method, path, what, content=body, headers=headers)
    assert refusals.errors == []


def test_no_form_is_an_error_of_ours(client: TestClient, refusals: Refusals) -> None:
    for at, (method, path) in enumerate(routes(client, "POST")):
        for what, (body, media_type) in some(FORMS.items(), at):
            refusals.send(method, path, what, content=body, headers={b"Content-Type": media_type.encode("latin-1")})
        for charset in some(CHARSETS, at):
            part = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\\ud800\\x00\xff+AAA-\r\n--x--\r\n'
            odd = {b"Content-Type": f"multipart/form-data; boundary=x; charset={charset}".encode("latin-1")}
            refusals.send(method, path, charset, content=part, headers=odd)
    assert refusals.errors == []


def test_no_query_is_an_error_of_ours(client: TestClient, refusals: Refusals) -> None:
    described = description(client)
    for at, (method, path) in enumerate(routes(client, "GET", "POST", "DELETE")):
        operation = described.get(path.removeprefix("/api"), {}).get(method.lower(), {})
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        for name in names or ["page"]:
            for value in some(QUERIES, at):
                query = f"?list=weekly&basis=x&{name}={value}" if "imports" in path else f"?{name}={value}"
                refusals.send(method, path, f"{name}={value[:20]}", query=query)
    assert refusals.errors == []


def test_no_header_is_an_error_of_ours(client: TestClient, refusals: Refusals) -> None:
    for at, (method, path) in enumerate(routes(client, "GET", "POST")):
        for value in some(HEADER_VALUES, at):
            refusals.send(method, path, f"headers {value[:9]!r}", headers=dict.fromkeys(HEADERS, value))
    for value in HEADER_VALUES:
        refusals.send("GET", "/api/v1/lists", f"Authorization {value[:9]!r}", headers={"Authorization": value})
    assert refusals.errors == []
