"""tweepy works with the emulator of X."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.service import Sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import png


class _Detour(HTTPAdapter):
    """Sends what is meant for X, and signed for X, to the sandbox."""

    def __init__(self, x_url: str) -> None:
        super().__init__()
        self._x_url = x_url

    def send(self, request: requests.PreparedRequest, **more: object) -> requests.Response:  # type: ignore[override]
        assert request.url is not None
        request.url = request.url.replace("https://api.twitter.com", self._x_url, 1)
        return super().send(request, **more | {"timeout": 10})  # type: ignore[arg-type]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[tweepy.Client]:
    account = X_ACCOUNT
    client = tweepy.Client(
        consumer_key=account.consumer_key,
        consumer_secret=account.consumer_secret,
        access_token=account.access_token,
        access_token_secret=account.access_token_secret,
    )
    client.session.mount("https://api.twitter.com", _Detour(sandbox.url("x")))
    yield client
    client.session.close()


def test_a_thread_can_be_posted_and_read_back(client: tweepy.Client) -> None:
    me = client.get_me(user_auth=True).data
    first = client.create_tweet(text="Part one: https://example.com/größe?a=1&b=2 ✓").data["id"]
    second = client.create_tweet(text="Part two", in_reply_to_tweet_id=first).data["id"]
    found = client.get_users_tweets(
        me.id, tweet_fields=["entities", "created_at", "referenced_tweets"], max_results=5, user_auth=True
    )
    assert [str(post.id) for post in found.data] == [second, first]
    assert found.data[0].referenced_tweets[0].id == int(first)
    assert found.data[1].entities["urls"][0]["expanded_url"] == "https://example.com/größe?a=1&b=2"
    assert client.delete_tweet(second).data == {"deleted": True}


def test_refusals_are_the_exceptions_that_tweepy_has_for_them(client: tweepy.Client) -> None:
    client.create_tweet(text="once")
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        client.create_tweet(text="once")
    with pytest.raises(tweepy.BadRequest):
        client.create_tweet(text="")


def test_the_limit_tells_tweepy_when_it_ends(client: tweepy.Client, sandbox: Sandbox) -> None:
    sandbox.state.emulators["x"].limits.change(posts_per_window=0)
    with pytest.raises(tweepy.TooManyRequests) as refused:
        client.create_tweet(text="a")
    assert int(refused.value.response.headers["x-rate-limit-reset"]) > sandbox.state.clock().timestamp()


def test_a_picture_goes_up_through_the_v2_call(client: tweepy.Client) -> None:
    given = {"media": base64.b64encode(png()).decode(), "media_category": "tweet_image"}
    uploaded = client.request("POST", "/2/media/upload", json=given, user_auth=True).json()["data"]["id"]
    assert client.create_tweet(text="Look", media_ids=[uploaded]).data["id"]


def test_a_lost_answer_is_a_broken_connection_to_tweepy(client: tweepy.Client, sandbox: Sandbox) -> None:
    sandbox.state.switches.set("x", InjectedFault(kind=FaultKind.LOSE_RESPONSE))
    with pytest.raises(requests.ConnectionError):
        client.create_tweet(text="Did it arrive?")
    assert [post.text for post in sandbox.state.emulators["x"].posts()] == ["Did it arrive?"]
