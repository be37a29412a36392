"""What comes back by mail is read: mails written for these tests, one of each format."""

from __future__ import annotations

import pytest

from distributor.mail.bounces import Reason, ReasonScope, RecipientReport, ReportKind, read_inbound_report

from .mails import FOLDER, ExpectedRecipient, expectations, files_of, raw

# Bounces that say no more than that they are some.
NO_REASON = {"plain-no-reason.eml"}


@pytest.mark.parametrize(("file", "kind", "told"), expectations(), ids=lambda value: value if "." in str(value) else "")
def test_a_mail_is_read_as_what_it_is(file: str, kind: str, told: list[ExpectedRecipient]) -> None:
    found = read_inbound_report(raw(file))
    recipients = [
        ExpectedRecipient(one.address, one.status, one.reply_code, one.reason.value if one.reason else "")
        for one in found.recipients
    ]
    assert (found.kind.value, recipients) == (kind, told)


def test_every_mail_here_is_expected_to_mean_something() -> None:
    assert {path.name for path in FOLDER.glob("*.eml")} == {file for file, _, _ in expectations()}


@pytest.mark.parametrize("file", [file for file in files_of("bounce") if file not in NO_REASON])
def test_a_bounce_reads_the_same_with_other_line_ends_and_in_front_of_an_mbox_line(file: str) -> None:
    mail = raw(file)
    plain = read_inbound_report(mail)
    assert read_inbound_report(mail.replace(b"\n", b"\r\n")) == plain
    assert read_inbound_report(b"From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n" + mail) == plain
    assert read_inbound_report(b"\n\n" + mail) == plain


def test_a_complaint_keeps_its_type() -> None:
    assert read_inbound_report(raw("arf-auth-failure.eml")).feedback_type == "auth-failure"
    assert read_inbound_report(raw("arf-abuse.eml")).feedback_type == "abuse"


@pytest.mark.parametrize(
    ("reason", "status", "reply_code", "hard"),
    [
        (Reason.USERUNKNOWN, "5.1.1", "550", True),
        (Reason.USERUNKNOWN, "4.1.1", "450", False),
        (Reason.HOSTUNKNOWN, "", "450", False),
        (Reason.HASMOVED, "5.1.6", "450", False),
        (Reason.HOSTUNKNOWN, "5.1.2", "", True),
        (Reason.HASMOVED, "5.1.6", "551", True),
        (Reason.NOTACCEPT, "5.1.10", "556", True),
        (Reason.NOTACCEPT, "4.0.0", "", False),
        (Reason.NOTACCEPT, "", "421", False),
        (Reason.MAILBOXFULL, "5.2.2", "552", False),
        (Reason.BLOCKED, "5.7.1", "554", False),
        (Reason.SUSPEND, "5.2.1", "550", False),
        (Reason.UNDEFINED, "5.0.0", "", False),
        (None, "", "", False),
    ],
)
def test_only_an_address_or_a_domain_that_is_bad_is_given_up(
    reason: Reason | None, status: str, reply_code: str, hard: bool
) -> None:
    recipient = RecipientReport(address="ann@example.net", status=status, reply_code=reply_code, reason=reason)
    assert recipient.is_hard is hard


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        (Reason.USERUNKNOWN, ReasonScope.RECIPIENT),
        (Reason.SPAMDETECTED, ReasonScope.CONTENT),
        (Reason.AUTHFAILURE, ReasonScope.SENDER),
        (Reason.EXPIRED, ReasonScope.NETWORK),
        (Reason.ONHOLD, None),
        (Reason.VACATION, None),
    ],
)
def test_a_reason_has_a_scope(reason: Reason, scope: ReasonScope | None) -> None:
    assert RecipientReport(address="ann@example.net", reason=reason).scope is scope


def test_only_what_is_not_understood_and_no_failure_has_no_scope() -> None:
    without_scope = {reason for reason in Reason if RecipientReport(address="", reason=reason).scope is None}
    assert without_scope == {Reason.ONHOLD, Reason.UNDEFINED, Reason.VACATION}


def test_a_second_mail_in_the_same_file_is_read_if_the_first_gives_no_reason() -> None:
    cover = b"From: MAILER-DAEMON@example.org\nSubject: Undelivered Mail\n\nYour mail could not be delivered.\n\n"
    found = read_inbound_report(cover + b"From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n" + raw("dsn-delay.eml"))
    assert (found.kind, found.recipients[0].reason) == (ReportKind.BOUNCE, Reason.EXPIRED)


def test_the_quoted_reply_of_the_remote_server_counts_more_than_the_text_around_it() -> None:
    notice = (
        b"From: MAILER-DAEMON@example.org\nSubject: failure notice\n\n"
        b"Hi. This is the qmail-send program at mx.example.org.\nI'm afraid I wasn't able to deliver your message.\n\n"
        b"<ann@example.net>:\nRemote host said: 550 5.1.1 User unknown\n"
        b"Giving up on 192.0.2.1.\nThis can also happen if a mailbox is full.\n"
    )
    assert read_inbound_report(notice).recipients[0].reason is Reason.USERUNKNOWN
