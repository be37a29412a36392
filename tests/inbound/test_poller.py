"""Polling mailboxes: processed messages are deleted, unrelated ones stay, and those that fail are flagged."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from typing import Any

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, ServiceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.feedback import inbound_mail
from distributor.flow.feedback.inbound_mail import retry_mail
from distributor.flow.quarantine import retry
from distributor.inbound.mailbox import MailboxError
from distributor.inbound.poller import open_mailbox, poll
from distributor.mail.inbound import InboundMail, read_inbound_mail
from distributor.storage import quarantine
from distributor.storage.database import Database
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import FeedbackHarness

from .dovecot import Dovecot, running_dovecot

PERSONAL_REPLY = b"From: ann@example.org\r\nTo: news@gazette.example\r\nSubject: Thank you\r\n\r\nI liked it.\r\n"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "mails" / part).mkdir(parents=True)
    return tmp_path / "mails"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    # The owner of the mailbox may not enter the temporary folders of pytest.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder, running_dovecot(Path(folder)) as running:
        yield running


def bounce_to(feedback: FeedbackHarness, recipient: str = "ada@example.org") -> bytes:
    delivery = feedback.delivery(recipient)
    return mails.bounce(delivery, to=feedback.return_path(delivery))


def test_new_messages_of_a_maildir_are_moved_to_cur(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.bounce").write_bytes(bounce_to(feedback))
    (maildir / "new" / "2.answer").write_bytes(PERSONAL_REPLY)
    mailbox = open_mailbox(f"maildir:{maildir}")

    assert poll(feedback.harness.app, mailbox, source="maildir") == 2
    assert poll(feedback.harness.app, mailbox, source="maildir") == 0
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.bounce:2,S", "2.answer:2,"]
    assert feedback.state() is DeliveryState.BOUNCED


def test_a_message_that_only_names_an_address_stays_for_a_person(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.weak").write_bytes(mails.bounce(feedback.delivery(), to="news@gazette.example"))
    poll(feedback.harness.app, open_mailbox(f"maildir:{maildir}"), source="maildir")

    assert [path.name for path in (maildir / "cur").iterdir()] == ["1.weak:2,"]
    assert feedback.state() is DeliveryState.SENT


def test_a_message_that_raises_is_flagged_and_the_next_one_is_processed(
    feedback: FeedbackHarness, maildir: Path
) -> None:
    (maildir / "new" / "1.first").write_bytes(bounce_to(feedback))
    (maildir / "new" / "2.second").write_bytes(bounce_to(feedback, "bo@example.org"))
    failing = replace(feedback.harness.app, clock=fails_once(feedback.harness.app.clock))

    assert poll(failing, open_mailbox(f"maildir:{maildir}"), source="maildir") == 2
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.first:2,F", "2.second:2,S"]
    assert feedback.state(feedback.delivery("bo@example.org")) is DeliveryState.BOUNCED


@pytest.mark.parametrize(
    "error", [InputError("no"), NotFoundError("delivery", 1), ValueError("no"), RecursionError("no")]
)
def test_a_message_that_cannot_be_processed_is_kept_and_the_next_one_is_processed(
    feedback: FeedbackHarness, maildir: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    app, bad = feedback.harness.app, bounce_to(feedback)
    (maildir / "new" / "1.first").write_bytes(bad)
    (maildir / "new" / "2.second").write_bytes(bounce_to(feedback, "bo@example.org"))

    def failing(raw: bytes, *arguments: Any, **options: Any) -> InboundMail:
        if raw == bad:
            raise error
        return read_inbound_mail(raw, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(inbound_mail, "read_inbound_mail", failing)
        assert poll(app, open_mailbox(f"maildir:{maildir}"), source="maildir") == 2
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.first:2,F", "2.second:2,S"]
    assert feedback.state(feedback.delivery("bo@example.org")) is DeliveryState.BOUNCED
    assert feedback.state() is DeliveryState.SENT

    (item,) = held(feedback, QuarantineLoop.MAIL)
    assert item.content == bad
    assert retry(app, item, retry_mail)
    assert feedback.state() is DeliveryState.BOUNCED
    assert held(feedback, QuarantineLoop.MAIL) == []


def test_a_message_that_cannot_be_read_or_moved_stops_no_other_and_is_tried_again(
    feedback: FeedbackHarness, maildir: Path
) -> None:
    app, mailbox = feedback.harness.app, open_mailbox(f"maildir:{maildir}")
    (maildir / "new" / "1.folder").mkdir()
    (maildir / "new" / "2.stuck").write_bytes(PERSONAL_REPLY)
    # A folder of that name, which is not empty, stands in the way.
    (maildir / "cur" / "2.stuck:2," / "full").mkdir(parents=True)
    (maildir / "new" / "3.bounce").write_bytes(bounce_to(feedback))
    assert poll(app, mailbox, source="maildir") == 1
    assert feedback.state() is DeliveryState.BOUNCED
    reasons = {item.key.rpartition(" ")[2]: item.reason for item in held(feedback, QuarantineLoop.MAILBOX)}
    assert set(reasons) == {"1.folder", "2.stuck"}
    assert "cannot be read: Is a directory" in reasons["1.folder"]
    assert "cannot be moved to cur" in reasons["2.stuck"]

    (maildir / "new" / "1.folder").rmdir()
    (maildir / "new" / "1.folder").write_bytes(PERSONAL_REPLY)
    (maildir / "cur" / "2.stuck:2," / "full").rmdir()
    (maildir / "cur" / "2.stuck:2,").rmdir()
    assert poll(feedback.harness.later(days=1), mailbox, source="maildir") == 2
    assert held(feedback, QuarantineLoop.MAILBOX) == []


def held(feedback: FeedbackHarness, loop: QuarantineLoop) -> list[QuarantinedItem]:
    with feedback.harness.app.database.begin() as connection:
        return [quarantine.find(connection, one.id) for one in quarantine.of_loop(connection, loop).values()]


def test_while_the_database_is_down_messages_stay_new(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.bounce").write_bytes(bounce_to(feedback))
    unreachable = Database("postgresql://127.0.0.1:1/nothing", pool_size=0)

    with pytest.raises(ServiceError):
        poll(replace(feedback.harness.app, database=unreachable), open_mailbox(f"maildir:{maildir}"), source="maildir")
    assert [path.name for path in (maildir / "new").iterdir()] == ["1.bounce"]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_bounce_is_deleted_and_a_personal_reply_stays(
    feedback: FeedbackHarness, dovecot: Dovecot, scheme: str
) -> None:
    dovecot.deliver(bounce_to(feedback), f"1.{scheme}-bounce")
    dovecot.deliver(PERSONAL_REPLY, f"2.{scheme}-answer")
    mailbox = open_mailbox(dovecot.url(scheme))

    assert poll(feedback.harness.app, mailbox, source=scheme) >= 2
    assert poll(feedback.harness.app, mailbox, source=scheme) == 0
    remaining = [name for name in dovecot.mails() if scheme in name]
    assert remaining == [f"2.{scheme}-answer"]
    assert feedback.state() is DeliveryState.BOUNCED


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_message_that_raises_stays_and_the_next_one_is_processed(
    feedback: FeedbackHarness, dovecot: Dovecot, scheme: str
) -> None:
    poll(feedback.harness.app, open_mailbox(dovecot.url(scheme)), source=scheme)
    dovecot.deliver(bounce_to(feedback), f"3.{scheme}-first")
    dovecot.deliver(bounce_to(feedback, "bo@example.org"), f"4.{scheme}-second")
    failing = replace(feedback.harness.app, clock=fails_once(feedback.harness.app.clock))

    assert poll(failing, open_mailbox(dovecot.url(scheme)), source=scheme) >= 2
    remaining = {
        name: flags for name, flags in dovecot.mails().items() if f"{scheme}-first" in name or "second" in name
    }
    assert list(remaining) == [f"3.{scheme}-first"]
    assert ("F" in remaining[f"3.{scheme}-first"]) == (scheme == "imaps")


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_wrong_password_is_an_error_without_the_password(
    feedback: FeedbackHarness, dovecot: Dovecot, scheme: str
) -> None:
    with pytest.raises(MailboxError) as caught:
        poll(feedback.harness.app, open_mailbox(dovecot.url(scheme, password="wr0ng")), source=scheme)
    assert "wr0ng" not in str(caught.value)


def test_an_untrusted_certificate_is_refused(feedback: FeedbackHarness, dovecot: Dovecot) -> None:
    url = dovecot.url("imaps").partition("?")[0]
    with pytest.raises(OSError, match="certificate"):
        poll(feedback.harness.app, open_mailbox(url), source="imaps")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "maildir:/nowhere",
        "imaps://host",
        "imaps://user:s3cret@host:port",
        "imaps://user:s3cret@host?tls=no",
        "pop3s://user:s3cret@host?x=1",
        "imaps://user:s3cret@/",
    ],
)
def test_an_invalid_url_is_refused_and_the_message_does_not_show_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_mailbox(url)
    assert "s3cret" not in str(caught.value)


def test_a_line_too_long_for_pop3_stops_no_other_message(feedback: FeedbackHarness, dovecot: Dovecot) -> None:
    app, mailbox = feedback.harness.app, open_mailbox(dovecot.url("pop3s"))
    poll(app, mailbox, source="pop3s")
    dovecot.deliver(PERSONAL_REPLY + b"x" * 5000 + b"\r\n" + PERSONAL_REPLY, "5.long")
    dovecot.deliver(bounce_to(feedback), "6.bounce")
    assert poll(app, mailbox, source="pop3s") == 1
    assert feedback.state() is DeliveryState.BOUNCED
    (item,) = held(feedback, QuarantineLoop.MAILBOX)
    assert "line too long" in item.reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take a mail away from the user of the server")
def test_a_message_that_the_imap_server_cannot_read_stops_no_other_and_is_tried_again(
    feedback: FeedbackHarness, dovecot: Dovecot
) -> None:
    app, mailbox = feedback.harness.app, open_mailbox(dovecot.url("imaps"))
    poll(app, mailbox, source="imaps")
    dovecot.deliver(bounce_to(feedback), "7.imaps-unreadable")
    dovecot.deliver(bounce_to(feedback, "bo@example.org"), "8.imaps-readable")
    (unreadable,) = dovecot.mail.glob("*/7.imaps-unreadable*")
    os.chown(unreadable, 0, 0)
    unreadable.chmod(0o600)

    assert poll(app, mailbox, source="imaps") == 1
    assert feedback.state(feedback.delivery("bo@example.org")) is DeliveryState.BOUNCED
    assert feedback.state() is DeliveryState.SENT
    (item,) = held(feedback, QuarantineLoop.MAILBOX)
    assert "the IMAP server ended the session" in item.reason

    (unreadable,) = dovecot.mail.glob("*/7.imaps-unreadable*")
    unreadable.chmod(0o644)
    assert poll(feedback.harness.later(days=1), mailbox, source="imaps") == 1
    assert feedback.state() is DeliveryState.BOUNCED
    assert held(feedback, QuarantineLoop.MAILBOX) == []


def fails_once(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """A clock that raises on its first call."""
    calls: list[int] = []

    def now() -> datetime:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        return clock()

    return now


def test_a_message_that_a_pop3_server_lists_wrongly_stops_no_other(feedback: FeedbackHarness) -> None:
    mail = bounce_to(feedback)
    replies = {
        b"LIST": b"+OK\r\n1 400\r\n2\r\n3 many\r\n4 400\r\n.\r\n",
        b"UIDL": b"+OK\r\n1\r\n2 two\r\n3 three\r\none 4\r\n4 four\r\n.\r\n",
        b"RETR": b"+OK\r\n" + mail + b"\r\n.\r\n",
    }

    class Dialogue(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"+OK\r\n")
            for line in self.rfile:
                retrieved.extend([line.strip()] if line.startswith(b"RETR") else [])
                self.wfile.write(replies.get(line[:4].upper(), b"+OK\r\n"))

    retrieved: list[bytes] = []
    with TCPServer(("127.0.0.1", 0), Dialogue) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mailbox = open_mailbox(f"pop3://ada:secret@127.0.0.1:{server.server_address[1]}?tls=off")
        assert poll(feedback.harness.app, mailbox, source="pop3") == 2
        server.shutdown()
    assert retrieved == [b"RETR 2", b"RETR 4"]
    assert feedback.state() is DeliveryState.BOUNCED
    keys = {item.key.partition(" ")[2]: item.reason for item in held(feedback, QuarantineLoop.MAILBOX)}
    assert set(keys) == {"1", "3 three", "one 4"}
    assert "the server lists it as 'one 4'" in keys["one 4"]
