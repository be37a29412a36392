"""What SMTP replies mean."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.delivery.replies import RULES, classify_reply
from distributor.domain.delivery import Verdict
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
    return classify_reply(a_reply(text), stage=SmtpStage.RCPT, now=NOW).reason


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown", "userunknown"),
        ("550 No such user here", "userunknown"),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", "userunknown"),
        ("553 sorry, no mailbox here by that name", "userunknown"),
        ("556 5.1.10 Recipient address has a null MX", "hostunknown"),
        ("550 5.4.4 Host not found", "hostunknown"),
        ("552 5.2.2 The email account is over quota", "mailboxfull"),
        ("552 Requested action aborted: exceeded storage allocation Quota exceeded", "mailboxfull"),
        ("554 This mailbox is disabled", "suspend"),
        ("551 User not local; please try <forward-path>", "hasmoved"),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", "filtered"),
        ("550 5.7.1 <ann@example.net>: Recipient address rejected: Access denied", "filtered"),
        ("550 5.6.7 Address needs SMTPUTF8", "norelaying"),
        ("500 5.3.0 Error: command failed", "undefined"),
        ("550 no", "undefined"),
    ],
)
def test_a_refusal_of_the_recipient_fails_the_delivery(text: str, why: str) -> None:
    assert (verdict(text), reason(text)) == (Verdict.FAILED, why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", "authfailure"),
        ("535 5.7.8 Username and Password not accepted", "authfailure"),
        ("550 5.7.515 Access denied, sending domain does not meet the required authentication level", "authfailure"),
        ("550 5.7.26 This mail has been blocked because the sender is unauthenticated", "authfailure"),
        ("550 5.7.1 rejected by DMARC policy of example.org", "authfailure"),
        ("554 5.7.1 <ann@example.net>: Relay access denied", "norelaying"),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "norelaying"),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked"),
        ("550 Your IP address has a poor reputation", "blocked"),
        ("554 5.7.1 Spam message rejected", "spamdetected"),
        ("550 5.1.8 <news@example.org>: Sender address rejected: Domain not found", "rejected"),
        ("550 Verification failed: sender does not exist", "rejected"),
        ("552 5.3.4 Message size exceeds fixed limit", "mesgtoobig"),
        ("550 5.4.5 Daily sending quota exceeded", "speeding"),
        ("554 Message contains a virus", "virusdetected"),
        ("554 5.7.9 Message not accepted for policy reasons", "authfailure"),
        ("550 Administrative prohibition: not allowed", "policyviolation"),
    ],
)
def test_a_refusal_of_the_sender_pauses_the_lane(text: str, why: str) -> None:
    assert (verdict(text), reason(text)) == (Verdict.SENDER_REJECTED, why)


@pytest.mark.parametrize("stage", [SmtpStage.SESSION, SmtpStage.MAIL])
def test_before_the_recipient_is_named_every_refusal_is_about_us(stage: SmtpStage) -> None:
    assert verdict("550 mailbox unavailable", stage) is Verdict.SENDER_REJECTED


@pytest.mark.parametrize(
    "text",
    [
        "421 4.7.0 Try again later",
        "450 4.2.1 The user is receiving mail at a rate that prevents additional messages",
        "451 4.7.1 Greylisting in action",
        "452 4.2.2 over quota",
        "421 4.7.28 Our system has detected an unusual rate of unsolicited mail",
        "454 4.7.0 Temporary authentication failure",
    ],
)
def test_every_4xx_is_tried_again(text: str) -> None:
    assert verdict(text) is Verdict.DEFERRED


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
def test_any_refusal_gets_a_verdict(code: int, text: str, stage: SmtpStage) -> None:
    judgement = classify_reply(SmtpReply(code, (text,)), stage=stage, now=NOW)
    assert (judgement.verdict is Verdict.DEFERRED) == (code < 500)


def test_each_rule_has_something_to_say() -> None:
    assert all(rule.verdict in (Verdict.FAILED, Verdict.SENDER_REJECTED) and rule.reason for rule in RULES)


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
    about_us = 0
    for kind, reply in sample_replies():
        found = classify_reply(reply, stage=SmtpStage.DATA, now=NOW).verdict
        if reply.code < 500:
            assert found is Verdict.DEFERRED, reply
        else:
            assert found in (Verdict.FAILED, Verdict.SENDER_REJECTED), (kind, reply)
            about_us += found is Verdict.SENDER_REJECTED
    assert about_us == 12


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
