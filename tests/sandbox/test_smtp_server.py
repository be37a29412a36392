"""The SMTP server: what it accepts, what it rejects, and what it stores."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from distributor.sandbox.service import Sandbox
from distributor.sandbox.smtp_server import MAIL_ACCOUNT

HEAD = b"From: a@b.example\r\nSubject: Hi\r\n\r\n"


class Talker:
    """A raw connection: says bytes, reads replies."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def say(self, content: bytes, replies: int = 1) -> list[str]:
        self.socket.sendall(content)
        return [self.reply() for _ in range(replies)]

    def reply(self) -> str:
        """A reply of any number of lines; empty if the other side has hung up."""
        lines = []
        while line := self.file.readline().decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def codes(self, content: bytes, replies: int = 1) -> list[str]:
        return [reply[:3] for reply in self.say(content, replies)]

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def talker(sandbox: Sandbox) -> Iterator[Talker]:
    talker = Talker(sandbox.smtp_port)
    yield talker
    talker.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=30) as client:
        yield client


def test_a_mail_of_smtplib_arrives_with_its_envelope(client: smtplib.SMTP, sandbox: Sandbox) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "list@c.example", "Grüße"
    message.set_content("Hello\n.\n..dots\n")
    refused = client.send_message(message, from_addr="bounces+1@b.example", to_addrs=["x@c.example", "y@d.example"])
    [envelope] = sandbox.state.inbox.envelopes()
    assert refused == {}
    assert (envelope.sender, envelope.recipients) == ("bounces+1@b.example", ("x@c.example", "y@d.example"))
    content = sandbox.state.inbox.content(1)
    assert content == message.as_bytes().replace(b"\n", b"\r\n")


def test_it_offers_what_a_sender_may_use(client: smtplib.SMTP) -> None:
    client.ehlo()
    assert {"pipelining", "size", "8bitmime", "smtputf8", "enhancedstatuscodes", "dsn", "auth"} <= set(
        client.esmtp_features
    )


def test_whole_transactions_may_be_sent_as_one_group(talker: Talker, sandbox: Sandbox) -> None:
    envelope = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    talker.say(b"EHLO here\r\n")
    first = talker.codes(envelope, 3)
    grouped = talker.codes(HEAD + b"one\r\n.\r\n" + envelope, 4)
    last = talker.codes(HEAD + b"two\r\n.\r\nQUIT\r\n", 2)
    assert (first, grouped, last) == (["250", "250", "354"], ["250", "250", "250", "354"], ["250", "221"])
    assert [sandbox.state.inbox.content(number) for number in (1, 2)] == [HEAD + b"one\r\n", HEAD + b"two\r\n"]


def test_content_in_single_bytes_arrives_as_it_was_sent(talker: Talker, sandbox: Sandbox) -> None:
    talker.say(b"EHLO here\r\n")
    talker.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
    for byte in HEAD + b"..one\r\n. two\r\n\r\n.\r":
        talker.socket.sendall(bytes([byte]))
    assert talker.codes(b"\n") == ["250"]
    assert sandbox.state.inbox.content(1) == HEAD + b".one\r\n two\r\n\r\n"


@pytest.mark.parametrize(
    ("content", "kept"), [(b".\r\n", b""), (b"\r\n.\r\n", b"\r\n"), (b"a: b\r\n.\r\n", b"a: b\r\n")]
)
def test_short_content_is_content(talker: Talker, sandbox: Sandbox, content: bytes, kept: bytes) -> None:
    talker.say(b"EHLO here\r\n")
    talker.say(b"MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
    assert talker.codes(content) == ["250"]
    assert sandbox.state.inbox.content(1) == kept
    assert sandbox.state.inbox.envelope(1).sender == ""


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (HEAD + b"a\nb\r\n", "554 5.6.0"),
        (HEAD + b"a\rb\r\n", "554 5.6.0"),
        (HEAD + b"a\n.\nb\r\n", "554 5.6.0"),
        (HEAD + b"a\0b\r\n", "554 5.6.0"),
        (HEAD + b"a" * 999 + b"\r\n", "554 5.6.0"),
        (b"Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHi\r\n", "554 5.6.7"),
        (HEAD + b"a" * 998 + b"\r\n", "250 2.0.0"),
        (HEAD + b"Gr\xc3\xbc\xc3\x9fe\r\n", "250 2.0.0"),
    ],
    ids=["lone LF", "lone CR", "smuggled dot", "NUL", "999 bytes", "8-bit header", "998 bytes", "8-bit body"],
)
def test_content_of_the_wrong_form_is_refused(talker: Talker, sandbox: Sandbox, content: bytes, refusal: str) -> None:
    talker.say(b"EHLO here\r\n")
    talker.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
    [reply] = talker.say(content + b".\r\n")
    assert reply.startswith(refusal)
    assert len(sandbox.state.inbox) == (1 if refusal.startswith("250") else 0)
    assert talker.codes(b"NOOP\r\n") == ["250"]


