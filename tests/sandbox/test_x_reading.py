"""Reading from X: timelines, single posts, limits."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from distributor.sandbox.service import Sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import ManualClock

TIMELINE = f"/2/users/{X_ACCOUNT.user_id}/tweets"


def _post(x: httpx.Client, text: str, **more: object) -> str:
    answer = x.post("/2/tweets", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def test_the_account_knows_itself(x: httpx.Client) -> None:
    assert x.get("/2/users/me").json()["data"] == {
        "id": X_ACCOUNT.user_id,
        "name": "Distributor",
        "username": "distributor",
    }


def test_links_come_back_as_t_co_with_their_expansion(x: httpx.Client) -> None:
    key = _post(x, "Größe < 5: https://news.example.com/a?b=1&c=2 and example.org #Über $ABC @someone")
    found = x.get(f"/2/tweets/{key}", params={"tweet.fields": "entities"}).json()["data"]
    first, second = found["entities"]["urls"]
    assert "https://news.example.com" not in found["text"]
    assert "&lt; 5" in found["text"]
    assert (first["expanded_url"], second["expanded_url"]) == (
        "https://news.example.com/a?b=1&c=2",
        "http://example.org",
    )
    for entity in (first, second):
        assert found["text"][entity["start"] : entity["end"]] == entity["url"]
        assert len(entity["url"]) == 23
    [hashtag], [cashtag], [mention] = (found["entities"][kind] for kind in ("hashtags", "cashtags", "mentions"))
    assert found["text"][hashtag["start"] : hashtag["end"]] == "#Über"
    assert (hashtag["tag"], cashtag["tag"], mention["username"]) == ("Über", "ABC", "someone")


def test_fields_come_only_if_asked_for(x: httpx.Client, clock: ManualClock) -> None:
    key = _post(x, "a")
    assert set(x.get(f"/2/tweets/{key}").json()["data"]) == {"id", "text", "edit_history_tweet_ids"}
    found = x.get(f"/2/tweets/{key}", params={"tweet.fields": "created_at,author_id"}).json()["data"]
    assert found["created_at"].startswith(clock.now.strftime("%Y-%m-%dT%H:%M:%S."))
    assert found["author_id"] == X_ACCOUNT.user_id


def test_an_unknown_post_is_an_error_inside_a_200(x: httpx.Client) -> None:
    answer = x.get("/2/tweets/12")
    assert answer.status_code == 200
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["title"] == "Not Found Error"


def test_the_timeline_is_newest_first_in_pages(x: httpx.Client) -> None:
    made = [_post(x, f"number {number}") for number in range(12)]
    first = x.get(TIMELINE, params={"max_results": 5}).json()
    assert [post["id"] for post in first["data"]] == made[:-6:-1]
    assert first["meta"]["result_count"] == 5
    second = x.get(TIMELINE, params={"max_results": 5, "pagination_token": first["meta"]["next_token"]}).json()
    third = x.get(TIMELINE, params={"max_results": 5, "pagination_token": second["meta"]["next_token"]}).json()
    assert [post["id"] for page in (first, second, third) for post in page["data"]] == made[::-1]
    assert "next_token" not in third["meta"]


def test_the_timeline_can_be_asked_from_a_time_on(x: httpx.Client, clock: ManualClock) -> None:
    _post(x, "early")
    clock.now = clock.now.replace(microsecond=0) + timedelta(minutes=1)
    since = clock.now
    late = _post(x, "late")
    found = x.get(TIMELINE, params={"start_time": since.strftime("%Y-%m-%dT%H:%M:%SZ")}).json()
    assert [post["id"] for post in found["data"]] == [late]
    later = (since + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert x.get(TIMELINE, params={"start_time": later}).json() == {"meta": {"result_count": 0}}


def test_replies_can_be_left_out(x: httpx.Client) -> None:
    first = _post(x, "first")
    reply = _post(x, "reply", reply={"in_reply_to_tweet_id": first})
    assert [post["id"] for post in x.get(TIMELINE).json()["data"]] == [reply, first]
    assert [post["id"] for post in x.get(TIMELINE, params={"exclude": "replies"}).json()["data"]] == [first]


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": 4},
        {"max_results": 101},
        {"max_results": "many"},
        {"start_time": "2026-11-22"},
        {"start_time": "2026-11-22T10:00:00+01:00"},
        {"start_time": "2026-13-22T10:00:00Z"},
        {"tweet.fields": "colour"},
        {"colour": "red"},
        {"exclude": "everything"},
    ],
    ids=str,
)
def test_a_query_that_x_does_not_know_is_refused(x: httpx.Client, query: dict[str, str]) -> None:
    assert x.get(TIMELINE, params=query).status_code == 400


def test_another_users_timeline_is_not_there(x: httpx.Client) -> None:
    assert x.get("/2/users/12/tweets").json()["errors"][0]["resource_type"] == "user"


def test_every_answer_says_what_is_left_until_when(x: httpx.Client, clock: ManualClock) -> None:
    refused = x.post("/2/tweets", json={})
    accepted = x.post("/2/tweets", json={"text": "a"})
    assert [answer.headers["x-rate-limit-remaining"] for answer in (refused, accepted)] == ["99", "98"]
    assert accepted.headers["x-rate-limit-limit"] == "100"
    assert int(accepted.headers["x-rate-limit-reset"]) == int(clock.now.timestamp()) + 900


def test_too_many_posts_are_refused_until_the_window_is_over(
    x: httpx.Client, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.state.emulators["x"].limits.change(posts_per_window=2)
    answers = [x.post("/2/tweets", json={"text": f"{number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].json() == {
        "title": "Too Many Requests",
        "detail": "Too Many Requests",
        "type": "about:blank",
        "status": 429,
    }
    assert answers[-1].headers["x-rate-limit-remaining"] == "0"
    assert x.get("/2/users/me").status_code == 200
    clock.move(seconds=900)
    assert x.post("/2/tweets", json={"text": "later"}).status_code == 201


def test_an_unknown_path_is_a_problem_too(x: httpx.Client) -> None:
    answer = x.get("/2/nothing")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert x.put("/2/tweets").status_code == 405
