"""The suppression list by the API."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

ADA = "ada@example.org"


def reasons(api: Any, *addresses: str) -> list[list[str]]:
    items = api.post("/suppressions/check", json={"emails": list(addresses)}).json()["items"]
    assert [one["email"] for one in items] == list(addresses)
    assert all(one["is_suppressed"] is bool(one["reasons"]) for one in items)
    return [one["reasons"] for one in items]


def test_addresses_domains_and_hashes_are_suppressed(api: Any):
    hashed = hashlib.sha256(b"carl@example.org").hexdigest()
    body = {"targets": [ADA, "@gone.example", hashed], "note": "asked by telephone"}
    assert api.post("/suppressions", json=body).json() == {"added": 3}
    assert api.post("/suppressions", json=body).json() == {"added": 0}
    assert reasons(api, "ADA@Example.org", "who@gone.example", "carl@example.org", "free@example.org") == [
        ["manual"],
        ["manual"],
        ["manual"],
        [],
    ]


def test_entries_are_shown_by_reason_and_page(api: Any):
    for address in (ADA, "bo@example.org"):
        api.post("/suppressions", json={"targets": [address], "reason": "complaint"})
    api.post("/suppressions", json={"targets": [ADA]})
    first = api.get("/suppressions", params={"reason": "complaint", "limit": 1}).json()
    assert [(one["email"], one["reason"]) for one in first["items"]] == [(ADA, "complaint")]
    second = api.get("/suppressions", params={"reason": "complaint", "limit": 1, "after": first["next"]}).json()
    assert [one["email"] for one in second["items"]] == ["bo@example.org"]
    assert second["next"] is None


def test_one_entry_is_taken_back_by_its_number_and_the_others_hold(api: Any):
    api.post("/suppressions", json={"targets": [ADA], "reason": "complaint"})
    api.post("/suppressions", json={"targets": [ADA]})
    number = api.get("/suppressions", params={"reason": "complaint"}).json()["items"][0]["id"]
    assert api.delete(f"/suppressions/{number}").status_code == 204
    assert api.delete(f"/suppressions/{number}").status_code == 404
    assert reasons(api, ADA) == [["manual"]]


def test_entries_are_taken_back_by_target_for_some_reasons_or_all(api: Any):
    for reason in ("complaint", "manual", "hard_bounce"):
        api.post("/suppressions", json={"targets": [ADA], "reason": reason})
    assert api.post("/suppressions/remove", json={"targets": [ADA], "reasons": ["manual"]}).json() == {"removed": 1}
    assert api.post("/suppressions/remove", json={"targets": [ADA], "reasons": []}).json() == {"removed": 0}
    assert api.post("/suppressions/remove", json={"targets": [ADA]}).json() == {"removed": 2}
    assert reasons(api, ADA) == [[]]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"targets": [ADA, "nobody"]}, "#/targets/1"),
        ({"targets": [ADA, "a\x00@example.org"]}, "#/targets/1"),
        ({"targets": []}, "#/targets"),
        ({"targets": [ADA] * 1001}, "#/targets"),
        ({"targets": [ADA], "reason": "erased"}, "#/reason"),
        ({"targets": [ADA], "reason": "whim"}, "#/reason"),
        ({"targets": [ADA], "note": "\x00"}, "#/note"),
    ],
)
def test_what_cannot_be_suppressed_is_pointed_to_and_nothing_is(api: Any, body: dict[str, Any], pointer: str):
    answer = api.post("/suppressions", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert api.get("/suppressions").json()["items"] == []


def test_an_address_that_is_none_is_no_question(api: Any):
    answer = api.post("/suppressions/check", json={"emails": ["nobody"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/emails/0"


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63)])
def test_a_number_is_one_that_an_entry_can_have(api: Any, number: str):
    assert api.delete(f"/suppressions/{number}").status_code == 422
