"""Addresses of subscribers are shown to tokens with `subscribers:read` only, whatever else a token may do."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from distributor.domain.api_token import TokenScope
from distributor.domain.campaign import DispatchState
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_people import run_import
from distributor.storage import channels, paused_routes, tables
from tests.web.samples import SentMail, WriteArticle

from .conftest import Program

# Every address that anything here holds, in any spelling.
SECRETS = ("ada", "robin", "sam@", "dan@", "bad.row", "@example.org", "@elsewhere.example")
PATHS = {
    "subscriber": "1",
    "slug": "weekly",
    "channel": "mail",
    "source": "folder",
    **dict.fromkeys(("campaign_id", "delivery_id", "group_id", "import_id", "suppression_id"), "1"),
}
OTHER_SCOPES = [scope for scope in TokenScope if scope not in (TokenScope.SUBSCRIBERS_READ, TokenScope.EVERYTHING)]
REPLY = "550 5.1.1 <ada@example.org>: Recipient address rejected"


@pytest.fixture
def _addresses_everywhere(app: AppContext, program: Program, sent_mail: SentMail) -> None:
    """Something of every kind, with addresses in every field that can hold them."""
    api = program(TokenScope.EVERYTHING)
    consent = {"text": "Asked by ada@example.org."}
    assert api.post(
        "/subscribers", json={"email": "ada@example.org", "lists": ["weekly"], "consent": consent}
    ).is_success
    condition = "email = ada@example.org or attributes.contact = 'sam@elsewhere.example'"
    assert api.post("/segments", json={"name": "Weekly", "condition": condition}).is_success
    assert api.post("/segments", json={"name": "Outer", "condition": "segment = weekly"}).is_success
    assert api.post("/suppressions", json={"targets": ["dan@example.org"], "note": "dan@example.org"}).is_success
    parameters = {"list": "weekly", "basis": "From ada@example.org.", "name": "of ada@example.org.csv"}
    assert api.post("/imports", params=parameters, content=b"email\nada@example.org\nbad.row@\n").is_success
    run_import(app, 1)
    with app.database.begin() as connection:
        connection.execute(update(tables.dispatches).values(state=DispatchState.PAUSED, reason=REPLY))
        connection.execute(update(tables.imports).values(error="line 3: 'bad.row@example.org' is wrong"))


def operations(program: Program, *methods: str) -> list[tuple[str, str]]:
    described: dict[str, Any] = program().get("/../openapi.json").json()["paths"]
    return [
        (method, path.removeprefix("/v1").format_map(PATHS))
        for path, known in described.items()
        for method in known
        if method in methods
    ]


def revealed(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text.lower()]


@pytest.mark.usefixtures("_addresses_everywhere")
def test_no_other_scope_shows_an_address_by_any_get(program: Program) -> None:
    tried = operations(program, "get")
    assert len(tried) > 20
    for scope in OTHER_SCOPES:
        api = program(scope)
        assert {path: found for _, path in tried if (found := revealed(api.get(path).text))} == {}, scope


@pytest.mark.usefixtures("_addresses_everywhere")
def test_all_other_scopes_together_show_no_address_by_any_get(program: Program) -> None:
    api = program(*OTHER_SCOPES)
    responses = {path: api.get(path) for _, path in operations(program, "get")}
    assert {path: found for path, response in responses.items() if (found := revealed(response.text))} == {}
    # What consists of addresses is refused, and everything else is there.
    refused = {path for path, response in responses.items() if response.status_code == 403}
    assert {"/suppressions", "/imports/1/bad-rows", "/privacy/1", "/subscribers", "/lists/weekly/members"} <= refused
    assert {"/segments", "/segments/weekly", "/imports", "/imports/1", "/campaigns", "/campaigns/1"} & refused == set()


@pytest.mark.usefixtures("_addresses_everywhere")
def test_with_subscribers_read_they_are_shown(program: Program) -> None:
    api = program(*OTHER_SCOPES, TokenScope.SUBSCRIBERS_READ)
    for path in (
        "/suppressions",
        "/segments/weekly",
        "/imports/1",
        "/imports/1/bad-rows",
        "/campaigns/1",
        "/privacy/1",
    ):
        assert revealed(api.get(path).text), path


@pytest.mark.usefixtures("_addresses_everywhere")
def test_writing_shows_no_address_that_the_request_does_not_hold(
    program: Program, app: AppContext, write_article: WriteArticle
) -> None:
    api = program(*OTHER_SCOPES)
    write_article()
    with app.database.begin() as connection:
        paused_routes.pause(
            connection, channels.find(connection, "mail").id, "relay", "example.org", reason=REPLY, now=app.clock()
        )
    for method, path, body in (
        ("patch", "/subscribers/1", {"name": "X"}),
        ("post", "/subscribers/1/merge", {"other": "2"}),
        ("post", "/subscribers/1/suppress", {}),
        ("put", "/subscribers/1/memberships/weekly", {"consent": {"text": "On paper."}}),
        ("patch", "/subscribers/1/memberships/weekly", {"topics": None}),
        ("delete", "/subscribers/1/memberships/weekly", None),
        ("patch", "/segments/weekly", {"name": "New"}),
        ("post", "/segments/sample", {"condition": "everyone"}),
        ("post", "/campaigns/audience", {"articles": [], "audience": {"lists": ["weekly"]}}),
        ("post", "/campaigns/1/resume", None),
        ("post", "/campaigns", {"articles": ["the-news"], "channels": ["mail"], "audience": {"lists": ["weekly"]}}),
        ("post", "/campaigns/2/duplicate", None),
        ("patch", "/campaigns/2", {"name": "Number two"}),
        ("post", "/campaigns/2/review", {}),
        ("post", "/campaigns/2/schedule", {"at": "+1h"}),
        ("post", "/campaigns/2/undo", None),
        ("get", "/campaigns/2/reviews", None),
        ("get", "/campaigns/2/history", None),
        ("post", "/imports/1/cancel", None),
    ):
        more = {} if method in ("get", "delete") else {"json": body}
        response = getattr(api, method)(path, **more)
        assert revealed(response.text) == [], (method, path)
    assert "(address)" in api.get("/campaigns/2/reviews").text, "the route that is paused is a problem of the review"
    erased = api.delete("/privacy/1")
    assert revealed(erased.text) == []


@pytest.mark.usefixtures("_addresses_everywhere")
@pytest.mark.parametrize(
    "condition",
    [
        "email starts with a",
        "not email = ada@example.org",
        "tag = vip or email ends with '.org'",
        "segment = weekly",
        "segment = outer",
        {"kind": "field_matches", "field": "email", "match": "starts with", "text": "a"},
    ],
)
def test_counts_tell_no_address_letter_by_letter(program: Program, condition: Any) -> None:
    refused = program(TokenScope.SEGMENTS_READ, TokenScope.SEGMENTS_WRITE).post(
        "/segments/count", json={"condition": condition}
    )
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"].endswith('error="insufficient_scope", scope="subscribers:read"')
    allowed = program(TokenScope.SEGMENTS_READ, TokenScope.SUBSCRIBERS_READ)
    assert allowed.post("/segments/count", json={"condition": condition}).status_code == 200


def test_counts_of_other_conditions_need_no_more_than_before(program: Program) -> None:
    api = program(TokenScope.SEGMENTS_READ)
    for condition in ("everyone", "tag = vip", "domain = example.org", "name contains a"):
        assert api.post("/segments/count", json={"condition": condition}).json() == {"count": 0}
