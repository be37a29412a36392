"""X's rules for new posts."""

from __future__ import annotations

import base64

import httpx
import pytest

from distributor.sandbox.service import Sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import ManualClock, png


def test_a_post_gets_a_growing_number_and_its_text_back(x: httpx.Client) -> None:
    first = x.post("/2/tweets", json={"text": "one"})
    second = x.post("/2/tweets", json={"text": "two"})
    assert (first.status_code, first.json()["data"]["text"]) == (201, "one")
    assert first.json()["data"]["edit_history_tweet_ids"] == [first.json()["data"]["id"]]
    assert int(first.json()["data"]["id"]) < int(second.json()["data"]["id"])


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("a" * 280, 201),
        ("a" * 281, 403),
        ("語" * 140, 201),
        ("語" * 141, 403),
        ("👨‍👩‍👧‍👦" * 140, 201),
        ("👨‍👩‍👧‍👦" * 141, 403),
        ("a" * 256 + " https://a.com/" + "b" * 300, 201),
        ("a" * 257 + " https://a.com/" + "b" * 300, 403),
        ("a" * 257 + " a.com", 403),
        ("e\u0301" * 280, 201),
    ],
    ids=lambda value: str(value)[:12],
)
def test_280_weighted_characters_are_the_limit(x: httpx.Client, text: str, status: int) -> None:
    assert x.post("/2/tweets", json={"text": text}).status_code == status


def test_a_refusal_for_content_is_a_plain_problem(x: httpx.Client) -> None:
    answer = x.post("/2/tweets", json={"text": "a" * 281})
    assert answer.json() == {
        "title": "Forbidden",
        "detail": "Your Tweet text is too long: weighted length 281, allowed 280.",
        "type": "about:blank",
        "status": 403,
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n"},
        {"text": 7},
        {"text": "a", "colour": "red"},
        {"text": "a", "reply": {"in_reply_to_tweet_id": 12}},
        {"text": "a", "reply": {}},
        {"text": "a", "media": {"media_ids": []}},
        {"text": "a", "media": {"media_ids": ["1"]}},
        {"text": "a\ufffe"},
    ],
    ids=str,
)
def test_a_malformed_post_is_an_invalid_request(x: httpx.Client, body: dict[str, object]) -> None:
    answer = x.post("/2/tweets", json=body)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid Request"
    assert answer.json()["type"] == "https://api.twitter.com/2/problems/invalid-request"
    assert answer.json()["errors"][0]["message"]


