"""Mastodon's rules, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest

from distributor.sandbox.mastodon.account import MASTODON_ACCOUNT
from distributor.sandbox.service import Sandbox

from .clients import ManualClock, plain_client, png

TIMELINE = f"/api/v1/accounts/{MASTODON_ACCOUNT.account_id}/statuses"


def _post(mastodon: httpx.Client, text: str, **more: str) -> str:
    answer = mastodon.post("/api/v1/statuses", data={"status": text, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_status_can_be_posted_as_a_form_or_as_json(mastodon: httpx.Client) -> None:
    given = {"status": "Hello", "visibility": "unlisted", "language": "de", "spoiler_text": "Greeting"}
    for answer in (mastodon.post("/api/v1/statuses", data=given), mastodon.post("/api/v1/statuses", json=given)):
        assert answer.status_code == 200
        body = answer.json()
        assert (body["visibility"], body["language"], body["spoiler_text"]) == ("unlisted", "de", "Greeting")
        assert (body["content"], body["sensitive"]) == ("<p>Hello</p>", True)
        assert body["url"] == f"{mastodon.base_url}@distributor/{body['id']}"


@pytest.mark.parametrize("authorization", ["", "Bearer someone", MASTODON_ACCOUNT.access_token])
def test_posting_needs_the_token(mastodon: httpx.Client, authorization: str) -> None:
    answer = mastodon.post("/api/v1/statuses", data={"status": "a"}, headers={"authorization": authorization})
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})


@pytest.mark.parametrize(
    ("text", "spoiler", "status"),
    [
        ("a" * 500, "", 200),
        ("a" * 501, "", 422),
        ("a" * 480, "b" * 20, 200),
        ("a" * 480, "b" * 21, 422),
        ("👩‍👩‍👧" * 500, "", 200),
        ("a" * 476 + " https://example.com/" + "b" * 300, "", 200),
        ("a" * 477 + " https://example.com/" + "b" * 300, "", 422),
        ("a" * 477 + " http://a.com", "", 422),
        ("a" * 489 + " a.com/bcde", "", 200),
        ("a" * 495 + " @user@example.com", "", 422),
        ("a" * 494 + " @user@example.com", "", 200),
    ],
    ids=lambda value: str(value)[-12:],
)
def test_500_characters_are_the_limit(mastodon: httpx.Client, text: str, spoiler: str, status: int) -> None:
    answer = mastodon.post("/api/v1/statuses", json={"status": text, "spoiler_text": spoiler})
    assert answer.status_code == status


def test_a_status_too_long_is_refused_in_mastodons_words(mastodon: httpx.Client) -> None:
    answer = mastodon.post("/api/v1/statuses", json={"status": "a" * 501})
    assert answer.json() == {"error": "Validation failed: Text character limit of 500 exceeded"}


def test_an_instance_says_what_it_allows_and_keeps_to_it(mastodon: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.state.emulators["mastodon"].limits.change(max_characters=50, characters_reserved_per_url=32)
    for path in ("/api/v2/instance", "/api/v1/instance"):
        body = mastodon.get(path, headers={"authorization": ""}).json()["configuration"]["statuses"]
        assert (body["max_characters"], body["characters_reserved_per_url"]) == (50, 32)
    status = "a" * 17 + " http://a.com"
    assert mastodon.post("/api/v1/statuses", json={"status": status}).status_code == 200
    assert mastodon.post("/api/v1/statuses", json={"status": "a" + status}).status_code == 422


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"status": ""}, 422),
        ({"status": " \n "}, 422),
        ({"status": "a", "visibility": "friends"}, 422),
        ({"status": "a", "language": "English"}, 422),
        ({"status": "a", "in_reply_to_id": "12"}, 404),
        ({"status": "a", "media_ids": ["12"]}, 422),
        ({"status": "a", "scheduled_at": "2026-11-22T00:00:00Z"}, 422),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(mastodon: httpx.Client, given: dict[str, object], code: int) -> None:
    answer = mastodon.post("/api/v1/statuses", json=given)
    assert answer.status_code == code
    assert list(answer.json()) == ["error"]


def test_a_body_that_is_not_json_is_refused(mastodon: httpx.Client) -> None:
    answer = mastodon.post("/api/v1/statuses", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_the_same_key_gives_the_same_status(mastodon: httpx.Client, sandbox: Sandbox, clock: ManualClock) -> None:
    key = {"Idempotency-Key": "abc"}
    first = mastodon.post("/api/v1/statuses", data={"status": "a"}, headers=key).json()
    clock.move(minutes=59)
    again = mastodon.post("/api/v1/statuses", data={"status": "a"}, headers=key)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    other = mastodon.post("/api/v1/statuses", data={"status": "a"}, headers={"Idempotency-Key": "other"}).json()
    assert other["id"] != first["id"]
    clock.move(minutes=2)
    late = mastodon.post("/api/v1/statuses", data={"status": "a"}, headers=key).json()
    assert late["id"] != first["id"]
    assert len(sandbox.state.emulators["mastodon"].posts()) == 3


def test_a_server_may_ignore_keys_or_fail_on_them(mastodon: httpx.Client, sandbox: Sandbox) -> None:
    def post() -> httpx.Response:
        return mastodon.post("/api/v1/statuses", data={"status": "a"}, headers={"Idempotency-Key": "abc"})

    sandbox.state.emulators["mastodon"].limits.change(idempotency_keys="ignore")
    assert post().json()["id"] != post().json()["id"]
    sandbox.state.emulators["mastodon"].limits.change(idempotency_keys="fail")
    assert post().status_code == 500
    assert len(sandbox.state.emulators["mastodon"].posts()) == 2


def test_a_thread_can_be_read_back(mastodon: httpx.Client) -> None:
    first = _post(mastodon, "Part one")
    second = _post(mastodon, "Part two", in_reply_to_id=first)
    found = mastodon.get(TIMELINE).json()
    assert [(status["id"], status["in_reply_to_id"]) for status in found] == [(second, first), (first, None)]
    assert [status["id"] for status in mastodon.get(TIMELINE, params={"exclude_replies": "true"}).json()] == [first]


def test_pages_are_cut_by_ids(mastodon: httpx.Client) -> None:
    made = [_post(mastodon, f"number {number}") for number in range(6)]

    def ids(**query: str) -> list[str]:
        return [status["id"] for status in mastodon.get(TIMELINE, params=query).json()]

    assert ids() == made[::-1]
    assert ids(min_id=made[1], limit="2") == [made[3], made[2]]
    assert ids(since_id=made[1], limit="2") == [made[5], made[4]]
    assert ids(max_id=made[2]) == [made[1], made[0]]
    assert ids(min_id=made[5]) == []
    assert ids(min_id="0", limit="0") == []
    assert mastodon.get(TIMELINE, params={"min_id": "abc"}).status_code == 400


def test_only_the_author_sees_what_is_private(mastodon: httpx.Client, sandbox: Sandbox) -> None:
    hidden = _post(mastodon, "secret", visibility="private")
    with plain_client(sandbox.url("mastodon")) as stranger:
        assert stranger.get(f"/api/v1/statuses/{hidden}").status_code == 404
        assert stranger.get(TIMELINE).json() == []
    assert mastodon.get(f"/api/v1/statuses/{hidden}").json()["content"] == "<p>secret</p>"


def test_a_deleted_status_is_gone(mastodon: httpx.Client) -> None:
    made = _post(mastodon, "a")
    assert mastodon.delete(f"/api/v1/statuses/{made}").status_code == 200
    assert mastodon.get(f"/api/v1/statuses/{made}").json() == {"error": "Record not found"}
    assert mastodon.delete(f"/api/v1/statuses/{made}").status_code == 404


def test_the_account_knows_itself(mastodon: httpx.Client) -> None:
    body = mastodon.get("/api/v1/accounts/verify_credentials").json()
    assert (body["id"], body["acct"]) == (MASTODON_ACCOUNT.account_id, "distributor")


def test_limits_end_at_a_time_in_iso_8601(mastodon: httpx.Client, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.state.emulators["mastodon"].limits.change(calls_per_window=1)
    accepted = mastodon.post("/api/v1/statuses", data={"status": "a"})
    refused = mastodon.post("/api/v1/statuses", data={"status": "b"})
    assert (accepted.status_code, refused.status_code) == (200, 429)
    assert refused.json() == {"error": "Too Many Requests"}
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-limit"] == "1"
    ends = datetime.fromisoformat(refused.headers["x-ratelimit-reset"])
    assert ends == clock.now + timedelta(minutes=5)
    clock.move(minutes=5)
    assert mastodon.post("/api/v1/statuses", data={"status": "b"}).status_code == 200


def test_a_picture_can_be_posted_with_its_words(mastodon: httpx.Client, sandbox: Sandbox) -> None:
    files = {"file": ("a.png", png(), "image/png")}
    uploaded = mastodon.post("/api/v2/media", files=files, data={"description": "One pixel"})
    assert (uploaded.status_code, uploaded.json()["description"]) == (200, "One pixel")
    key = uploaded.json()["id"]
    changed = mastodon.put(f"/api/v1/media/{key}", data={"description": "One blue pixel"})
    assert changed.json()["description"] == "One blue pixel"
    made = mastodon.post("/api/v1/statuses", data={"status": "", "media_ids[]": [key]}).json()
    assert [medium["id"] for medium in made["media_attachments"]] == [key]
    [shown] = sandbox.state.emulators["mastodon"].posts()
    assert [picture.alt for picture in shown.images] == ["One blue pixel"]


def test_a_picture_may_need_time_to_be_processed(mastodon: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.state.emulators["mastodon"].limits.change(polls_until_processed=2)
    uploaded = mastodon.post("/api/v2/media", files={"file": ("a.png", png(), "image/png")})
    key = uploaded.json()["id"]
    assert (uploaded.status_code, uploaded.json()["url"]) == (202, None)
    early = mastodon.post("/api/v1/statuses", json={"status": "a", "media_ids": [key]})
    assert early.status_code == 422
    assert [mastodon.get(f"/api/v1/media/{key}").status_code for _ in range(3)] == [206, 206, 200]
    assert mastodon.post("/api/v1/statuses", json={"status": "a", "media_ids": [key]}).status_code == 200


def test_an_upload_that_is_not_right_is_refused(mastodon: httpx.Client) -> None:
    def upload(content: bytes, description: str = "") -> int:
        files = {"file": ("a.png", content, "image/png")}
        return mastodon.post("/api/v2/media", files=files, data={"description": description}).status_code

    assert upload(png(), "w" * 1500) == 200
    assert upload(png(), "w" * 1501) == 422
    assert upload(b"plain words") == 422
    assert mastodon.post("/api/v2/media", data={"description": "nothing"}).status_code == 422


def test_four_pictures_are_the_limit(mastodon: httpx.Client) -> None:
    files = {"file": ("a.png", png(), "image/png")}
    keys = [mastodon.post("/api/v2/media", files=files).json()["id"] for _ in range(5)]
    assert mastodon.post("/api/v1/statuses", json={"status": "a", "media_ids": keys}).status_code == 422
    assert mastodon.post("/api/v1/statuses", json={"status": "a", "media_ids": keys[:4]}).status_code == 200
