"""Channels by the API: what a campaign can be sent on, without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.storage import channels

from .conftest import Program


@pytest.fixture(autouse=True)
def configured(app: AppContext) -> None:
    with app.database.begin() as connection:
        channels.save(
            connection,
            name="posts",
            kind="x",
            settings={"account": "gazette"},
            sealed=app.vault.seal({"access_token": "very secret"}),
        )
        channels.save(connection, name="mail", kind="email", settings={"connections": 3}, sealed=None)
        channels.save(connection, name="pigeons", kind="carrier_pigeon", settings={}, sealed=None)


def test_channels_are_listed_by_name_with_whom_they_reach(api: Any):
    found = api.get("/channels").json()["items"]
    assert [(one["name"], one["kind"], one["audience"]) for one in found] == [
        ("mail", "email", "subscribers"),
        ("pigeons", "carrier_pigeon", None),
        ("posts", "x", "broadcast"),
    ]
    assert found[0] == api.get("/channels/mail").json()


def test_a_channel_names_the_texts_that_it_uses(api: Any):
    assert api.get("/channels/mail").json()["message_options"] == [
        "attachments",
        "closing",
        "cut_after",
        "greeting",
        "subject",
    ]
    assert api.get("/channels/posts").json()["message_options"] == ["text"]
    assert api.get("/channels/mail").json()["settings"] == {"connections": 3}


def test_secrets_of_a_channel_are_not_shown(api: Any):
    assert "secret" not in api.get("/channels").text + api.get("/channels/posts").text


def test_an_unknown_channel_is_not_found(api: Any):
    response = api.get("/channels/smoke")
    assert (response.status_code, response.json()["type"]) == (404, "urn:distributor:problem:not-found")


def test_channels_need_their_scope(program: Program):
    assert program(TokenScope.CAMPAIGNS_WRITE).get("/channels").status_code == 403
    assert program(TokenScope.CHANNELS_READ).get("/channels").status_code == 200
