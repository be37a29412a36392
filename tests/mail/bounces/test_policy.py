"""What follows from a reason: the policy table, and that a report's own statement counts more than its words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.mail.bounces import Reason, RecipientReport, ReportKind, read_inbound_report
from distributor.mail.bounces.policy import (
    POLICY,
    DeliveryEffect,
    PauseScope,
    SubscriberEffect,
    consequences_of_reply,
    consequences_of_report,
)
from distributor.mail.smtp.connection import SmtpStage
from tests.paths import SHARED

CASES = SHARED / "data" / "cases" / "dsn"
# What real servers said in reports of class 4, each of which suppressed an address once.
TEMPORARY_REPLIES = {
    "busy": "450 4.2.1 The mailbox is temporarily unavailable",
    "unknown": "450 4.1.1 <ann@example.net>: Recipient address rejected: User unknown in local recipient table",
    "domain": "450 4.1.2 <ann@example.net>: Recipient address rejected: Domain not found",
    "no such user": "451 No such user at this moment",
    "moved": "450 4.1.6 The recipient has moved",
    "null MX": "451 4.1.10 The domain accepts no mail",
    "dns": "Host or domain name not found. Name service error for name=example.net type=MX: Host not found, try again",
    "full": "452 4.2.2 Mailbox full",
    "greylist": "450 4.2.0 Greylisted, please try again in 5 minutes",
}


def a_report(action: str, reply: str, *, status: str = "") -> bytes:
    """A delivery status notification as Postfix writes it, of a reply to RCPT."""
    subject = "Delayed Mail (still being retried)" if action == "delayed" else "Undelivered Mail Returned to Sender"
    words = reply.split(" ")
    status = status or next((word for word in words if word[:2] in ("4.", "5.")), f"{reply[0]}.0.0")
    return f"""From: MAILER-DAEMON@relay.example.org (Mail Delivery System)
To: b+token@bounces.example.org
Subject: {subject}
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is the mail system at host relay.example.org.

<ann@example.net>: host mx.example.net[192.0.2.1] said: {reply} (in reply to
    RCPT TO command)

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.org

Final-Recipient: rfc822; ann@example.net
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; {reply}

--b--
""".encode()


def only_recipient(mail: bytes) -> RecipientReport:
    [recipient] = read_inbound_report(mail).recipients
    return recipient


@pytest.mark.parametrize("reply", [*TEMPORARY_REPLIES.values(), "550 5.1.1 User unknown"])
def test_a_report_of_a_delay_has_no_effect_whatever_its_words(reply: str) -> None:
    recipient = only_recipient(a_report("delayed", reply))
    assert (recipient.is_delayed, recipient.effect) == (True, SubscriberEffect.NONE)


@pytest.mark.parametrize("reply", TEMPORARY_REPLIES.values(), ids=TEMPORARY_REPLIES)
def test_a_server_that_gave_up_after_temporary_replies_reports_a_soft_bounce(reply: str) -> None:
    status = "4.4.3" if reply.startswith("Host") else ""
    recipient = only_recipient(a_report("failed", reply, status=status))
    assert (recipient.is_delayed, recipient.effect) == (False, SubscriberEffect.SOFT_BOUNCE)


@pytest.mark.parametrize("file", sorted(CASES.glob("*.eml")), ids=lambda path: path.name)
def test_the_reports_of_a_real_server_are_never_hard(file: Path) -> None:
    recipient = only_recipient(file.read_bytes())
    is_delayed = file.name.endswith(".delayed.eml")
    assert (recipient.is_delayed, recipient.is_hard) == (is_delayed, False)
    assert recipient.counts_against_address is not is_delayed


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the delivery reports of a real server are not at {CASES}")
def test_there_are_reports_of_a_real_server() -> None:
    assert len(list(CASES.glob("*.eml"))) == 14


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Warning: message 1tGabc-0001 delayed 24 hours",
            "It is not delivered to ann@example.net yet.",
        ),
        ("Delivery status", "THIS IS A WARNING ONLY. Not delivered to <ann@example.net>: 550 5.1.1 User unknown"),
        ("Warning: could not send message for past 4 hours", "<ann@example.net>... Deferred: 451 No such user"),
    ],
)
def test_a_notice_without_an_action_says_that_the_mail_is_delayed(subject: str, text: str) -> None:
    mail = f"From: MAILER-DAEMON@mx.example.org\nSubject: {subject}\nAuto-Submitted: auto-replied\n\n{text}\n"
    recipient = only_recipient(mail.encode())
    assert (recipient.is_delayed, recipient.effect) == (True, SubscriberEffect.NONE)


def test_a_report_of_success_is_a_delivery_and_no_bounce() -> None:
    report = read_inbound_report(a_report("relayed", "250 2.0.0 queued", status="2.0.0"))
    assert (report.kind, report.recipients[0].action) == (ReportKind.DELIVERY, "relayed")
    assert report.recipients[0].effect is SubscriberEffect.NONE


def test_every_reason_has_a_row() -> None:
    assert set(POLICY) == set(Reason)


STATUSES = st.one_of(st.just(""), st.from_regex(r"[45]\.[0-7]\.\d{1,3}", fullmatch=True))


@given(st.sampled_from(Reason), STATUSES, st.integers(400, 599), st.sampled_from(SmtpStage))
@settings(derandomize=True)
def test_class_4_is_never_hard_and_a_pause_never_affects_the_subscriber(
    reason: Reason, status: str, code: int, stage: SmtpStage
) -> None:
    live = consequences_of_reply(reason, status=status, reply_code=str(code), stage=stage)
    report = consequences_of_report(reason, status=status, reply_code=str(code))
    if code < 500 or status.startswith("4"):
        assert SubscriberEffect.HARD_BOUNCE not in (live.subscriber, report.subscriber)
    if live.pause is not PauseScope.NONE:
        assert (live.delivery, live.subscriber) == (DeliveryEffect.KEEP, SubscriberEffect.NONE)
    else:
        assert live.subscriber is report.subscriber
        assert (live.delivery is DeliveryEffect.DEFER) == (code < 500)


@given(st.text(max_size=200), st.sampled_from(["450", "451", "421 4.7.0", "550 4.1.1", "450 5.1.1"]))
@settings(derandomize=True, deadline=None)
def test_no_words_make_a_temporary_reply_hard(words: str, codes: str) -> None:
    reply = f"{codes} User unknown, no such host, the recipient has moved {' '.join(words.split())}"
    assert not any(one.is_hard for one in read_inbound_report(a_report("failed", reply)).recipients)
