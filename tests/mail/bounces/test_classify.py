"""The reason of a refusal, out of its words."""

from __future__ import annotations

import pytest

from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.phrases import PHRASES
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand, find_command, find_host, find_reply_code, find_status
from distributor.mail.bounces.status_codes import reason_of_status

from .mails import REFUSALS

LINES = [line for line in REFUSALS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
# Not told by a refusal, or by something other than its words.
UNSPOKEN = {Reason.FEEDBACK, Reason.ONHOLD, Reason.UNDEFINED, Reason.VACATION}


def reason_of(words: str, **traces: object) -> Reason:
    evidence = BounceEvidence(recipient="ann@example.net", reply_text=words, **traces)  # type: ignore[arg-type]
    return classify(evidence.completed(), None)


@pytest.mark.parametrize("line", LINES)
def test_a_refusal_is_understood(line: str) -> None:
    reason, command, words = line.split(" ", 2)
    assert reason_of(words, command=None if command == "-" else SmtpCommand(command)).value == reason


def test_every_reason_that_words_can_give_has_a_phrase_and_a_sample() -> None:
    sampled = {line.split(" ")[0] for line in LINES}
    assert {phrase.reason for phrase in PHRASES} == set(Reason) - UNSPOKEN
    assert sampled - {"onhold"} == {reason.value for reason in set(Reason) - UNSPOKEN}


def test_nothing_said_is_no_phrase() -> None:
    assert [phrase for phrase in PHRASES if phrase.pattern.search("") or phrase.pattern.search("…")] == []


def test_what_stands_in_names_and_links_is_no_reason() -> None:
    assert reason_of("550 <virus@quota.example>: unknown thing, see https://spam.example/blocked") is Reason.ONHOLD


def test_an_unknown_user_is_believed_where_users_are_asked_for() -> None:
    words = "550 <ann@example.net>: User unknown"
    assert reason_of(words, command=SmtpCommand.RCPT) is Reason.USERUNKNOWN
    assert reason_of("550 5.1.1 User unknown", command=SmtpCommand.DATA) is Reason.USERUNKNOWN
    assert reason_of(words, command=SmtpCommand.DATA) is Reason.FILTERED
    assert reason_of(words) is Reason.FILTERED


def test_what_is_unknown_before_the_recipient_is_named_is_the_sender() -> None:
    assert reason_of("550 5.1.2 No such domain", command=SmtpCommand.MAIL) is Reason.REJECTED
    assert reason_of("550 5.1.2 No such domain", command=SmtpCommand.EHLO) is Reason.BLOCKED


def test_words_weigh_more_than_codes() -> None:
    assert reason_of("550 5.1.1 Mailbox is full") is Reason.MAILBOXFULL


@pytest.mark.parametrize(
    ("traces", "reason"),
    [
        ({"status": "5.2.2"}, Reason.MAILBOXFULL),
        ({"status": "4.4.7"}, Reason.EXPIRED),
        ({"status": "5.7.606"}, Reason.BLOCKED),
        ({"status": "5.0.0", "reply_code": "551"}, Reason.HASMOVED),
        ({"status": "4.0.0", "action": "delayed"}, Reason.EXPIRED),
        ({"status": "5.0.0", "command": SmtpCommand.CONN}, Reason.BLOCKED),
        ({"status": "5.0.0", "notice": "Sorry."}, Reason.ONHOLD),
        ({"status": "5.0.0"}, Reason.UNDEFINED),
        ({"stated_reason": Reason.SPAMDETECTED, "status": "5.1.1"}, Reason.SPAMDETECTED),
    ],
)
def test_without_words_the_codes_decide_and_then_the_progress(traces: dict[str, object], reason: Reason) -> None:
    assert reason_of("", **traces) is reason


@pytest.mark.parametrize(
    ("host", "words", "reason"),
    [
        ("gmail-smtp-in.l.google.com", "550-5.2.1 https://support.google.com/mail/?p=DisabledUser", Reason.SUSPEND),
        ("gmail-smtp-in.l.google.com", "550-5.7.26 This mail is not welcome", Reason.AUTHFAILURE),
        ("mta5.am0.yahoodns.net", "421 4.7.0 [TSS04] Messages deferred due to user complaints", Reason.REJECTED),
        ("smtp-in.orange.fr", "550 5.2.0 Mail rejete. ofr_506 [506]", Reason.SPAMDETECTED),
        ("smtp.secureserver.net", "550 has sent too much IB607", Reason.SPEEDING),
        ("mx3.qq.com", "550 Mail content denied.", Reason.SPAMDETECTED),
        ("apc.olc.protection.outlook.com", "550 5.7.515 Access denied", Reason.AUTHFAILURE),
        ("mx3.email.ua", "550 see http://mail.i.ua/err/3/", Reason.SUSPEND),
        ("mx.facebook.com", "550 5.1.1 RCP-P1 http://postmaster.facebook.com", Reason.USERUNKNOWN),
    ],
)
def test_a_provider_means_what_it_says_on_its_postmaster_page(host: str, words: str, reason: Reason) -> None:
    assert reason_of(words, host=host) is reason


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("550 5.1.1 User unknown", "5.1.1", "550"),
        ("550-5.1.1 The account\n550 5.1.1 does not exist", "5.1.1", "550"),
        ("554 4.4.7 Message expired <421 4.4.2 Connection timed out>", "4.4.2", "421"),
        ("550 #5.1.0 Address rejected", "5.1.0", "550"),
        ("Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1", ""),
        ("host mx.example.net[192.0.2.1] said: 452 over quota", "", "452"),
        ("deferred - 4.16.50. from 5.1.1.9 see version 5.10.2", "", ""),
        ("queued for 421 minutes", "", ""),
    ],
)
def test_codes_are_found_and_nothing_that_looks_like_them(text: str, status: str, code: str) -> None:
    assert (find_status(text), find_reply_code(text)) == (status, code)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("(in reply to end of\n    DATA command)", SmtpCommand.DATA),
        ("SMTP error from remote mail server after RCPT TO:<ann@example.net>:", SmtpCommand.RCPT),
        ("SMTP error from remote mail server after MAIL FROM:<news@example.org> SIZE=1024:", SmtpCommand.MAIL),
        ("host mx.example.net refused to\n    talk to me: 554", SmtpCommand.CONN),
        ("Connected to 192.0.2.1 but my name was rejected.", SmtpCommand.EHLO),
        ("mx.example.net did not like our final DATA:", SmtpCommand.DATA),
        ("Remote host said: 550 no [RCPT_TO]", SmtpCommand.RCPT),
        ("nothing of the kind", None),
    ],
)
def test_the_refused_command_is_found(text: str, command: SmtpCommand | None) -> None:
    assert find_command(text) is command


def test_the_refusing_host_is_found() -> None:
    assert find_host("<ann@example.net>: host MX.Example.net[192.0.2.1] said: 550 no") == "mx.example.net"
    assert find_host("... while talking to mx.example.net.:") == "mx.example.net"
    assert find_host("no host at all") == ""


def test_a_status_that_says_nothing_has_no_reason() -> None:
    assert [reason_of_status(status) for status in ("", "5.0.0", "4.3.0", "5.9.9")] == [None] * 4
