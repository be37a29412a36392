"""Subscribers by the API: added with consent, changed, put on lists, and found."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.storage import suppressions

from .conftest import Program

CONSENT = {
    "text": "I would like the weekly letter. (ticked)",
    "ip_address": "2001:DB8::1",
    "detail": {"page": "/order"},
}


@pytest.fixture
def weekly(api: Any) -> str:
    return str(api.post("/lists", json={"name": "Weekly letter", "topics": ["Local news"]}).json()["slug"])


@pytest.fixture
def ada(api: Any, weekly: str) -> dict[str, Any]:
    body = {
        "email": "Ada@Example.org",
        "name": "Ada",
        "language": "de",
        "zone": "Europe/Vienna",
        "attributes": {"city": "Vienna", "pets": {"cats": 2}},
        "tags": ["vip"],
        "lists": [weekly],
        "consent": CONSENT,
    }
    answer = api.post("/subscribers", json=body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


def test_a_subscriber_is_known_and_on_a_list_with_a_record_of_why(api: Any, ada: dict[str, Any]):
    assert (ada["email"], ada["attributes"]["pets"], ada["tags"]) == ("Ada@example.org", {"cats": 2}, ["vip"])
    assert [(place["list"], place["state"]) for place in ada["lists"]] == [("weekly-letter", "subscribed")]
    assert ada["created_at"].endswith("Z")
    (record,) = api.get(f"/subscribers/{ada['id']}/consents").json()["items"]
    assert (record["action"], record["method"], record["ip_address"]) == ("granted", "api", "2001:db8::1")
    assert record["text"] == CONSENT["text"]
    assert record["detail"] == {"page": "/order", "token": 1}


def test_a_subscriber_known_is_added_to_and_nothing_is_lost(api: Any, ada: dict[str, Any]):
    body = {"email": "ada@example.ORG", "attributes": {"age": 36}, "tags": ["early"]}
    answer = api.post("/subscribers", json=body)
    assert answer.status_code == 200
    data = answer.json()
    assert (data["id"], data["name"], data["tags"]) == (ada["id"], "Ada", ["vip", "early"])
    assert data["attributes"] == {"city": "Vienna", "pets": {"cats": 2}, "age": 36}


def test_no_one_is_put_on_a_list_without_consent(api: Any, weekly: str):
    answer = api.post("/subscribers", json={"email": "bo@example.org", "lists": [weekly]})
    assert answer.status_code == 422
    assert "`consent`" in answer.json()["detail"]
    assert api.get("/subscribers/bo@example.org").status_code == 404


def test_a_list_that_is_not_there_makes_no_one_known(api: Any, weekly: str):
    body = {"email": "bo@example.org", "lists": [weekly, "nothing"], "consent": CONSENT}
    assert api.post("/subscribers", json=body).status_code == 404
    assert api.get("/subscribers/bo@example.org").status_code == 404


def test_who_was_erased_is_not_made_known_again(api: Any, app: AppContext):
    target = parse_target("bo@example.org")
    with app.database.begin() as connection:
        suppressions.add(connection, [target], SuppressionReason.ERASED, now=app.clock())
    answer = api.post("/subscribers", json={"email": "bo@example.org"})
    assert answer.status_code == 409
    assert api.get("/subscribers/bo@example.org").status_code == 404


def test_a_subscriber_is_found_by_number_and_by_address(api: Any, ada: dict[str, Any]):
    assert api.get(f"/subscribers/{ada['id']}").json() == ada
    assert api.get("/subscribers/ADA@example.org").json() == ada


def test_what_holds_mail_back_is_reported(api: Any, ada: dict[str, Any]):
    api.post("/suppressions", json={"targets": ["@example.org"]})
    api.post("/suppressions", json={"targets": ["ada@example.org"], "reason": "complaint"})
    assert api.get(f"/subscribers/{ada['id']}").json()["suppressed"] == ["complaint", "manual"]


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("7", 404),
        ("0", 404),
        (str(2**63 - 1), 404),
        (str(2**63), 404),
        ("9" * 150, 404),
        ("9" * 300, 422),
        ("nobody@example.org", 404),
        ("nobody", 422),
        ("٣", 422),
        ("a%00@example.org", 404),
        ("a%0A@example.org", 404),
        ("a'OR'1'='1@example.org", 404),
    ],
)
def test_an_unknown_subscriber_is_not_found(api: Any, who: str, status: int):
    for answer in (api.get(f"/subscribers/{who}"), api.patch(f"/subscribers/{who}", json={"name": "x"})):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        {"q": "ada"},
        {"q": "vien ex"},
        {"q": "ada@example.org"},
        {"attribute": "city=Vienna"},
        {"attribute": ["city=Vienna", 'pets={"cats": 2}']},
        {"tag": "vip"},
        {"list": "weekly-letter"},
        {"list": "weekly-letter", "state": "subscribed", "status": "active", "q": "a"},
    ],
)
def test_people_are_found_by_what_is_known_of_them(api: Any, ada: dict[str, Any], query: dict[str, Any]):
    api.post("/subscribers", json={"email": "bo@elsewhere.example"})
    assert [one["id"] for one in api.get("/subscribers", params=query).json()["items"]] == [ada["id"]]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "nobody"},
        {"q": "' OR 1=1 --"},
        {"q": "\\"},
        {"q": "%"},
        {"attribute": "city=Graz"},
        {"attribute": "cats=2"},
        {"tag": "vi"},
        {"list": "weekly-letter", "state": "pending"},
        {"status": "disabled"},
    ],
)
def test_people_whom_it_does_not_fit_are_not_found(api: Any, ada: dict[str, Any], query: dict[str, Any]):
    assert api.get("/subscribers", params=query).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"list": "nothing"}, 404),
        ({"attribute": "city"}, 422),
        ({"attribute": "x=NaN"}, 422),
        ({"attribute": "x=" + "[" * 150}, 200),
        ({"attribute": 'x="\\u0000"'}, 422),
        ({"q": "a\x00"}, 422),
        ({"tag": "\x00"}, 422),
        ({"status": "asleep"}, 422),
    ],
)
def test_a_search_that_makes_no_sense_is_reported(api: Any, query: dict[str, Any], status: int):
    assert api.get("/subscribers", params=query).status_code == status


def test_pages_lead_to_everyone_once(api: Any):
    numbers = [api.post("/subscribers", json={"email": f"p{n}@example.org"}).json()["id"] for n in range(5)]
    seen, after = [], 0
    while after is not None:
        page = api.get("/subscribers", params={"limit": 2, "after": after}).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
    assert seen == numbers


def test_a_change_touches_what_it_names_and_merges_attributes(api: Any, ada: dict[str, Any]):
    changes = {
        "name": "Ada L.",
        "attributes": {"city": None, "age": 36},
        "tags": [],
        "paused_until": "2099-01-01T00:00:00+01:00",
    }
    data = api.patch("/subscribers/ada@example.org", json=changes).json()
    assert (data["name"], data["language"], data["tags"]) == ("Ada L.", "de", [])
    assert data["attributes"] == {"pets": {"cats": 2}, "age": 36}
    assert data["paused_until"] == "2098-12-31T23:00:00Z"
    assert api.patch("/subscribers/ada@example.org", json={}).json()["paused_until"] == "2098-12-31T23:00:00Z"
    assert api.patch("/subscribers/ada@example.org", json={"paused_until": None}).json()["paused_until"] is None
    assert api.patch("/subscribers/ada@example.org", json={"status": "disabled"}).json()["status"] == "disabled"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"key": "bo@example.org"}, "#/key"),
        ({"email": "bo@example.org"}, "#/email"),
        ({"id": 7}, "#/id"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "#/created_at"),
        ({"name": "<b>Ada</b>"}, "#/name"),
        ({"name": "Ada\u202e"}, "#/name"),
        ({"language": "german"}, None),
        ({"language": "not a language"}, "#/language"),
        ({"zone": "Mars/Base"}, "#/zone"),
        ({"tags": ["a\x00"]}, "#/tags"),
        ({"attributes": {"a": "\x00"}}, "#/attributes"),
        ({"attributes": {"a": [[[[[[[1]]]]]]]}}, "#/attributes"),
        ({"attributes": {"a": "x" * 20_000}}, "#/attributes"),
        ({"attributes": {"a": 10**400}}, "#/attributes"),
        ({"status": "asleep"}, "#/status"),
        ({"paused_until": "2099-01-01T00:00:00"}, "#/paused_until"),
        ({"paused_until": "0001-01-01T00:00:00+14:00"}, "#/paused_until"),
        ({"paused_until": "9999-12-31T23:00:00-05:00"}, "#/paused_until"),
    ],
)
def test_what_cannot_be_is_pointed_to(api: Any, ada: dict[str, Any], changes: dict[str, Any], pointer: str | None):
    answer = api.patch(f"/subscribers/{ada['id']}", json=changes)
    if pointer is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert api.get(f"/subscribers/{ada['id']}").json() == ada


def test_a_subscriber_is_suppressed_by_who_may_not_see_them(api: Any, program: Program, ada: dict[str, Any]):
    desk = program(TokenScope.SUPPRESSIONS_WRITE)
    answers = [desk.post(f"/subscribers/{ada['id']}/suppress", json={"note": "telephone"}).json() for _ in range(2)]
    assert answers == [{"added": 1}, {"added": 0}]
    assert api.get(f"/subscribers/{ada['id']}").json()["suppressed"] == ["manual"]
    assert desk.get(f"/subscribers/{ada['id']}").status_code == 403


def test_two_records_become_one(api: Any, ada: dict[str, Any]):
    other = api.post("/subscribers", json={"email": "ada@work.example", "tags": ["press"]}).json()
    data = api.post(f"/subscribers/{ada['id']}/merge", json={"other": "ada@work.example"}).json()
    assert (data["id"], data["tags"]) == (ada["id"], ["vip", "press"])
    assert api.get(f"/subscribers/{other['id']}").status_code == 404
    assert api.post(f"/subscribers/{ada['id']}/merge", json={"other": str(other["id"])}).status_code == 404
    assert api.post(f"/subscribers/{ada['id']}/merge", json={"other": str(ada["id"])}).status_code == 422


def test_consents_come_in_pages(api: Any, ada: dict[str, Any]):
    api.delete(f"/subscribers/{ada['id']}/memberships/weekly-letter")
    first = api.get(f"/subscribers/{ada['id']}/consents", params={"limit": 1}).json()
    second = api.get(f"/subscribers/{ada['id']}/consents", params={"limit": 1, "after": first["next"]}).json()
    assert [first["items"][0]["action"], second["items"][0]["action"], second["next"]] == ["granted", "withdrawn", None]


def test_a_number_of_thousands_of_digits_is_an_error_in_words(api: Any):
    body = '{"email": "ada@example.org", "attributes": {"visits": %s}}' % ("9" * 5000)
    answer = api.post("/subscribers", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "the body cannot be read: a number in it has too many digits",
    )
