"""What each response of the providers' APIs means.

They are written after the documentation that each file names; none was taken from a live account.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from distributor.channels.email.delivery.api_client import Response, classify_response, retry_after
from distributor.channels.email.delivery.replies import ClassifiedReply
from distributor.channels.email.providers.registry import providers
from distributor.domain.delivery import Verdict
from tests.channels.email.mailing import NOW

RECORDED: dict[str, Any] = {
    name: json.loads((Path(__file__).parents[1] / "providers" / "recorded" / f"{name}.json").read_text())
    for name in providers()
}
ANSWERS = [(name, answer) for name, recorded in RECORDED.items() for answer in recorded["answers"]]


def read(provider: str, recorded: dict[str, Any]) -> ClassifiedReply:
    body = recorded["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    response = Response(recorded["status"], httpx.Headers(recorded["headers"]), raw)
    return classify_response(providers()[provider], response, now=NOW)


@pytest.mark.parametrize(("provider", "answer"), ANSWERS, ids=[f"{name}-{one['name']}" for name, one in ANSWERS])
def test_an_answer_means_what_its_provider_says_of_it(provider: str, answer: dict[str, Any]) -> None:
    judgement = read(provider, answer).classification
    assert (judgement.verdict, judgement.reason) == (Verdict(answer["verdict"]), answer["reason"])


@pytest.mark.parametrize("provider", providers())
def test_names_in_a_strangers_words_say_nothing(provider: str) -> None:
    """Anyone who chooses an address must not be able to pause a relay with it."""
    words = "what is <probation.daily_quota_exceeded.NotFoundException@x.example>"
    body = {"message": words, "name": "x", "ErrorCode": 9, "Message": words, "errors": [{"message": words}]}
    judgement = read(provider, {"status": 400, "headers": {}, "body": body}).classification
    assert (judgement.verdict, judgement.reason) == (Verdict.SENDER_REJECTED, "syntaxerror")


@pytest.mark.parametrize("provider", providers())
def test_a_mail_that_is_taken_keeps_the_name_that_its_provider_gave_it(provider: str) -> None:
    reply = read(provider, RECORDED[provider]["taken"])
    assert reply.classification.verdict is Verdict.SENT
    assert reply.text == f"accepted as {RECORDED[provider]['remote_id']}"


@pytest.mark.parametrize("provider", providers())
@pytest.mark.parametrize("body", ["<html>Welcome to the hotel</html>", "", "[1]", '{"id": null}', '{"id": {}}'])
def test_a_success_without_a_name_may_come_from_anybody(provider: str, body: str) -> None:
    answer = {"status": 200, "headers": {}, "body": body}
    assert read(provider, answer).classification.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("provider", providers())
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (301, Verdict.SENDER_REJECTED),
        (404, Verdict.SENDER_REJECTED),
        (429, Verdict.DEFERRED),
        (503, Verdict.DEFERRED),
        (502, Verdict.UNKNOWN),
        (504, Verdict.UNKNOWN),
    ],
)
def test_an_answer_without_words_means_what_its_status_says(provider: str, status: int, verdict: Verdict) -> None:
    assert read(provider, {"status": status, "headers": {}, "body": ""}).classification.verdict is verdict


def test_a_strangers_words_are_kept_in_one_line_of_bearable_length() -> None:
    answer = {"status": 400, "headers": {}, "body": {"message": "so\r\nlong\x1b[31m " + "x" * 5000}}
    text = read("resend", answer).text
    assert text.isprintable()
    assert len(text) <= 500


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("30", 30), ("1.5", 1.5), ("Sun, 22 Nov 2026 12:01:00 GMT", 60), ("0", 0), ("9999999", 24 * 3600)],
)
def test_a_wish_to_wait_is_understood_in_both_forms(value: str, seconds: float) -> None:
    assert retry_after(value, now=NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "9" * 400])
def test_a_wish_to_wait_that_cannot_be_understood_is_none(value: str | None) -> None:
    assert retry_after(value, now=NOW) is None
