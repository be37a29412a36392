"""Channels by the API: what a campaign can be sent on, without secrets; and configured, tried and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.sandbox.service import running_sandbox
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
        "layout",
        "preheader",
        "subject",
    ]
    assert api.get("/channels/posts").json()["message_options"] == ["hashtags", "text", "thread"]
    assert api.get("/channels/mail").json()["settings"] == {"connections": 3}


def test_secrets_of_a_channel_are_not_shown(api: Any):
    assert "secret" not in api.get("/channels").text + api.get("/channels/posts").text


def test_an_unknown_channel_is_not_found(api: Any):
    response = api.get("/channels/smoke")
    assert (response.status_code, response.json()["type"]) == (404, "urn:distributor:problem:not-found")


def test_channels_need_their_scope(program: Program):
    assert program(TokenScope.CAMPAIGNS_WRITE).get("/channels").status_code == 403
    assert program(TokenScope.CHANNELS_READ).get("/channels").status_code == 200


RELAY = "smtp://ann:very-secret@relay.example"


def test_a_channel_is_configured_and_its_secrets_are_not_shown(api: Any):
    body = {"kind": "email", "settings": {"smtp_url": RELAY, "sender": "News <news@example.org>", "connections": 2}}
    response = api.put("/channels/news", json=body)
    assert (response.status_code, response.json()) == (200, api.get("/channels/news").json())
    assert response.json()["settings"] == {"sender": "News <news@example.org>", "connections": 2}
    assert "secret" not in response.text


def test_every_missing_setting_is_named(api: Any):
    response = api.put("/channels/toots", json={"kind": "mastodon", "settings": {}})
    assert response.status_code == 422
    assert "instance_url (" in response.json()["detail"]
    assert "access_token (" in response.json()["detail"]
    assert api.get("/channels/toots").status_code == 404


def test_what_is_wrong_with_a_value_is_said_in_plain_words_without_the_value(api: Any):
    wrong = {"smtp_url": "gopher://ann:very-secret@relay.example", "connections": "many", "inline_images": "maybe"}
    response = api.put("/channels/news", json={"kind": "email", "settings": wrong})
    assert response.status_code == 422
    for words in ("connections: must be a whole number", "inline_images: must be true or false", "smtp_url: the URL"):
        assert words in response.json()["detail"]
    assert "very-secret" not in response.text


def test_one_setting_is_changed_and_the_others_stay(app: AppContext, api: Any):
    api.put("/channels/news", json={"kind": "email", "settings": {"smtp_url": RELAY, "connections": 2}})
    response = api.patch("/channels/news", json={"settings": {"per_second": 5}, "unset": ["connections"]})
    assert (response.status_code, response.json()["settings"]) == (200, {"per_second": 5.0})
    with app.database.begin() as connection:
        sealed = channels.find(connection, "news").sealed
    assert app.vault.open(sealed or b"") == {"smtp_url": RELAY}
    assert api.patch("/channels/news", json={"settings": {"dkim_keys": "[]"}}).status_code == 422
    assert api.patch("/channels/nowhere", json={"settings": {}}).status_code == 404


def test_the_kind_of_a_channel_does_not_change(api: Any):
    response = api.put("/channels/mail", json={"kind": "feed", "settings": {}})
    assert (response.status_code, "cannot change to feed" in response.json()["detail"]) == (409, True)
    assert api.get("/channels/mail").json()["kind"] == "email"


def test_a_channel_is_removed(app: AppContext, api: Any):
    assert api.delete("/channels/posts").status_code == 204
    assert api.get("/channels/posts").status_code == 404
    assert api.delete("/channels/posts").status_code == 404
    with app.database.begin() as connection:
        removed = [one for one in channels.ever_configured(connection) if one.name == "posts"]
    assert [one.sealed for one in removed] == [None]


def test_a_channel_is_tried_and_sends_a_mail_if_it_works(api: Any, tmp_path: Path):
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        settings = {"smtp_url": f"smtp://127.0.0.1:{sandbox.smtp_port}"}
        api.put("/channels/news", json={"kind": "email", "settings": settings})
        tried = api.post("/channels/news/test", json={}).json()
        sent = api.post("/channels/news/test", json={"to": "me@team.example"}).json()
    assert (tried["works"], tried["campaign"]) == (True, None)
    assert [one["check"] for one in tried["findings"]] == ["relay relay", "sender", "destination"]
    shown = api.get(f"/campaigns/{sent['campaign']}").json()
    assert (shown["purpose"], shown["name"]) == ("test", "Test of channel news")
    failed = api.post("/channels/news/test", json={"to": "me@team.example"}).json()
    assert (failed["works"], failed["campaign"], failed["findings"][-1]["state"]) == (False, None, "fail")


def test_kinds_are_listed_with_their_settings(api: Any):
    found = {one["kind"]: one for one in api.get("/channel-kinds").json()["items"]}
    (smtp_url,) = [one for one in found["email"]["settings"] if one["name"] == "smtp_url"]
    assert (smtp_url["is_required"], smtp_url["is_secret"], smtp_url["alternatives"]) == (True, True, ["relays"])


def test_changing_a_channel_needs_its_own_scope(program: Program):
    reader: Any = program(TokenScope.CHANNELS_READ, TokenScope.CAMPAIGNS_WRITE)
    writer: Any = program(TokenScope.CHANNELS_WRITE)
    for method, path, more, status in (
        ("put", "/channels/feeds", {"json": {"kind": "feed", "settings": {}}}, 200),
        ("patch", "/channels/feeds", {"json": {"settings": {"items": 5}}}, 200),
        ("post", "/channels/feeds/test", {"json": {"to": "me@team.example"}}, 422),
        ("delete", "/channels/feeds", {}, 204),
    ):
        assert getattr(reader, method)(path, **more).status_code == 403
        assert getattr(writer, method)(path, **more).status_code == status
