"""Injected faults of every network."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.service import Sandbox

from .clients import TID, BlueskyClient, ManualClock, plain_client, post_record

Post = Callable[[], httpx.Response]
NETWORKS = ("x", "mastodon", "bluesky")
# A connection that breaks shows as an end or as a reset, whichever the kernel tells first.
DROPPED = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def post(network: str, x: httpx.Client, mastodon: httpx.Client, bluesky: BlueskyClient) -> Post:
    """Posts, on the network, the same each time where the network takes that."""
    texts = iter(str(number) for number in range(1000))
    return {
        "x": lambda: x.post("/2/tweets", json={"text": next(texts)}),
        "mastodon": lambda: mastodon.post("/api/v1/statuses", json={"status": "a"}),
        "bluesky": lambda: bluesky.call(
            "com.atproto.repo.createRecord",
            repo="distributor.test",
            collection="app.bsky.feed.post",
            record=post_record(next(texts)),
        ),
    }[network]


def _posts(sandbox: Sandbox, network: str) -> int:
    return len(sandbox.state.emulators[network].posts())


@pytest.mark.parametrize(("code", "answered"), [(None, 503), (401, 401), (403, 403), (520, 520)])
def test_a_refusal_does_nothing(sandbox: Sandbox, network: str, post: Post, code: int | None, answered: int) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.REFUSE, code=code, times=2, text="not today"))
    assert [post().status_code, post().status_code] == [answered] * 2
    assert _posts(sandbox, network) == 0
    assert post().is_success
    assert _posts(sandbox, network) == 1


def test_a_refusal_has_the_networks_form_and_the_given_words(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.REFUSE, text="not today"))
    body = post().json()
    forms = {
        "x": {"title": "Service Unavailable", "detail": "not today", "type": "about:blank", "status": 503},
        "mastodon": {"error": "not today"},
        "bluesky": {"error": "NotEnoughResources", "message": "not today"},
    }
    assert body == forms[network]


def test_a_pretended_limit_says_when_it_ends(sandbox: Sandbox, network: str, post: Post, clock: ManualClock) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.REFUSE, code=429, seconds=90, times=1))
    refused = post()
    header = {"x": "x-rate-limit-", "mastodon": "x-ratelimit-", "bluesky": "ratelimit-"}[network]
    assert (refused.status_code, refused.headers[f"{header}remaining"]) == (429, "0")
    if network != "mastodon":
        assert int(refused.headers[f"{header}reset"]) == int(clock.now.timestamp()) + 90
    assert post().is_success


def test_a_connection_can_be_dropped_before_anything_happens(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.DROP, times=1))
    with pytest.raises(DROPPED):
        post()
    assert _posts(sandbox, network) == 0
    assert post().is_success


def test_an_answer_can_be_lost_though_the_post_is_there(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.LOSE_RESPONSE, after=1, times=1))
    assert post().is_success
    with pytest.raises(DROPPED):
        post()
    assert post().is_success
    assert _posts(sandbox, network) == 3


def test_a_post_can_be_made_and_denied(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.DENY_AFTER_COMMIT, times=1))
    assert post().status_code == 500
    assert _posts(sandbox, network) == 1


def test_a_post_can_be_made_in_silence(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.HANG, seconds=0.2, times=1))
    with pytest.raises(DROPPED):
        post()
    assert _posts(sandbox, network) == 1


def test_a_slow_call_works_in_the_end(sandbox: Sandbox, network: str, post: Post) -> None:
    sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.SLOW, seconds=0.05))
    assert post().is_success
    assert sandbox.state.switches.active(network)[0][1] == 1


def test_a_callers_patience_can_end_before_a_slow_answer(sandbox: Sandbox, mastodon: httpx.Client) -> None:
    sandbox.state.switches.set("mastodon", InjectedFault(kind=FaultKind.HANG, seconds=60))
    with pytest.raises(httpx.ReadTimeout):
        mastodon.post("/api/v1/statuses", json={"status": "a"}, timeout=0.2)
    assert _posts(sandbox, "mastodon") == 1


def test_only_the_named_calls_are_struck(sandbox: Sandbox, x: httpx.Client) -> None:
    sandbox.state.switches.set("x", InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.READ))
    assert x.post("/2/tweets", json={"text": "a"}).status_code == 201
    assert x.get("/2/users/me").status_code == 503


def test_a_login_can_fail(sandbox: Sandbox) -> None:
    sandbox.state.switches.set("bluesky", InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.LOGIN, code=502))
    with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
        refused = client.post("/com.atproto.server.createSession", json={"identifier": "a", "password": "b"})
    assert (refused.status_code, refused.json()["error"]) == (502, "UpstreamFailure")


def test_what_the_network_refuses_itself_is_not_hidden(sandbox: Sandbox, bluesky: BlueskyClient) -> None:
    sandbox.state.switches.set("bluesky", InjectedFault(kind=FaultKind.LOSE_RESPONSE))
    assert bluesky.put(post_record("a" * 301), rkey=TID).status_code == 400