def test_a_message_over_the_size_is_refused_and_the_connection_lives(talker: Talker, sandbox: Sandbox) -> None:
    line = b"x" * 998 + b"\r\n"
    talker.say(b"EHLO here\r\n")
    assert talker.codes(b"MAIL FROM:<a@b.example> SIZE=99999999\r\n") == ["552"]
    talker.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
    assert talker.codes(HEAD + line * 26_300 + b".\r\n") == ["552"]
    assert talker.codes(b"MAIL FROM:<a@b.example>\r\n") == ["250"]
    assert len(sandbox.state.inbox) == 0


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"MAIL FROM:a@b.example", "501"),
        (b"MAIL <a@b.example>", "501"),
        (b"MAIL FROM:<a>", "501"),
        (b"MAIL FROM:<a@b@c.example>", "501"),
        (b"MAIL FROM:<.a@b.example>", "501"),
        (b"MAIL FROM:<a..b@b.example>", "501"),
        (b"MAIL FROM:<" + b"a" * 65 + b"@b.example>", "501"),
        (b"MAIL FROM:<a@b.example> COLOUR=RED", "555"),
        (b"MAIL FROM:<a@b.example> BODY=BINARYMIME", "501"),
        (b"MAIL FROM:<\xc3\xbc@b.example>", "553"),
        (b"MAIL FROM:<\xc3\xbc@b.example> SMTPUTF8", "250"),
        (b'MAIL FROM:<"a b"@b.example>', "250"),
        (b"MAIL FROM:<a@[127.0.0.1]> BODY=8BITMIME SIZE=100 RET=HDRS ENVID=x", "250"),
        (b"mail from:<a@b.example>", "250"),
        (b"RCPT TO:<c@d.example>", "503"),
        (b"DATA", "503"),
        (b"STARTTLS", "500"),
        (b"NOOP\nNOOP", "500"),
        (b"\xff", "500"),
        (b"NOOP " + b"x" * 3000, "500"),
        (b"EHLO", "501"),
        (b"VRFY a", "252"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_commands_are_held_to_their_form(talker: Talker, command: bytes, code: str) -> None:
    talker.say(b"EHLO here\r\n")
    assert talker.codes(command + b"\r\n") == [code]


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (b"TO:<>", "501"),
        (b"TO:<c@d.example> NOTIFY=NEVER ORCPT=rfc822;c@d.example", "250"),
        (b"TO:<c@d.example> SIZE=1", "555"),
        (b"TO:<\xc3\xbc@d.example>", "553"),
    ],
    ids=str,
)
def test_recipients_are_held_to_their_form(talker: Talker, argument: bytes, code: str) -> None:
    talker.say(b"EHLO here\r\nMAIL FROM:<a@b.example>\r\n", 2)
    assert talker.codes(b"RCPT " + argument + b"\r\n") == [code]


def test_nothing_comes_before_a_greeting_or_twice(talker: Talker) -> None:
    assert talker.greeting.startswith("220 ")
    assert talker.codes(b"MAIL FROM:<a@b.example>\r\n") == ["503"]
    assert talker.codes(b"HELO here\r\nMAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\n", 3) == [
        "250",
        "250",
        "503",
    ]


def test_data_without_a_recipient_is_refused_before_any_content(talker: Talker) -> None:
    talker.say(b"EHLO here\r\n")
    assert talker.codes(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bad>\r\nDATA\r\nNOOP\r\n", 4) == [
        "250",
        "501",
        "554",
        "250",
    ]


def test_rset_forgets_the_envelope(talker: Talker) -> None:
    talker.say(b"EHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\n", 4)
    assert talker.codes(b"DATA\r\n") == ["503"]


def test_a_thousand_recipients_are_the_limit(talker: Talker) -> None:
    talker.say(b"EHLO here\r\nMAIL FROM:<a@b.example>\r\n", 2)
    commands = b"".join(b"RCPT TO:<c%d@d.example>\r\n" % number for number in range(1001))
    assert talker.codes(commands, 1001) == ["250"] * 1000 + ["452"]


@pytest.mark.parametrize("mechanism", ["login", "plain"])
def test_a_login_is_checked_when_it_is_tried(client: smtplib.SMTP, mechanism: str) -> None:
    client.ehlo()
    client.user, client.password = MAIL_ACCOUNT.user, MAIL_ACCOUNT.password
    code, _ = client.auth(mechanism, getattr(client, f"auth_{mechanism}"))
    assert code == 235
    client.password = "wrong"
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.auth(mechanism, getattr(client, f"auth_{mechanism}"))
    assert refused.value.smtp_code == 535


def test_a_connection_broken_in_the_middle_leaves_nothing(sandbox: Sandbox) -> None:
    talker = Talker(sandbox.smtp_port)
    talker.say(b"EHLO here\r\n")
    talker.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
    talker.socket.sendall(HEAD + b"half of i")
    talker.close()
    whole = Talker(sandbox.smtp_port)
    whole.say(b"EHLO here\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 4)
    whole.say(HEAD + b"whole\r\n.\r\n")
    whole.close()
    assert [sandbox.state.inbox.content(one.number) for one in sandbox.state.inbox.envelopes()] == [HEAD + b"whole\r\n"]
