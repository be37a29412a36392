"""Export and erasure of one person's data by the API."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.api_token import TokenScope

from .conftest import Program


@pytest.fixture(autouse=True)
def ada(api: Any) -> None:
    api.post("/lists", json={"name": "Weekly letter"})
    body = {
        "email": "ada@example.org",
        "name": "Ada",
        "attributes": {"city": "Vienna"},
        "lists": ["weekly-letter"],
        "consent": {"text": "On paper."},
    }
    api.post("/subscribers", json=body)


def test_all_that_is_known_is_handed_out(api: Any):
    data = api.get("/privacy/ada@example.org").json()
    assert data["subscriber"]["attributes"] == {"city": "Vienna"}
    assert [one["list"] for one in data["lists"]] == ["weekly-letter"]
    assert [one["text"] for one in data["consents"]] == ["On paper."]


def test_who_is_erased_is_nowhere_and_is_not_made_known_again(api: Any):
    done = api.delete("/privacy/ada@example.org").json()
    assert done["is_complete"] is True
    assert done["counts"]["subscribers"] == 1
    assert done["traces"] == {}
    assert api.get("/subscribers/ada@example.org").status_code == 404
    assert api.delete("/privacy/ada@example.org").status_code == 404
    assert api.post("/subscribers", json={"email": "ada@example.org"}).status_code == 409
    assert api.post("/suppressions/check", json={"emails": ["ada@example.org"]}).json()["items"][0]["reasons"] == [
        "erased"
    ]


def test_reading_and_writing_subscribers_is_not_enough(program: Program):
    other = program(TokenScope.SUBSCRIBERS_READ, TokenScope.SUBSCRIBERS_WRITE)
    assert other.get("/privacy/ada@example.org").status_code == 403
    assert other.delete("/privacy/ada@example.org").status_code == 403


@pytest.mark.parametrize(("who", "status"), [("bo@example.org", 404), ("7", 404), ("bo", 422)])
def test_an_unknown_person_is_neither_exported_nor_erased(api: Any, who: str, status: int):
    assert api.get(f"/privacy/{who}").status_code == status
    assert api.delete(f"/privacy/{who}").status_code == status
