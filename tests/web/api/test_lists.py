"""Lists by the API."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def weekly(api: Any) -> str:
    made = api.post("/lists", json={"name": "Weekly letter", "topics": ["Local news", "Sport", "local-news"]})
    assert made.status_code == 201
    return str(made.json()["slug"])


def test_a_list_is_created_with_its_fields(api: Any, weekly: str):
    assert api.get(f"/lists/{weekly}").json() == {
        "slug": "weekly-letter",
        "name": "Weekly letter",
        "description": "",
        "visibility": "private",
        "opt_in": "double",
        "sender": "",
        "footer": "",
        "topics": ["local-news", "sport"],
        "counts": {"pending": 0, "subscribed": 0, "unsubscribed": 0},
    }


def test_a_list_is_not_made_twice(api: Any, weekly: str):
    answer = api.post("/lists", json={"name": "Another", "slug": weekly})
    assert answer.status_code == 409
    assert api.get(f"/lists/{weekly}").json()["name"] == "Weekly letter"


def test_only_what_is_named_changes(api: Any, weekly: str):
    changed = api.patch(f"/lists/{weekly}", json={"visibility": "public", "sender": "Us <us@example.org>"}).json()
    assert (changed["visibility"], changed["sender"], changed["name"]) == (
        "public",
        "Us <us@example.org>",
        "Weekly letter",
    )
    assert api.patch(f"/lists/{weekly}", json={"sender": ""}).json()["sender"] == ""


def test_topics_are_offered_as_a_whole(api: Any, weekly: str):
    assert api.put(f"/lists/{weekly}/topics", json={"topics": ["Boats"]}).json() == {"topics": ["boats"]}
    assert api.get(f"/lists/{weekly}/topics").json() == {"topics": ["boats"]}


def test_an_empty_list_is_removed_and_one_with_people_stays(api: Any, weekly: str):
    consent = {"text": "On paper."}
    api.post("/subscribers", json={"email": "ada@example.org", "lists": [weekly], "consent": consent})
    answer = api.delete(f"/lists/{weekly}")
    assert answer.status_code == 409
    assert "people are or were on it" in answer.json()["detail"]
    assert api.post("/lists", json={"name": "Empty"}).status_code == 201
    assert api.delete("/lists/empty").status_code == 204
    assert api.get("/lists/empty").status_code == 404


def test_pages_lead_to_everything_once(api: Any):
    for number in range(5):
        api.post("/lists", json={"name": f"List {number}"})
    seen, after = [], 0
    while after is not None:
        page = api.get("/lists", params={"limit": 2, "after": after}).json()
        assert len(page["items"]) <= 2
        seen += [one["slug"] for one in page["items"]]
        after = page["next"]
    assert seen == [f"list-{number}" for number in range(5)]


def test_members_come_in_pages(api: Any, weekly: str):
    for name in ("a", "b", "c"):
        body = {"email": f"{name}@example.org", "lists": [weekly], "consent": {"text": "On paper."}}
        api.post("/subscribers", json=body)
    first = api.get(f"/lists/{weekly}/members", params={"limit": 2}).json()
    assert [(one["email"], one["state"]) for one in first["items"]] == [
        ("a@example.org", "subscribed"),
        ("b@example.org", "subscribed"),
    ]
    second = api.get(f"/lists/{weekly}/members", params={"limit": 2, "after": first["next"]}).json()
    assert [one["email"] for one in second["items"]] == ["c@example.org"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"name": ""}, "#/name", "at least 1 character"),
        ({"name": "two\nlines"}, "#/name", "line break"),
        ({"name": "a", "slug": "Not A Slug"}, "#/slug", "not a slug"),
        ({"name": "a", "sender": "nobody"}, "#/sender", "not an email address"),
        ({"name": "a", "sender": "a@example.org\nBcc: b@example.org"}, "#/sender", "line break"),
        ({"name": "a", "topics": ["\u200d"]}, "#/topics", "nothing that can be seen"),
        ({"name": "a", "opt_in": "triple"}, "#/opt_in", "double"),
        ({"name": "a", "id": 1}, "#/id", "is not known"),
        ({}, "#/name", "is missing"),
    ],
)
def test_what_is_wrong_is_pointed_to(api: Any, body: dict[str, Any], pointer: str, words: str):
    answer = api.post("/lists", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]


def test_a_name_without_letters_needs_a_slug(api: Any):
    assert "set `slug`" in api.post("/lists", json={"name": "☃"}).json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/lists/nothing", None),
        ("patch", "/lists/nothing", {}),
        ("delete", "/lists/nothing", None),
        ("get", "/lists/nothing/topics", None),
        ("put", "/lists/nothing/topics", {"topics": []}),
        ("get", "/lists/nothing/members", None),
    ],
)
def test_a_list_that_is_not_there_is_not_found(api: Any, method: str, path: str, body: Any):
    answer = getattr(api, method)(path, **({"json": body} if body is not None else {}))
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no list 'nothing'")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=-1", "after=99999999999999999999"])
def test_a_page_has_its_bounds(api: Any, query: str):
    answer = api.get(f"/lists?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == query.split("=")[0]
