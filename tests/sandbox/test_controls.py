"""Faults, limits and exports over HTTP."""

from __future__ import annotations

import smtplib
from typing import Any

import httpx
import pytest

from distributor.sandbox.registry import emulators
from distributor.sandbox.service import Sandbox

from .clients import OTHER_TID, BlueskyClient, post_record


def test_faults_can_be_set_seen_and_cleared(http: httpx.Client, x: httpx.Client) -> None:
    body = {"seed": 3, "faults": [{"kind": "refuse", "code": 502, "times": 1}, {"kind": "slow", "seconds": 0.01}]}
    assert http.put("/faults/x", json=body).status_code == 200
    assert x.post("/2/tweets", json={"text": "a"}).status_code == 502
    [refusal, slow] = http.get("/faults/x").json()
    assert (refusal["kind"], refusal["on"], refusal["code"], refusal["injected"]) == ("refuse", "post", 502, 1)
    assert (slow["kind"], slow["injected"]) == ("slow", 0)
    active = http.get("/faults").json()
    assert {service: faults for service, faults in active.items() if faults} == {"x": [refusal, slow]}
    assert {"smtp", *emulators()} == set(active)
    assert http.delete("/faults/x").json() == []
    assert http.get("/faults/x").json() == []


@pytest.mark.parametrize(
    ("service", "body", "status", "reason"),
    [
        ("x", {}, 422, "faults: Field required"),
        ("x", {"faults": [{"kind": "explode"}]}, 422, "faults.0.kind"),
        ("x", {"faults": [{"kind": "drop", "on": "dot"}]}, 422, "x has no stage 'dot'"),
        ("x", {"faults": [], "colour": "red"}, 422, "colour"),
        ("x", {"faults": [], "seed": -1}, 422, "seed"),
        ("fax", {"faults": []}, 404, "there is no service 'fax'"),
    ],
)
def test_an_invalid_fault_is_refused_with_its_reason(
    http: httpx.Client, service: str, body: dict[str, Any], status: int, reason: str
) -> None:
    answer = http.put(f"/faults/{service}", json=body)
    assert answer.status_code == status
    assert reason in answer.json()["error"]


def test_a_body_that_is_not_json_is_refused(http: httpx.Client) -> None:
    assert http.put("/faults/x", content=b"{").status_code == 422
    assert http.put("/limits/x", content=b"{").status_code == 422
    assert http.put("/limits/x", json=[]).status_code == 422


def test_limits_can_be_changed_and_reset(http: httpx.Client, mastodon: httpx.Client) -> None:
    assert http.get("/limits/mastodon").json()["max_characters"] == 500
    assert http.put("/limits/mastodon", json={"max_characters": 5}).json()["max_characters"] == 5
    assert mastodon.post("/api/v1/statuses", json={"status": "abcdef"}).status_code == 422
    assert http.delete("/limits/mastodon").json()["max_characters"] == 500
    assert mastodon.post("/api/v1/statuses", json={"status": "abcdef"}).status_code == 200


def test_a_limit_that_does_not_exist_is_refused(http: httpx.Client) -> None:
    for path, changes, status, reason in (
        ("/limits/x", {"colour": 1}, 422, "colour"),
        ("/limits/x", {"posts_per_window": -1}, 422, "posts_per_window"),
        ("/limits/smtp", {}, 404, "there is no emulator 'smtp'"),
    ):
        answer = http.put(path, json=changes)
        assert (answer.status_code, reason in answer.json()["error"]) == (status, True)


def test_posts_are_exported_by_thread_with_their_parts_in_order(http: httpx.Client, x: httpx.Client) -> None:
    def post(text: str, parent: str | None = None) -> str:
        reply = {"reply": {"in_reply_to_tweet_id": parent}} if parent else {}
        return str(x.post("/2/tweets", json={"text": text, **reply}).json()["data"]["id"])

    first = post("1/2 https://example.com/a & more")
    other = post("something else")
    second = post("2/2 #end", first)
    found = http.get("/export/x.json").json()
    assert [(post["text"], post["part"], post["parts"], post["thread"]) for post in found] == [
        ("1/2 https://example.com/a & more", 1, 2, first),
        ("2/2 #end", 2, 2, first),
        ("something else", 1, 1, other),
    ]
    assert found[1]["in_reply_to"] == first
    assert found[1]["id"] == second
    assert found[0]["links"] == ["https://example.com/a"]
    assert found[0]["length"] == len("1/2  & more") + 23


def test_a_card_is_part_of_the_export(http: httpx.Client, bluesky: BlueskyClient) -> None:
    external = {"uri": "https://example.com/", "title": "Title", "description": "Words"}
    bluesky.put(post_record("a", embed={"$type": "app.bsky.embed.external", "external": external}))
    bluesky.put(post_record("b"), rkey=OTHER_TID)
    cards = [post["card"] for post in http.get("/export/bluesky.json").json()]
    assert cards == [{"url": "https://example.com/", "title": "Title", "text": "Words"}, None]


def test_the_inbox_is_exported_with_its_envelopes(http: httpx.Client, sandbox: Sandbox) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
        client.sendmail("a@b.example", ["c@d.example"], "Subject: Hi\r\n\r\nHello\r\n")
    [mail] = http.get("/export/inbox.json").json()
    assert (mail["sender"], mail["recipients"], mail["number"]) == ("a@b.example", ["c@d.example"], 1)
    assert (sandbox.state.folder / mail["file"]).read_bytes().startswith(b"Subject: Hi")


def test_an_unknown_export_is_not_found(http: httpx.Client) -> None:
    assert http.get("/export/fax.json").status_code == 404
