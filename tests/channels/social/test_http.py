"""The HTTP client: bodies, failures, and the formats in which servers name a time to retry."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.api import Verdict
from distributor.channels.social import http
from distributor.channels.social.http import ApiResponse, HttpClient, UploadFile, parse_retry_at
from distributor.channels.social.results import Refused, Unknown
from distributor.domain.errors import LeaseLostError
from distributor.testing.fakes import FakeLease
from distributor.testing.scripted_server import LoseResponse, NeverRespond, Reply, Step, closed_port, scripted_server

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["2026-11-22T09:05:00.000000Z", "2026-11-22T10:05:00+01:00", "2026-11-22T09:05:00", "1795338300", " 300 "],
)
def test_a_time_is_understood_however_it_is_written(value: str) -> None:
    assert parse_retry_at(value, now=NOW) == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    "value", [None, "", "soon", "2027-01-01T00:00:00Z", "2026-11-22T08:59:59Z", "0", "9" * 30, "-5", "Sun, 22 Nov 2026"]
)
def test_what_is_no_time_past_or_far_away_is_left_to_the_schedule(value: str | None) -> None:
    assert parse_retry_at(value, now=NOW) is None


@settings(deadline=None, derandomize=True)
@given(value=st.text(max_size=30))
def test_no_header_is_too_strange(value: str) -> None:
    moment = parse_retry_at(value, now=NOW)
    assert moment is None or NOW < moment <= NOW + timedelta(days=2)


def call(url: str, **request: Any) -> ApiResponse | Refused | Unknown:
    async def once() -> ApiResponse | Refused | Unknown:
        client = HttpClient(url, timeout_seconds=0.5)
        try:
            return await client.call("POST", "/posts", **request)
        finally:
            await client.close()

    return asyncio.run(once())


def test_a_body_is_json_a_form_or_a_form_with_files() -> None:
    with scripted_server(Reply(200), Reply(200), Reply(200)) as server:
        call(server.url, json={"text": "Grüße"})
        call(server.url, form={"text": "a&b"})
        photo = UploadFile(name="a.png", content=b"\x89PNG", media_type="image/png")
        call(server.url, form={"caption": "a&b"}, files={"photo": photo})
    as_json, as_form, as_multipart = server.requests
    assert as_json.body == {"text": "Grüße"}
    assert as_form.form == {"text": "a&b"}
    assert as_multipart.form == {"caption": "a&b", "photo": b"\x89PNG"}


def test_a_call_that_was_never_sent_is_refused_and_may_be_repeated() -> None:
    with closed_port() as url:
        result = call(url)
    assert isinstance(result, Refused)
    assert result.verdict is Verdict.DEFERRED


@pytest.mark.parametrize("step", [LoseResponse(), NeverRespond()])
def test_a_call_without_a_response_is_unknown(step: Step) -> None:
    with scripted_server(step) as server:
        assert isinstance(call(server.url), Unknown)


def test_nothing_is_posted_once_the_lease_has_run_out_and_reading_goes_on() -> None:
    async def post_and_read() -> ApiResponse | Refused | Unknown:
        client = HttpClient(server.url, timeout_seconds=2, lease=FakeLease(has_run_out=True))
        try:
            with pytest.raises(LeaseLostError):
                await client.call("POST", "/posts", json={"text": "a"})
            return await client.call("GET", "/posts")
        finally:
            await client.close()

    with scripted_server(route=lambda _: Reply(200)) as server:
        assert isinstance(asyncio.run(post_and_read()), ApiResponse)
    assert [request.method for request in server.requests] == ["GET"]


def test_a_redirect_is_not_followed() -> None:
    with scripted_server(Reply(307, {}, {"Location": "/elsewhere"})) as server:
        result = call(server.url)
    assert isinstance(result, ApiResponse)
    assert (result.status_code, len(server.requests)) == (307, 1)


def test_a_response_without_end_is_read_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_RESPONSE_BYTES", 1000)
    with scripted_server(Reply(200, b"x" * 1001)) as server:
        result = call(server.url)
    assert isinstance(result, Unknown)
    assert "more than 1,000 bytes" in result.reply
