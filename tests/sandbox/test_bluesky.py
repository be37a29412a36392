"""A PDS's methods, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from distributor.sandbox.bluesky.account import BLUESKY_ACCOUNT
from distributor.sandbox.service import Sandbox

from .clients import OTHER_TID, TID, BlueskyClient, ManualClock, plain_client, png, post_record

URI = f"at://{BLUESKY_ACCOUNT.did}/app.bsky.feed.post/{TID}"
PLACE = {"repo": BLUESKY_ACCOUNT.did, "collection": "app.bsky.feed.post"}


def _error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_record_can_be_put_and_got_by_anyone(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    record = post_record("Grüße")
    put = bluesky.put(record, swapRecord=None)
    assert (put.status_code, put.json()["uri"], put.json()["validationStatus"]) == (200, URI, "valid")
    assert put.json()["cid"].startswith("bafyrei")
    with plain_client(sandbox.url("bluesky") + "/xrpc") as stranger:
        got = stranger.get("/com.atproto.repo.getRecord", params={**PLACE, "rkey": TID}).json()
        by_handle = stranger.get(
            "/com.atproto.repo.getRecord", params={**PLACE, "repo": BLUESKY_ACCOUNT.handle, "rkey": TID}
        ).json()
    assert got == by_handle == {"uri": URI, "cid": put.json()["cid"], "value": record}


def test_the_same_record_again_is_the_same(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    first = bluesky.put(post_record(), swapRecord=None).json()
    again = bluesky.put(post_record(), swapRecord=None)
    assert (again.status_code, again.json()) == (200, {"uri": first["uri"], "cid": first["cid"]})
    assert len(sandbox.state.emulators["bluesky"].posts()) == 1


def test_another_record_in_its_place_is_an_invalid_swap(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    first = bluesky.put(post_record("first"), swapRecord=None).json()
    refused = bluesky.put(post_record("second"), swapRecord=None)
    assert _error(refused) == (400, "InvalidSwap")
    assert first["cid"] in refused.json()["message"]
    assert [post.text for post in sandbox.state.emulators["bluesky"].posts()] == ["first"]


def test_without_a_swap_a_record_is_replaced_silently(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    bluesky.put(post_record("first"))
    assert bluesky.put(post_record("second")).status_code == 200
    assert [post.text for post in sandbox.state.emulators["bluesky"].posts()] == ["second"]


def test_a_swap_of_the_version_that_is_there_replaces_it(bluesky: BlueskyClient) -> None:
    first = bluesky.put(post_record("first")).json()["cid"]
    second = bluesky.put(post_record("second"), swapRecord=first)
    assert second.status_code == 200
    assert _error(bluesky.put(post_record("third"), swapRecord=first)) == (400, "InvalidSwap")


def test_createrecord_makes_its_own_key_and_fails_on_one_in_use(bluesky: BlueskyClient) -> None:
    one, two = (
        bluesky.call("com.atproto.repo.createRecord", **PLACE, record=post_record()).json()["uri"] for _ in range(2)
    )
    assert one < two
    rkey = one.rpartition("/")[2]
    used = bluesky.call("com.atproto.repo.createRecord", **PLACE, rkey=rkey, record=post_record())
    assert _error(used) == (500, "InternalServerError")


@pytest.mark.parametrize(
    "rkey", ["self", "3lbn2q5kcxs2", "3lbn2q5kcxs2a2", "zlbn2q5kcxs2a", "3LBN2q5kcxs2a", "", "../x"]
)
def test_a_post_needs_a_tid_as_its_key(bluesky: BlueskyClient, rkey: str) -> None:
    assert _error(bluesky.put(post_record(), rkey=rkey)) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    "change",
    [{"repo": "did:plc:someoneelse"}, {"collection": "app.bsky.feed.like"}, {"record": "text"}, {"swapRecord": 7}],
    ids=str,
)
def test_a_place_that_is_not_the_accounts_is_refused(bluesky: BlueskyClient, change: dict[str, Any]) -> None:
    body = {**PLACE, "rkey": TID, "record": post_record(), **change}
    assert _error(bluesky.call("com.atproto.repo.putRecord", **body)) == (400, "InvalidRequest")


def test_records_are_listed_in_the_order_of_their_keys(bluesky: BlueskyClient) -> None:
    bluesky.put(post_record("late"), rkey=OTHER_TID)
    bluesky.put(post_record("early"), rkey=TID)

    def texts(**query: Any) -> list[str]:
        found = bluesky.query("com.atproto.repo.listRecords", **PLACE, **query).json()
        return [record["value"]["text"] for record in found["records"]]

    assert texts() == ["late", "early"]
    assert texts(reverse="true") == ["early", "late"]
    first = bluesky.query("com.atproto.repo.listRecords", **PLACE, limit=1).json()
    assert first["cursor"] == OTHER_TID
    assert texts(limit=1, cursor=first["cursor"]) == ["early"]
    assert texts(cursor=TID) == []
    assert _error(bluesky.query("com.atproto.repo.listRecords", **PLACE, limit=101)) == (400, "InvalidRequest")


def test_a_deleted_record_is_gone_and_may_be_deleted_again(bluesky: BlueskyClient) -> None:
    bluesky.put(post_record())
    wrong = bluesky.call("com.atproto.repo.deleteRecord", **PLACE, rkey=TID, swapRecord="bafyother")
    assert _error(wrong) == (400, "InvalidSwap")
    assert bluesky.call("com.atproto.repo.deleteRecord", **PLACE, rkey=TID).status_code == 200
    missing = bluesky.query("com.atproto.repo.getRecord", **PLACE, rkey=TID)
    assert _error(missing) == (400, "RecordNotFound")
    assert bluesky.call("com.atproto.repo.deleteRecord", **PLACE, rkey=TID).status_code == 200


@pytest.mark.parametrize(
    ("identifier", "password"),
    [(BLUESKY_ACCOUNT.handle, "wrong"), ("someone.test", BLUESKY_ACCOUNT.app_password)],
)
def test_a_wrong_login_is_refused(sandbox: Sandbox, identifier: str, password: str) -> None:
    with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
        given = {"identifier": identifier, "password": password}
        refused = client.post("/com.atproto.server.createSession", json=given)
    assert _error(refused) == (401, "AuthenticationRequired")


def test_a_did_logs_in_as_well_as_a_handle(sandbox: Sandbox) -> None:
    with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
        given = {"identifier": BLUESKY_ACCOUNT.did, "password": BLUESKY_ACCOUNT.app_password}
        session = client.post("/com.atproto.server.createSession", json=given).json()
        resolved = client.get("/com.atproto.identity.resolveHandle", params={"handle": session["handle"]}).json()
    assert session["did"] == resolved["did"] == BLUESKY_ACCOUNT.did


def test_an_access_token_expires(bluesky: BlueskyClient, clock: ManualClock) -> None:
    clock.move(hours=2, seconds=-1)
    assert bluesky.query("com.atproto.server.getSession").json()["handle"] == BLUESKY_ACCOUNT.handle
    clock.move(seconds=1)
    assert _error(bluesky.put(post_record())) == (400, "ExpiredToken")


def test_a_refresh_token_gives_a_new_session_once(bluesky: BlueskyClient, clock: ManualClock) -> None:
    clock.move(hours=3)
    headers = {"authorization": f"Bearer {bluesky.session['refreshJwt']}"}
    renewed = bluesky.client.post("/com.atproto.server.refreshSession", headers=headers)
    assert renewed.status_code == 200
    assert BlueskyClient(bluesky.client, renewed.json()).put(post_record()).status_code == 200
    clock.move(hours=3)
    again = bluesky.client.post("/com.atproto.server.refreshSession", headers=headers)
    assert _error(again) == (400, "ExpiredToken")


def test_tokens_are_not_interchangeable_or_forgeable(bluesky: BlueskyClient) -> None:
    access, refresh = bluesky.session["accessJwt"], bluesky.session["refreshJwt"]
    head, claims, signature = access.split(".")
    forged = f"{head}.{claims[:-2]}AA.{signature}"
    for token in (refresh, forged, "abc"):
        caller = BlueskyClient(bluesky.client, {"accessJwt": token})
        assert _error(caller.put(post_record())) == (400, "InvalidToken")


def test_writing_needs_a_token(bluesky: BlueskyClient) -> None:
    answer = bluesky.client.post("/com.atproto.repo.putRecord", json={})
    assert _error(answer) == (401, "AuthMissing")


def test_creating_costs_three_points_putting_two_deleting_one(bluesky: BlueskyClient) -> None:
    created = bluesky.call("com.atproto.repo.createRecord", **PLACE, record=post_record("a"))
    put = bluesky.put(post_record("b"))
    deleted = bluesky.call("com.atproto.repo.deleteRecord", **PLACE, rkey=TID)
    left = [answer.headers["ratelimit-remaining"] for answer in (created, put, deleted)]
    assert left == ["4997", "4995", "4994"]


def test_points_come_back_after_an_hour(bluesky: BlueskyClient, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.state.emulators["bluesky"].limits.change(points_per_hour=2)
    assert bluesky.put(post_record()).status_code == 200
    refused = bluesky.put(post_record(), rkey=OTHER_TID)
    assert _error(refused) == (429, "RateLimitExceeded")
    assert int(refused.headers["ratelimit-reset"]) == int(clock.now.timestamp()) + 3600
    clock.move(hours=1)
    assert bluesky.put(post_record(), rkey=OTHER_TID).status_code == 200


def test_thirty_logins_in_five_minutes_are_the_limit(bluesky: BlueskyClient) -> None:
    for _ in range(29):
        BlueskyClient.logged_in(bluesky.client)
    given = {"identifier": BLUESKY_ACCOUNT.handle, "password": BLUESKY_ACCOUNT.app_password}
    refused = bluesky.client.post("/com.atproto.server.createSession", json=given)
    assert _error(refused) == (429, "RateLimitExceeded")


def test_a_blob_must_have_its_declared_type(bluesky: BlueskyClient) -> None:
    blob = bluesky.upload(png(), "image/png").json()["blob"]
    assert (blob["mimeType"], blob["size"]) == ("image/png", len(png()))
    assert blob["ref"]["$link"].startswith("bafkrei")
    assert _error(bluesky.upload(png(), "image/jpeg")) == (400, "InvalidMimeType")
    assert _error(bluesky.upload(b"words", "text/plain")) == (400, "InvalidMimeType")
    assert _error(bluesky.upload(png(5 * 1024 * 1024), "image/png")) == (413, "PayloadTooLarge")


def test_an_unknown_method_is_not_implemented(bluesky: BlueskyClient) -> None:
    assert _error(bluesky.query("app.bsky.feed.getTimeline")) == (501, "MethodNotImplemented")
    assert _error(bluesky.query("com.atproto.repo.putRecord")) == (405, "InvalidRequest")


def test_a_body_must_be_json(bluesky: BlueskyClient) -> None:
    headers = {"authorization": f"Bearer {bluesky.session['accessJwt']}"}
    for content_type, content in (("text/plain", b"{}"), ("application/json", b"{")):
        answer = bluesky.client.post(
            "/com.atproto.repo.putRecord", content=content, headers=headers | {"content-type": content_type}
        )
        assert _error(answer) == (400, "InvalidRequest")
