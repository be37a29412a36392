"""The inbound server: it accepts mail for our return paths only, and replies 250 only once the mail is committed."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.flow.feedback import inbound_mail
from distributor.flow.feedback.inbound_mail import retry_mail
from distributor.flow.quarantine import retry
from distributor.inbound.acceptance import InboundAcceptance
from distributor.mail.smtp.server_rules import MAX_MESSAGE_BYTES
from distributor.storage import channels, postmaster_mails, quarantine
from distributor.storage.database import Database
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import ADA, FeedbackHarness

from .inbound_client import RawClient, running_server


@pytest.fixture
def port(feedback: FeedbackHarness) -> Iterator[int]:
    with running_server(feedback.harness.app) as port:
        yield port


@pytest.fixture
def client(port: int) -> Iterator[RawClient]:
    client = RawClient(port)
    yield client
    client.close()


def dot_stuffed(raw: bytes) -> bytes:
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_a_bounce_by_lmtp_is_committed_when_the_server_replies(port: int, feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    with smtplib.LMTP("127.0.0.1", port) as client:
        assert client.sendmail("", [path], mails.bounce(feedback.delivery(), to=path)) == {}
        assert feedback.state() is DeliveryState.BOUNCED
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}


def test_a_bounce_by_smtp_is_committed_when_the_server_replies(port: int, feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("", [path.upper()], mails.bounce(feedback.delivery(), to=path))
    assert feedback.state() is DeliveryState.BOUNCED


@pytest.mark.parametrize(
    "content", ["Subject: unsubscribe\r\n\r\n", "\r\n", "Subject: No more, please\r\n\r\nThank you.\r\n"]
)
def test_a_mail_to_the_unsubscribe_address_unsubscribes_exactly_its_reader_from_that_list(
    port: int, feedback: FeedbackHarness, content: str
) -> None:
    delivery = feedback.delivery()
    token = feedback.tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)
    address = f"unsubscribe+{token}@bounces.gazette.example"
    raw = f"From: someone@elsewhere.example\r\nTo: {address}\r\nMessage-ID: <1@elsewhere.example>\r\n{content}".encode()
    with smtplib.LMTP("127.0.0.1", port) as client:
        for _ in range(2):
            assert client.sendmail("someone@elsewhere.example", [address.title()], raw) == {}
    assert feedback.membership() is Membership.UNSUBSCRIBED
    assert feedback.membership("bo@example.org") is Membership.SUBSCRIBED
    assert feedback.events() == [EventKind.UNSUBSCRIBE]
    assert feedback.reasons() == set()


def test_an_automatic_reply_to_the_unsubscribe_address_unsubscribes_no_one(
    port: int, feedback: FeedbackHarness
) -> None:
    delivery = feedback.delivery()
    address = (
        f"unsubscribe+{feedback.tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)}@bounces.gazette.example"
    )
    auto_reply = (
        f"From: a@b.example\r\nTo: {address}\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nI am away.\r\n"
    )
    forged = address.replace("+", "+a", 1)
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail("", [address], auto_reply.encode())
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("", [forged], auto_reply.encode())
    assert feedback.membership() is Membership.SUBSCRIBED


def test_lmtp_replies_for_each_recipient_and_smtp_once(client: RawClient, feedback: FeedbackHarness) -> None:
    paths = [feedback.return_path(feedback.delivery(one)) for one in (ADA, "bo@example.org")]
    raw = mails.bounce(feedback.delivery(), to=paths[0])
    envelope = "".join(f"RCPT TO:<{path}>\r\n" for path in (*paths, "b+nothing@bounces.gazette.example")).encode()

    assert client.codes(b"LHLO relay\r\n") == ["250"]
    assert client.codes(b"MAIL FROM:<>\r\n" + envelope + b"DATA\r\n", 5) == ["250", "250", "250", "550", "354"]
    assert client.codes(dot_stuffed(raw), 2) == ["250", "250"]
    assert client.codes(b"EHLO relay\r\n") == ["250"]
    assert client.codes(b"MAIL FROM:<>\r\n" + envelope + b"DATA\r\n", 5) == ["250", "250", "250", "550", "354"]
    assert client.codes(dot_stuffed(raw)) == ["250"]
    assert client.codes(b"QUIT\r\n") == ["221"]


def test_it_relays_to_no_other_address(client: RawClient, feedback: FeedbackHarness) -> None:
    foreign = mails.verp(feedback.delivery(), TokenSigner(b"the key of another installation"))
    ours_elsewhere = feedback.return_path().replace("bounces.gazette.example", "elsewhere.example")
    client.codes(b"LHLO relay\r\nMAIL FROM:<a@b.example>\r\n", 2)
    for address, code in (
        ("someone@elsewhere.example", "550"),
        ("hostmaster@bounces.gazette.example", "550"),
        ("postmaster@elsewhere.example", "550"),
        (foreign, "550"),
        (ours_elsewhere, "550"),
        ("@relay:someone", "501"),
        ("", "501"),
        (feedback.return_path(), "250"),
    ):
        assert client.codes(f"RCPT TO:<{address}>\r\n".encode()) == [code], address


@pytest.mark.parametrize(
    "recipient",
    ["postmaster@bounces.gazette.example", "PostMaster@BOUNCES.gazette.example", "postmaster", "Postmaster"],
)
def test_mail_to_postmaster_is_kept_for_an_operator_and_not_applied(
    client: RawClient, feedback: FeedbackHarness, recipient: str
) -> None:
    raw = mails.bounce(feedback.delivery(), to=feedback.return_path())
    commands = f"EHLO x\r\nMAIL FROM:<ann@example.net>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
    assert client.codes(commands, 4) == ["250", "250", "250", "354"]
    assert client.codes(dot_stuffed(raw)) == ["250"]

    with feedback.harness.app.database.begin() as connection:
        [kept] = postmaster_mails.listed(connection)
    assert kept.raw.rstrip() == raw.rstrip()
    assert (feedback.state(), feedback.events()) == (DeliveryState.SENT, [])


def test_postmaster_of_other_domains_is_relay_denied_and_never_a_sender_without_domain(client: RawClient) -> None:
    assert client.codes(b"EHLO x\r\nMAIL FROM:<postmaster>\r\n", 2) == ["250", "501"]
    replies = client.send(b"MAIL FROM:<>\r\nRCPT TO:<postmaster@elsewhere.example>\r\n", 2)
    assert replies[1].startswith("550 5.7.1")


def test_of_mail_to_postmaster_only_the_newest_is_kept(feedback: FeedbackHarness) -> None:
    now = feedback.harness.app.clock()
    with feedback.harness.app.database.begin() as connection:
        for number in range(505):
            postmaster_mails.keep(connection, b"Subject: %d" % number, now=now)
        subjects = [one.raw for one in postmaster_mails.listed(connection)]
    assert (len(subjects), subjects[0], subjects[-1]) == (500, b"Subject: 504", b"Subject: 5")


def test_malformed_commands_and_commands_out_of_sequence_are_rejected_without_effect(client: RawClient) -> None:
    for command, code in (
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
        assert client.codes(command) == [code], command[:40]


def test_a_message_that_is_too_large_is_rejected_and_the_next_one_is_accepted(
    client: RawClient, feedback: FeedbackHarness
) -> None:
    path = feedback.return_path()
    client.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
    line = b"x" * 998 + b"\r\n"
    assert client.codes(line * (MAX_MESSAGE_BYTES // len(line) + 2) + b".\r\n") == ["552"]
    assert feedback.state() is DeliveryState.SENT
    client.codes(f"MAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 3)
    assert client.codes(dot_stuffed(mails.bounce(feedback.delivery(), to=path))) == ["250"]


def test_a_lone_dot_ends_a_message_only_between_two_crlf(client: RawClient, feedback: FeedbackHarness) -> None:
    """A server that accepts LF as a line end reads one message as two (SMTP smuggling)."""
    path = feedback.return_path()
    client.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
    smuggled = b"Subject: one\r\n\r\na\n.\nMAIL FROM:<>\r\nb\r.\r\r\n.\r\n"
    assert client.codes(smuggled) == ["250"]
    assert client.codes(b"NOOP\r\n") == ["250"]


def test_while_the_database_is_down_recipients_are_deferred(feedback: FeedbackHarness) -> None:
    path = feedback.return_path()
    unreachable = Database("postgresql://127.0.0.1:1/nothing", pool_size=0)
    with running_server(replace(feedback.harness.app, database=unreachable)) as port:
        client = RawClient(port)
        client.codes(b"LHLO r\r\nMAIL FROM:<>\r\n", 2)
        assert client.codes(f"RCPT TO:<{path}>\r\n".encode()) == ["451"]
        client.close()


def broken_clock() -> datetime:
    raise RuntimeError("a bug")


def test_an_unexpected_error_defers_the_message_and_the_server_keeps_running(feedback: FeedbackHarness) -> None:
    app = feedback.harness.app
    path = feedback.return_path()
    with running_server(replace(app, clock=broken_clock)) as port:
        client = RawClient(port)
        client.codes(f"LHLO r\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n".encode(), 4)
        assert client.codes(dot_stuffed(mails.bounce(feedback.delivery(), to=path))) == ["451"]
        assert client.codes(b"NOOP\r\n") == ["250"]
        client.close()
    assert feedback.state() is DeliveryState.SENT


def test_a_message_that_cannot_be_processed_is_accepted_and_kept(
    feedback: FeedbackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, path = feedback.harness.app, feedback.return_path()
    raw = mails.bounce(feedback.delivery(), to=path)
    with monkeypatch.context() as patched, running_server(app) as port, smtplib.LMTP("127.0.0.1", port) as client:
        patched.setattr(inbound_mail, "read_inbound_mail", lambda *_, **__: 1 // 0)
        assert client.sendmail("", [path], raw) == {}
    with app.database.begin() as connection:
        (known,) = quarantine.of_loop(connection, QuarantineLoop.MAIL).values()
        item = quarantine.find(connection, known.id)
    assert feedback.state() is DeliveryState.SENT
    # The recipient is kept too: it says which delivery the message is about.
    assert retry(app, item, retry_mail)
    assert feedback.state() is DeliveryState.BOUNCED


def test_a_channel_with_an_invalid_bounce_domain_keeps_no_message_from_the_others(feedback: FeedbackHarness) -> None:
    app, path = feedback.harness.app, feedback.return_path()
    with app.database.begin() as connection:
        settings = {"bounce_domain": "not a domain"}
        channels.save(connection, name="another", kind="email", settings=settings, sealed=None)
    with running_server(app) as port, smtplib.LMTP("127.0.0.1", port) as client:
        assert client.sendmail("", [path], mails.bounce(feedback.delivery(), to=path)) == {}
    assert feedback.state() is DeliveryState.BOUNCED
    with app.database.begin() as connection:
        assert list(quarantine.of_loop(connection, QuarantineLoop.CHANNEL)) == ["another"]


def test_an_idle_client_is_disconnected(feedback: FeedbackHarness) -> None:
    with running_server(feedback.harness.app, idle_seconds=0.05) as port:
        client = RawClient(port)
        assert client.reply()[:3] == "421"
        client.close()


@pytest.mark.parametrize("limit", ["max_sessions", "max_sessions_per_ip"])
def test_silent_clients_keep_no_one_out(feedback: FeedbackHarness, limit: str) -> None:
    with running_server(feedback.harness.app, **{limit: 3}) as port:
        silent = [RawClient(port) for _ in range(10)]
        path = feedback.return_path()
        with smtplib.LMTP("127.0.0.1", port) as client:
            assert client.sendmail("", [path], mails.bounce(feedback.delivery(), to=path)) == {}
        assert [client.reply()[:3] for client in silent[:8]] == ["421"] * 8
        # Sessions that others did not need are still served.
        assert silent[9].codes(b"NOOP\r\n") == ["250"]
        for raw in silent:
            raw.close()


def test_a_client_that_waits_for_us_is_not_closed_for_a_new_one(
    feedback: FeedbackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy, may_go_on = threading.Event(), threading.Event()

    async def rejection_of(self: InboundAcceptance, recipient: str) -> None:
        is_busy.set()
        await asyncio.to_thread(may_go_on.wait, 60)

    monkeypatch.setattr(InboundAcceptance, "rejection_of", rejection_of)
    with running_server(feedback.harness.app, max_sessions=1) as port:
        busy = RawClient(port)
        busy.codes(b"LHLO a\r\nMAIL FROM:<>\r\n", 2)
        busy.socket.sendall(b"RCPT TO:<ada@gazette.example>\r\n")
        assert is_busy.wait(60)
        assert RawClient(port).greeting.startswith("421 4.3.2")
        may_go_on.set()
        assert busy.reply() == "250 2.1.5 Recipient OK"
        busy.close()


def test_a_client_that_reads_nothing_is_given_up(feedback: FeedbackHarness) -> None:
    with running_server(feedback.harness.app, idle_seconds=0.2) as port:
        client = RawClient(port)
        with pytest.raises(ConnectionError):
            # Many times more than the buffers between the two hold.
            for _ in range(1000):
                client.socket.sendall(b"EHLO a\r\n" * 4000)
        client.close()


def test_a_client_that_makes_error_after_error_is_given_up(port: int) -> None:
    client = RawClient(port)
    assert client.codes(b"EHLO a\r\nMAIL FROM:<>\r\n", 2) == ["250", "250"]
    assert client.codes(b"RCPT TO:<nobody@elsewhere.example>\r\n" * 30, 20) == ["550"] * 20
    assert client.reply().startswith("421 4.7.0")
    assert client.reply() == ""
    client.close()
