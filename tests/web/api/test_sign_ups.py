"""Sign-ups by the API: requested by a form on another site, confirmed by the owner of the mailbox."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.flow.app_context import AppContext
from distributor.storage import channels


@pytest.fixture(autouse=True)
def lists(api: Any, app: AppContext) -> None:
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    api.post("/lists", json={"name": "Weekly letter", "visibility": "public", "topics": ["Sport"]})
    api.post("/lists", json={"name": "Private"})


def test_who_signs_up_waits_to_be_confirmed(api: Any):
    body = {"email": "eve@example.org", "lists": {"weekly-letter": ["Sport"]}, "ip_address": "203.0.113.8"}
    answer = api.post("/sign-ups", json=body)
    assert (answer.status_code, answer.content) == (202, b"")
    (place,) = api.get("/subscribers/eve@example.org").json()["lists"]
    assert (place["state"], place["topics"]) == ("pending", ["sport"])
    (record,) = api.get("/subscribers/eve@example.org/consents").json()["items"]
    assert (record["action"], record["ip_address"]) == ("requested", "203.0.113.8")


def test_whether_a_subscriber_was_known_is_not_revealed(api: Any):
    consent = {"text": "On paper."}
    api.post("/subscribers", json={"email": "ada@example.org", "lists": ["weekly-letter"], "consent": consent})
    api.post("/suppressions", json={"targets": ["carl@example.org"], "reason": "complaint"})
    answers = [
        api.post("/sign-ups", json={"email": address, "lists": {"weekly-letter": None}})
        for address in ("ada@example.org", "bo@example.org", "carl@example.org")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "eve@example.org", "lists": {"private": None}}, 404),
        ({"email": "eve@example.org", "lists": {"nothing": None}}, 404),
        ({"email": "eve@example.org", "lists": {"weekly-letter": ["boats"]}}, 422),
        ({"email": "eve@example.org", "lists": {}}, 422),
        ({"email": "eve@example.org", "lists": {"a\x00": None}}, 422),
        ({"email": "eve", "lists": {"weekly-letter": None}}, 422),
        ({"email": "eve@example.org", "lists": {"weekly-letter": None}, "ip_address": "here"}, 422),
    ],
)
def test_a_sign_up_that_makes_no_sense_leaves_no_one(api: Any, body: dict[str, Any], status: int):
    assert api.post("/sign-ups", json=body).status_code == status
    assert api.get("/subscribers").json()["items"] == []