def test_a_body_that_is_not_json_is_an_invalid_request(x: httpx.Client) -> None:
    assert x.post("/2/tweets", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert x.post("/2/tweets", data={"text": "a"}).status_code == 400


def test_the_same_text_again_is_refused_without_an_id(x: httpx.Client) -> None:
    made = x.post("/2/tweets", json={"text": "Caf\u00e9 news "}).json()["data"]["id"]
    answer = x.post("/2/tweets", json={"text": "Cafe\u0301 news"})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You are not allowed to create a Tweet with duplicate content."
    assert made not in answer.text


def test_the_same_text_is_welcome_after_a_delete_or_a_day(x: httpx.Client, clock: ManualClock) -> None:
    made = x.post("/2/tweets", json={"text": "again"}).json()["data"]["id"]
    assert x.delete(f"/2/tweets/{made}").json() == {"data": {"deleted": True}}
    assert x.post("/2/tweets", json={"text": "again"}).status_code == 201
    clock.move(hours=25)
    assert x.post("/2/tweets", json={"text": "again"}).status_code == 201


def test_a_reply_joins_the_thread(x: httpx.Client) -> None:
    first = x.post("/2/tweets", json={"text": "1/3"}).json()["data"]["id"]
    second = x.post("/2/tweets", json={"text": "2/3", "reply": {"in_reply_to_tweet_id": first}}).json()["data"]["id"]
    third = x.post("/2/tweets", json={"text": "3/3", "reply": {"in_reply_to_tweet_id": second}}).json()["data"]["id"]
    fields = {"tweet.fields": "conversation_id,referenced_tweets,in_reply_to_user_id"}
    found = x.get(f"/2/tweets/{third}", params=fields).json()["data"]
    assert found["conversation_id"] == first
    assert found["referenced_tweets"] == [{"type": "replied_to", "id": second}]
    assert found["in_reply_to_user_id"] == X_ACCOUNT.user_id


def test_a_reply_to_nothing_is_forbidden(x: httpx.Client) -> None:
    answer = x.post("/2/tweets", json={"text": "a", "reply": {"in_reply_to_tweet_id": "12"}})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You attempted to reply to a Tweet that is deleted or not visible to you."


def test_a_self_serve_app_may_only_reply_where_it_was_mentioned(x: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.state.emulators["x"].limits.change(self_serve=True)
    silent = x.post("/2/tweets", json={"text": "Good morning"}).json()["data"]["id"]
    calling = x.post("/2/tweets", json={"text": "Good morning @Distributor!"}).json()["data"]["id"]
    refused = x.post("/2/tweets", json={"text": "a", "reply": {"in_reply_to_tweet_id": silent}})
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert x.post("/2/tweets", json={"text": "b", "reply": {"in_reply_to_tweet_id": calling}}).status_code == 201


def test_one_cashtag_is_the_limit(x: httpx.Client) -> None:
    assert x.post("/2/tweets", json={"text": "$ABC costs $12"}).status_code == 201
    assert x.post("/2/tweets", json={"text": "$ABC and $XYZ"}).status_code == 403


def test_quoting_is_refused(x: httpx.Client) -> None:
    made = x.post("/2/tweets", json={"text": "a"}).json()["data"]["id"]
    assert x.post("/2/tweets", json={"text": "b", "quote_tweet_id": made}).status_code == 403


def test_a_picture_with_its_words_can_be_posted(x: httpx.Client, sandbox: Sandbox) -> None:
    given = {"media": base64.b64encode(png()).decode(), "media_category": "tweet_image", "media_type": "image/png"}
    uploaded = x.post("/2/media/upload", json=given).json()["data"]
    described = x.post(
        "/2/media/metadata", json={"id": uploaded["id"], "metadata": {"alt_text": {"text": "One blue pixel"}}}
    )
    assert described.status_code == 200
    made = x.post("/2/tweets", json={"text": "Look & see", "media": {"media_ids": [uploaded["id"]]}})
    assert made.status_code == 201
    assert made.json()["data"]["text"].startswith("Look &amp; see https://t.co/")
    [shown] = sandbox.state.emulators["x"].posts()
    assert [picture.alt for picture in shown.images] == ["One blue pixel"]


def test_a_picture_is_forgotten_after_a_day(x: httpx.Client, clock: ManualClock) -> None:
    given = {"media": base64.b64encode(png()).decode(), "media_category": "tweet_image"}
    uploaded = x.post("/2/media/upload", json=given).json()["data"]["id"]
    clock.move(hours=24, seconds=1)
    assert x.post("/2/tweets", json={"text": "a", "media": {"media_ids": [uploaded]}}).status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        {"media": "not base64", "media_category": "tweet_image"},
        {"media": base64.b64encode(b"plain words").decode(), "media_category": "tweet_image"},
        {"media": base64.b64encode(png()).decode(), "media_category": "tweet_image", "media_type": "image/jpeg"},
        {"media": base64.b64encode(png(5 * 1024 * 1024)).decode(), "media_category": "tweet_image"},
        {"media": base64.b64encode(png()).decode(), "media_category": "poster"},
    ],
    ids=["not base64", "no image", "another type", "too large", "unknown category"],
)
def test_an_upload_that_is_not_right_is_refused(x: httpx.Client, given: dict[str, str]) -> None:
    assert x.post("/2/media/upload", json=given).status_code == 400


def test_alternative_text_has_a_limit_and_needs_a_picture(x: httpx.Client) -> None:
    given = {"media": base64.b64encode(png()).decode(), "media_category": "tweet_image"}
    uploaded = x.post("/2/media/upload", json=given).json()["data"]["id"]
    for key, words, status in ((uploaded, "w" * 1000, 200), (uploaded, "w" * 1001, 400), ("12", "w", 400)):
        body = {"id": key, "metadata": {"alt_text": {"text": words}}}
        assert x.post("/2/media/metadata", json=body).status_code == status
