"""Segments by the API."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.api_token import TokenScope

from .conftest import Program

VIP = {"text": "tag = vip", "json": {"kind": "tag", "is": ["vip"]}}


@pytest.fixture
def crowd(api: Any) -> None:
    for number in range(3):
        body = {"email": f"p{number}@example.org", "tags": ["vip"] if number else [], "language": "de"}
        assert api.post("/subscribers", json=body).status_code == 201


@pytest.fixture
def vip(api: Any) -> dict[str, Any]:
    answer = api.post("/segments", json={"name": "Our best", "condition": "tag = vip"})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def test_a_condition_is_saved_as_text_and_read_in_both_forms(api: Any, vip: dict[str, Any]):
    assert (vip["slug"], vip["name"], vip["condition"]["text"]) == ("our-best", "Our best", "tag = vip")
    assert api.get("/segments/our-best").json() == vip
    assert api.get("/segments").json() == {"items": [vip], "next": None}


def test_a_condition_is_saved_as_json_as_well(api: Any, vip: dict[str, Any]):
    body = {"name": "The same", "condition": vip["condition"]["json"]}
    assert api.post("/segments", json=body).json()["condition"] == vip["condition"]


def test_a_segment_is_not_made_twice(api: Any, vip: dict[str, Any]):
    assert api.post("/segments", json={"name": "Our best", "condition": "everyone"}).status_code == 409
    assert api.get("/segments/our-best").json() == vip


def test_only_what_is_named_changes(api: Any, vip: dict[str, Any]):
    renamed = api.patch("/segments/our-best", json={"name": "Friends"}).json()
    assert (renamed["name"], renamed["condition"]) == ("Friends", vip["condition"])
    changed = api.patch("/segments/our-best", json={"condition": "language = de"}).json()
    assert (changed["name"], changed["condition"]["text"]) == ("Friends", "language = de")


def test_a_segment_that_another_one_refers_to_stays(api: Any, vip: dict[str, Any]):
    api.post("/segments", json={"name": "More", "condition": "segment = our-best and language = de"})
    assert api.delete("/segments/our-best").status_code == 409
    assert api.delete("/segments/more").status_code == 204
    assert api.delete("/segments/our-best").status_code == 204
    assert api.delete("/segments/our-best").status_code == 404


@pytest.mark.usefixtures("crowd")
def test_people_are_counted_and_some_are_shown(api: Any, vip: dict[str, Any]):
    assert api.post("/segments/count", json={"condition": "tag = vip"}).json() == {"count": 2}
    assert api.post("/segments/count", json={"condition": vip["condition"]["json"]}).json() == {"count": 2}
    assert api.post("/segments/count", json={"condition": "segment = our-best"}).json() == {"count": 2}
    shown = api.post("/segments/sample", json={"condition": "language = de", "limit": 2}).json()["items"]
    assert [one["email"] for one in shown] == ["p0@example.org", "p1@example.org"]


@pytest.mark.usefixtures("crowd")
def test_who_may_not_see_people_sees_only_their_number(program: Program):
    counting = program(TokenScope.SEGMENTS_READ)
    assert counting.post("/segments/count", json={"condition": "everyone"}).json() == {"count": 3}
    assert counting.post("/segments/sample", json={"condition": "everyone"}).status_code == 403


def test_what_is_wrong_with_a_text_is_reported_with_its_place(api: Any):
    answer = api.post("/segments/parse", json={"condition": "tag = vip and\nclickd in the last 90 days"})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:distributor:problem:invalid-condition"
    assert (problem["line"], problem["column"], problem["offset"], problem["length"]) == (2, 1, 14, 6)
    assert "clicked" in problem["hint"]


def test_what_is_wrong_at_the_very_beginning_has_the_offset_0(api: Any):
    assert api.post("/segments/parse", json={"condition": "clickd"}).json()["offset"] == 0


def test_what_is_wrong_with_json_is_reported_with_its_path(api: Any):
    condition = {"all": [{"kind": "everyone"}, {"kind": "whatever"}]}
    answer = api.post("/segments/count", json={"condition": condition})
    assert answer.status_code == 422
    assert answer.json()["path"].startswith("$.all[1]")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("", 422),
        ("(" * 10_000, 422),
        ("not " * 10_000, 422),
        ("x" * 100_001, 422),
        ('tag = "\x00"', 422),
        ("list = nothing", 404),
        ("segment = nothing", 404),
        ({}, 422),
        ({"kind": "everyone", "x": 1}, 422),
        ([], 422),
        (None, 422),
        (7, 422),
    ],
)
def test_a_condition_that_is_none_is_never_a_fault_of_ours(api: Any, condition: Any, status: int):
    for path in ("/segments/count", "/segments/sample"):
        answer = api.post(path, json={"condition": condition})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_json_of_any_depth_is_reported(api: Any):
    body = b'{"condition": ' + b'{"not":' * 5000 + b"1" + b"}" * 5001
    answer = api.post("/segments/count", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
