"""Memberships of lists by the API."""

from __future__ import annotations

from typing import Any

import pytest

CONSENT = {"consent": {"text": "On paper."}}
PLACE = "/subscribers/ada@example.org/memberships/weekly-letter"


@pytest.fixture(autouse=True)
def ada(api: Any) -> None:
    api.post("/lists", json={"name": "Weekly letter", "topics": ["Local news", "Sport"]})
    api.post("/subscribers", json={"email": "ada@example.org"})


def places(api: Any) -> list[tuple[str, str]]:
    items = api.get("/subscribers/ada@example.org/memberships").json()["items"]
    return [(place["list"], place["state"]) for place in items]


def test_a_subscriber_is_put_on_a_list_and_once_is_as_good_as_twice(api: Any):
    assert api.put(PLACE, json=CONSENT).json()["state"] == "subscribed"
    assert api.put(PLACE, json=CONSENT).json()["state"] == "subscribed"
    assert places(api) == [("weekly-letter", "subscribed")]
    assert len(api.get("/subscribers/ada@example.org/consents").json()["items"]) == 1


def test_who_has_left_is_not_brought_back_by_a_program(api: Any):
    api.put(PLACE, json=CONSENT)
    assert api.delete(PLACE, params={"reason": "wrote a letter"}).json()["state"] == "unsubscribed"
    answer = api.put(PLACE, json=CONSENT)
    assert answer.status_code == 409
    assert places(api) == [("weekly-letter", "unsubscribed")]
    body = {"email": "ada@example.org", "lists": ["weekly-letter"], **CONSENT}
    assert api.post("/subscribers", json=body).json()["lists"][0]["state"] == "unsubscribed"


def test_leaving_is_recorded_with_its_reason(api: Any):
    api.put(PLACE, json=CONSENT)
    api.delete(PLACE, params={"reason": "wrote a letter"})
    last = api.get("/subscribers/ada@example.org/consents").json()["items"][-1]
    assert (last["action"], last["method"], last["text"]) == ("withdrawn", "api", "wrote a letter")


def test_topics_are_chosen(api: Any):
    api.put(PLACE, json=CONSENT)
    assert api.patch(PLACE, json={"topics": ["Sport"]}).json()["topics"] == ["sport"]
    assert api.patch(PLACE, json={"topics": None}).json()["topics"] is None


def test_digests_that_do_not_exist_cannot_be_chosen(api: Any):
    api.put(PLACE, json=CONSENT)
    answer = api.patch(PLACE, json={"topics": ["sport"], "frequency": "weekly"})
    assert answer.status_code == 422
    assert "frequency" in answer.text
    assert api.get(PLACE.rpartition("/")[0]).json()["items"][0]["topics"] is None


def test_a_topic_that_is_not_offered_cannot_be_chosen(api: Any):
    api.put(PLACE, json=CONSENT)
    answer = api.patch(PLACE, json={"topics": ["boats"]})
    assert answer.status_code == 422
    assert "local-news, sport" in answer.json()["detail"]


def test_who_has_left_has_nothing_to_choose(api: Any):
    api.put(PLACE, json=CONSENT)
    api.delete(PLACE)
    assert api.patch(PLACE, json={"topics": None}).status_code == 409


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_place_that_is_not_there_is_not_found(api: Any, method: str):
    body = {"put": CONSENT, "patch": {"topics": None}}.get(method)
    more = {"json": body} if body else {}
    if method != "put":
        assert getattr(api, method)(PLACE, **more).status_code == 404
    assert getattr(api, method)(PLACE.replace("weekly-letter", "nothing"), **more).status_code == 404
    assert getattr(api, method)(PLACE.replace("ada", "bo"), **more).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"consent": {}},
        {"consent": {"text": ""}},
        {"consent": {"text": "\x00"}},
        {"consent": {"text": "x", "ip_address": "1.2.3"}},
        {"consent": {"text": "x", "method": "person"}},
        {"consent": {"text": "x"}, "state": "subscribed"},
    ],
)
def test_consent_is_stated_in_words(api: Any, body: dict[str, Any]):
    assert api.put(PLACE, json=body).status_code == 422
    assert places(api) == []
