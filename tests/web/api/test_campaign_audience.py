"""The audience of a campaign, counted by the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.samples import WriteArticle

CONSENT = {"text": "On paper."}


@pytest.fixture(autouse=True)
def crowd(api: Any) -> None:
    for name in ("Weekly letter", "Press"):
        api.post("/lists", json={"name": name})
    api.post("/segments", json={"name": "Vip", "condition": "tag = vip"})
    for number in range(4):
        body = {
            "email": f"p{number}@example.org",
            "tags": ["vip"] if number else [],
            "lists": ["weekly-letter", "press"] if number == 3 else ["weekly-letter"],
            "consent": CONSENT,
        }
        api.post("/subscribers", json=body)


def reached(api: Any, audience: dict[str, Any], **more: Any) -> tuple[int, list[str]]:
    data = api.post("/campaigns/audience", json={"audience": audience, **more}).json()
    return data["count"], [one["email"][:2] for one in data["sample"]]


def test_lists_and_segments_are_combined_and_excepted(api: Any):
    assert reached(api, {"lists": ["weekly-letter"]}) == (4, ["p0", "p1", "p2", "p3"])
    assert reached(api, {"lists": ["weekly-letter"], "segments": ["vip"]}) == (3, ["p1", "p2", "p3"])
    assert reached(api, {"segments": ["vip"], "except_lists": ["press"]}) == (2, ["p1", "p2"])


def test_who_is_suppressed_is_not_reached(api: Any):
    api.post("/subscribers/p1@example.org/suppress", json={"note": "asked by telephone"})
    assert reached(api, {"lists": ["weekly-letter"]}) == (3, ["p0", "p2", "p3"])


def test_only_so_many_are_shown(api: Any, write_article: WriteArticle):
    assert reached(api, {"lists": ["weekly-letter"]}, sample=1, articles=[write_article()]) == (4, ["p0"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"audience": {}}, 422),
        ({"audience": {"lists": ["nothing"]}}, 404),
        ({"audience": {"segments": ["nothing"]}}, 404),
        ({"audience": {"lists": ["weekly-letter"]}, "articles": ["nothing"]}, 404),
        ({"audience": {"lists": ["a\x00"]}}, 422),
        ({"audience": {"lists": ["weekly-letter"], "repeats": "yes"}}, 422),
        ({"audience": {"lists": ["weekly-letter"]}, "sample": 51}, 422),
        ({}, 422),
    ],
)
def test_an_audience_that_makes_no_sense_is_reported(api: Any, body: dict[str, Any], status: int):
    assert api.post("/campaigns/audience", json=body).status_code == status
