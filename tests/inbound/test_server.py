"""The server that takes mail back: ours and nobody else's, and answered for only when it is in the ledger."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.smtp.server_rules import MAX_MESSAGE_BYTES
from distributor.storage.database import Database
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import ADA, FeedbackHarness

from .talking import Talker, serving


@pytest.fixture
def port(feedback: FeedbackHarness) -> Iterator[int]:
    with serving(feedback.harness.app) as port:
        yield port


@pytest.fixture
def talker(port: int) -> Iterator[Talker]:
    talker = Talker(port)
    yield talker
    talker.close()


def dotted(raw: bytes) -> bytes:
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_a_bounce_by_lmtp_is_in_the_ledger_when_it_is_answered_for(port: int, feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    with smtplib.LMTP("127.0.0.1", port) as client:
        assert client.sendmail("", [path], mails.bounce(feedback.delivery(), to=path)) == {}
        assert feedback.state() is DeliveryState.BOUNCED
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}


def test_the_same_by_smtp(port: int, feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("", [path.upper()], mails.bounce(feedback.delivery(), to=path))
    assert feedback.state() is DeliveryState.BOUNCED


@pytest.mark.parametrize(
    "words", ["Subject: unsubscribe\r\n\r\n", "\r\n", "Subject: No more, please\r\n\r\nThank you.\r\n"]
)
def test_a_mail_to_the_address_for_leaving_takes_exactly_that_person_off_that_list(
    port: int, feedback: FeedbackHarness, words: str
) -> None:
    delivery = feedback.delivery()
    token = feedback.tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)
    address = f"unsubscribe+{token}@bounces.gazette.example"
    raw = f"From: somebody@elsewhere.example\r\nTo: {address}\r\nMessage-ID: <1@elsewhere.example>\r\n{words}".encode()
    with smtplib.LMTP("127.0.0.1", port) as client:
        for _ in range(2):
            assert client.sendmail("somebody@elsewhere.example", [address.title()], raw) == {}
    assert feedback.membership() is Membership.UNSUBSCRIBED
    assert feedback.membership("bo@example.org") is Membership.SUBSCRIBED
    assert feedback.events() == [EventKind.UNSUBSCRIBE]
    assert feedback.reasons() == set()


def test_what_a_mail_system_says_to_the_address_for_leaving_is_no_wish(port: int, feedback: FeedbackHarness) -> None:
    delivery = feedback.delivery()
    address = (
        f"unsubscribe+{feedback.tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)}@bounces.gazette.example"
    )
    away = f"From: a@b.example\r\nTo: {address}\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nI am away.\r\n"
    forged = address.replace("+", "+a", 1)
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail("", [address], away.encode())
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("", [forged], away.encode())
    assert feedback.membership() is Membership.SUBSCRIBED


def test_lmtp_answers_for_each_recipient_and_smtp_once(talker: Talker, feedback: FeedbackHarness) -> None:
    paths = [feedback.return_path(feedback.delivery(one)) for one in (ADA, "bo@example.org")]
    raw = mails.bounce(feedback.delivery(), to=paths[0])
    envelope = "".join(f"RCPT TO:<{path}>\r\n" for path in (*paths, "b+nothing@bounces.gazette.example")).encode()

    assert talker.codes(b"LHLO relay\r\n") == ["250"]
    assert talker.codes(b"MAIL FROM:<>\r\n" + envelope + b"DATA\r\n", 5) == ["250", "250", "250", "550", "354"]
    assert talker.codes(dotted(raw), 2) == ["250", "250"]
    assert talker.codes(b"EHLO relay\r\n") == ["250"]
    assert talker.codes(b"MAIL FROM:<>\r\n" + envelope + b"DATA\r\n", 5) == ["250", "250", "250", "550", "354"]
    assert talker.codes(dotted(raw)) == ["250"]
    assert talker.codes(b"QUIT\r\n") == ["221"]


def test_it_relays_for_nobody(talker: Talker, feedback: FeedbackHarness) -> None:
    foreign = mails.verp(feedback.delivery(), TokenSigner(b"the key of somebody else"))
    ours_elsewhere = feedback.return_path().replace("bounces.gazette.example", "elsewhere.example")
    talker.codes(b"LHLO relay\r\nMAIL FROM:<a@b.example>\r\n", 2)
    for address, code in (
        ("somebody@elsewhere.example", "550"),
        ("postmaster@bounces.gazette.example", "550"),
        (foreign, "550"),
        (ours_elsewhere, "550"),
        ("@relay:somebody", "501"),
        ("", "501"),
        (feedback.return_path(), "250"),
    ):
        assert talker.codes(f"RCPT TO:<{address}>\r\n".encode()) == [code], address


def test_commands_out_of_turn_or_shape_are_refused_and_nothing_else_happens(talker: Talker) -> None:
    for said, code in (
        (b"MAIL FROM:<>\r\n", "503"),
        (b"LHLO\r\n", "501"),
        (b"LHLO relay\r\n", "250"),
        (b"RCPT TO:<a@b.example>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"MAIL FROM:<>\r\n", "250"),
        (b"MAIL FROM:<>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"RSET\r\n", "250"),
        (b"MAIL FROM:<> SIZE=99999999999\r\n", "552"),
        (b"STARTTLS\r\n", "500"),
        (b"\xff\xfe\r\n", "500"),
        (b"x" * 5000 + b"\r\n", "500"),
        (b"NOOP\r\n", "250"),
        (b"VRFY a\r\n", "252"),
    ):
        assert talker.codes(said) == [code], said[:40]


def test_a_mail_that_is_too_large_is_refused_and_the_next_one_is_taken(
    talker: Talker, feedback: FeedbackHarness
) -> None:
    path = feedback.return_path()
    talker.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
    line = b"x" * 998 + b"\r\n"
    assert talker.codes(line * (MAX_MESSAGE_BYTES // len(line) + 2) + b".\r\n") == ["552"]
    assert feedback.state() is DeliveryState.SENT
    talker.codes(f"MAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 3)
    assert talker.codes(dotted(mails.bounce(feedback.delivery(), to=path))) == ["250"]


def test_a_line_with_a_lone_dot_ends_a_mail_only_between_two_crlf(talker: Talker, feedback: FeedbackHarness) -> None:
    """Whoever reads LF as a line end can be made to see two mails in one (SMTP smuggling)."""
    path = feedback.return_path()
    talker.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
    smuggled = b"Subject: one\r\n\r\na\n.\nMAIL FROM:<>\r\nb\r.\r\r\n.\r\n"
    assert talker.codes(smuggled) == ["250"]
    assert talker.codes(b"NOOP\r\n") == ["250"]


def test_while_the_ledger_is_away_mails_stay_with_their_sender(feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    away = Database("postgresql://127.0.0.1:1/nothing", pool_size=0)
    with serving(replace(feedback.harness.app, database=away)) as port:
        talker = Talker(port)
        talker.codes(b"LHLO r\r\nMAIL FROM:<>\r\n", 2)
        assert talker.codes(f"RCPT TO:<{path}>\r\n".encode()) == ["451"]
        talker.close()


def broken_clock() -> datetime:
    raise RuntimeError("a fault of ours")


def test_a_fault_of_ours_leaves_the_mail_with_its_sender_and_the_server_at_work(feedback: FeedbackHarness) -> None:
    app = feedback.harness.app
    path = feedback.return_path()
    with serving(replace(app, clock=broken_clock)) as port:
        talker = Talker(port)
        talker.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
        assert talker.codes(dotted(mails.bounce(feedback.delivery(), to=path))) == ["451"]
        assert talker.codes(b"NOOP\r\n") == ["250"]
        talker.close()
    assert feedback.state() is DeliveryState.SENT


def test_who_says_nothing_is_shown_the_door(feedback: FeedbackHarness) -> None:
    with serving(feedback.harness.app, idle_seconds=0.05) as port:
        talker = Talker(port)
        assert talker.reply()[:3] == "421"
        talker.close()
