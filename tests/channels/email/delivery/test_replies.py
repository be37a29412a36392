"""What SMTP replies mean."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.delivery.replies import classify_reply
from distributor.domain.delivery import Verdict
from distributor.mail.bounces.policy import PauseScope, SubscriberEffect
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply, SmtpReplyParser
from tests.channels.email.mailing import NOW
from tests.paths import SHARED

SAMPLES = SHARED / "data" / "smtp-replies" / "responses.toml"


def a_reply(text: str) -> SmtpReply:
    """A reply written as ``550 5.1.1 text``."""
    return SmtpReply(int(text[:3]), (text[4:],))


def verdict(text: str, stage: SmtpStage = SmtpStage.RCPT) -> Verdict:
    return classify_reply(a_reply(text), stage=stage, now=NOW).verdict


def reason(text: str) -> str:
    return classify_reply(a_reply(text), stage=SmtpStage.RCPT, now=NOW).reason or ""


def pause(text: str, stage: SmtpStage = SmtpStage.RCPT) -> PauseScope:
    return classify_reply(a_reply(text), stage=stage, now=NOW).pause


@pytest.mark.parametrize("stage", [SmtpStage.SESSION, SmtpStage.MAIL])
def test_before_rcpt_every_permanent_rejection_is_about_the_sender(stage: SmtpStage) -> None:
    assert verdict("550 mailbox unavailable", stage) is Verdict.SENDER_REJECTED
    assert pause("550 mailbox unavailable", stage) is PauseScope.RELAY


@pytest.mark.parametrize("code", [530, 534, 535, 538])
@pytest.mark.parametrize("stage", SmtpStage)
def test_a_rejected_login_pauses_the_relay_at_every_stage(code: int, stage: SmtpStage) -> None:
    assert pause(f"{code} 5.7.8 Username and password not accepted", stage) is PauseScope.RELAY


@pytest.mark.parametrize(
    "text", ["550 5.6.7 Address needs SMTPUTF8", "550 5.6.8 UTF-8 reply required", "501 5.5.2 Syntax error in address"]
)
def test_an_address_that_the_server_cannot_handle_fails_alone(text: str) -> None:
    found = classify_reply(a_reply(text), stage=SmtpStage.RCPT, now=NOW)
    assert (found.verdict, found.subscriber) == (Verdict.FAILED, SubscriberEffect.NONE)


def test_a_recipient_that_a_server_closes_fails_alone() -> None:
    text = "550 5.7.1 <ann@example.net>: Recipient address rejected: Access denied"
    assert (verdict(text), reason(text)) == (Verdict.FAILED, "filtered")


@pytest.mark.parametrize(
    "text",
    [
        "421 4.7.0 Try again later",
        "450 4.2.1 The user is receiving mail at a rate that prevents additional messages",
        "451 4.7.1 Greylisting in action",
        "452 4.2.2 over quota",
        "454 4.7.0 Temporary authentication failure",
    ],
)
def test_a_temporary_reply_that_rejects_no_sender_defers_one_delivery(text: str) -> None:
    assert verdict(text) is Verdict.DEFERRED


@pytest.mark.parametrize(
    "text",
    [
        "450 4.1.8 <news@example.org>: Sender address rejected: Domain not found",
        "421 4.7.0 Messages from 192.0.2.1 temporarily deferred due to the low reputation of your IP",
        "421 4.7.28 An unusual rate of mail from your IP address has been detected",
        "450 4.7.25 Client host rejected: cannot find your hostname",
    ],
)
def test_a_temporary_rejection_of_the_sender_puts_the_route_in_backoff(text: str) -> None:
    assert (verdict(text), pause(text)) == (Verdict.SENDER_REJECTED, PauseScope.DESTINATION)
    assert pause(text, SmtpStage.MAIL) is PauseScope.RELAY


def test_every_2xx_is_sent() -> None:
    assert verdict("250 2.0.0 queued as 12345", SmtpStage.DATA) is Verdict.SENT


def test_what_stands_in_addresses_and_links_is_no_reason() -> None:
    text = "550 <joe@antispam.example>: unknown user, see https://blocked.example/spam"
    assert (verdict(text), reason(text)) == (Verdict.FAILED, "userunknown")


def test_the_name_of_a_host_is_no_reason() -> None:
    assert verdict("550 mx.relay.example said: unknown user") is Verdict.FAILED


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("451 4.7.1 Greylisted, please try again in 5 minutes", timedelta(minutes=5)),
        ("450 4.2.0 <ann@example.net>: Recipient address rejected: Greylisted for 300 seconds", timedelta(seconds=300)),
        ("421 Too many connections, retry after 30 s", timedelta(seconds=30)),
        ("451 wait 2 hours before you come back", timedelta(hours=2)),
        ("451 4.7.1 Try again later; you have been delayed for 1 min", timedelta(minutes=1)),
        ("451 try again in 90000 minutes", timedelta(days=1)),
        ("451 4.7.1 Try again later", None),
        ("451 4.3.0 try again (code 12)", None),
        ("452 4.5.3 after 100 recipients", None),
    ],
)
def test_a_wish_for_a_later_time_is_obeyed_within_reason(text: str, wait: timedelta | None) -> None:
    judgement = classify_reply(a_reply(text), stage=SmtpStage.RCPT, now=NOW)
    assert judgement.retry_at == (None if wait is None else NOW + wait)


def test_a_permanent_refusal_names_no_time() -> None:
    assert classify_reply(a_reply("550 try again in 5 minutes"), stage=SmtpStage.RCPT, now=NOW).retry_at is None


@given(st.integers(400, 599), st.text(max_size=200), st.sampled_from(SmtpStage))
@settings(deadline=None, derandomize=True)
def test_a_temporary_reply_never_fails_a_delivery_and_a_permanent_one_never_defers_it(
    code: int, text: str, stage: SmtpStage
) -> None:
    found = classify_reply(SmtpReply(code, (text,)), stage=stage, now=NOW)
    assert found.verdict in (Verdict.SENDER_REJECTED, Verdict.DEFERRED if code < 500 else Verdict.FAILED)
    assert (found.verdict is Verdict.SENDER_REJECTED) == (found.pause is not PauseScope.NONE)


def sample_replies() -> list[tuple[str, SmtpReply]]:
    """The sample replies of providers, each with whether it was kept as a bounce or a deferral."""
    if not SAMPLES.exists():
        return []
    sample = tomllib.loads(SAMPLES.read_text())
    return [
        (kind, reply_of(entry))
        for kind in ("bounce", "defer")
        for entries in sample[kind].values()
        for entry in entries
    ]


def reply_of(entry: dict[str, Any]) -> SmtpReply:
    """The reply as it would come over the wire."""
    *others, last = [line.strip() for line in entry["msg"].splitlines()]
    reader = SmtpReplyParser()
    reader.feed(
        "".join(f"{entry['code']}-{line}\r\n" for line in others).encode() + f"{entry['code']} {last}\r\n".encode()
    )
    reply = reader.next()
    assert reply is not None
    return reply


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample replies in ../shared/data/smtp-replies are absent")
def test_the_sample_replies_of_providers_are_distinguished() -> None:
    counts: Counter[tuple[bool, Verdict]] = Counter()
    for _, reply in sample_replies():
        counts[reply.code < 500, classify_reply(reply, stage=SmtpStage.DATA, now=NOW).verdict] += 1
    assert counts[False, Verdict.DEFERRED] == counts[True, Verdict.FAILED] == 0
    assert (counts[False, Verdict.SENDER_REJECTED], counts[True, Verdict.SENDER_REJECTED]) == (12, 14)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample replies in ../shared/data/smtp-replies are absent")
@pytest.mark.parametrize(
    "marked",
    [
        "reputation",
        "unsolicited mail. To reduce",
        "DMARC",
        "Spamhaus",
        "policy reasons",
        "RFC compliant",
        "relaying denied",
    ],
)
def test_sample_refusals_of_the_sender_never_burn_a_recipient(marked: str) -> None:
    replies = [reply for _, reply in sample_replies() if marked in reply.text and reply.code >= 500]
    assert replies
    assert all(
        classify_reply(reply, stage=SmtpStage.DATA, now=NOW).verdict is Verdict.SENDER_REJECTED for reply in replies
    )


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample replies in ../shared/data/smtp-replies are absent")
@pytest.mark.parametrize(
    "marked", ["does not exist", "disabled", "doesn't have a", "no longer valid", "not found", "over quota"]
)
def test_sample_refusals_of_the_recipient_never_stop_the_others(marked: str) -> None:
    replies = [reply for _, reply in sample_replies() if marked in reply.text.lower() and reply.code >= 500]
    assert replies
    assert all(classify_reply(reply, stage=SmtpStage.DATA, now=NOW).verdict is Verdict.FAILED for reply in replies)
