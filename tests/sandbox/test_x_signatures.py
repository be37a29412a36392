"""OAuth 1.0a as X checks it, against signatures made by oauthlib."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from distributor.sandbox.service import Sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import ManualClock


def _signer(**changes: str) -> Client:
    account = X_ACCOUNT
    given = {
        "client_key": account.consumer_key,
        "client_secret": account.consumer_secret,
        "resource_owner_key": account.access_token,
        "resource_owner_secret": account.access_token_secret,
        **changes,
    }
    return Client(**given)


def _me(http: httpx.Client, signer: Client, *, signed_for: str = "https://api.twitter.com", query: str = "") -> int:
    _, headers, _ = signer.sign(f"{signed_for}/2/users/me{query}")
    return http.get(f"/x/2/users/me{query}", headers=headers).status_code


def test_a_call_signed_for_either_of_xs_hosts_or_this_one_is_taken(http: httpx.Client, sandbox: Sandbox) -> None:
    for base in ("https://api.twitter.com", "https://api.x.com", sandbox.url("x")):
        assert _me(http, _signer(), signed_for=base) == 200


def test_a_call_signed_for_another_host_is_refused(http: httpx.Client) -> None:
    assert _me(http, _signer(), signed_for="https://api.example.com") == 401


def test_the_query_is_part_of_what_is_signed(http: httpx.Client) -> None:
    query = "?user.fields=name%2Cid&expansions=a+b%20%C3%BC"
    _, headers, _ = _signer().sign(f"https://api.twitter.com/2/users/me{query}")
    assert http.get(f"/x/2/users/me{query}", headers=headers).status_code == 200
    _, headers, _ = _signer().sign(f"https://api.twitter.com/2/users/me{query}")
    assert http.get("/x/2/users/me?user.fields=name", headers=headers).status_code == 401


def test_the_method_is_part_of_what_is_signed(http: httpx.Client) -> None:
    _, headers, _ = _signer().sign("https://api.twitter.com/2/tweets/12", http_method="GET")
    assert http.delete("/x/2/tweets/12", headers=headers).status_code == 401


def test_a_json_body_is_not_part_of_what_is_signed(http: httpx.Client) -> None:
    _, headers, _ = _signer().sign("https://api.twitter.com/2/tweets", http_method="POST")
    assert http.post("/x/2/tweets", json={"text": "a"}, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"client_key": "someone"},
        {"client_secret": "wrong"},
        {"resource_owner_key": "someone"},
        {"resource_owner_secret": "wrong"},
        {"signature_method": SIGNATURE_HMAC_SHA256},
    ],
    ids=str,
)
def test_wrong_credentials_are_refused(http: httpx.Client, change: dict[str, str]) -> None:
    assert _me(http, _signer(**change)) == 401


def test_a_signature_is_good_for_one_call(http: httpx.Client, clock: ManualClock) -> None:
    signer = _signer(nonce="once", timestamp=str(int(clock.now.timestamp())))
    assert [_me(http, signer), _me(http, signer)] == [200, 401]


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 200), (4, 200), (6, 401)])
def test_a_signature_of_another_time_is_refused(
    http: httpx.Client, clock: ManualClock, minutes: int, status: int
) -> None:
    moment = clock.now + timedelta(minutes=minutes)
    assert _me(http, _signer(timestamp=str(int(moment.timestamp())))) == status


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer someone", "OAuth", 'OAuth oauth_nonce="a"'])
def test_a_call_without_a_signature_is_refused(http: httpx.Client, header: str) -> None:
    answer = http.get("/x/2/users/me", headers={"authorization": header})
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")
