"""Mails with articles at the inbound server and in mailboxes that are polled."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from distributor.domain.source import SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources
from distributor.inbound.mailbox import MAX_BYTES
from distributor.inbound.poller import open_mailbox, poll
from distributor.storage import articles
from tests.storage.image_fixtures import a_png

from .inbound_client import running_server


@pytest.fixture
def address(app: AppContext) -> str:
    """The address of a source called `press`."""
    return sources.add(app, "press", "mailbox", {"domain": "in.gazette.example"}).address


@pytest.fixture
def client(app: AppContext, address: str) -> Iterator[smtplib.LMTP]:
    with running_server(app) as port, smtplib.LMTP("127.0.0.1", port) as client:
        client.ehlo("relay.example")
        yield client


def mail(to: str = "", *, padding: int = 0) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = "Ann <ann@example.org>", "The bridge", "<1@mail.example>"
    if to:
        made["To"] = to
    made.set_content("It is open.")
    if padding:
        made.add_attachment(b"\0" * padding, "application", "octet-stream", filename="a.bin")
        made.add_attachment(a_png(60, 30), "image", "png", filename="last.png")
    return made


def image_count(app: AppContext) -> int:
    """How many images the article of the mail has."""
    with app.database.begin() as connection:
        found = articles.find_by_ref(connection, "press", "1@mail.example")
    assert found is not None
    assert found.article.title == "The bridge"
    return sum(type(block).__name__ == "Image" for block in found.article.body)


def test_an_article_is_committed_when_the_server_replies(app: AppContext, address: str, client: smtplib.LMTP) -> None:
    assert client.sendmail("ann@example.org", [address.upper()], bytes(mail())) == {}
    assert image_count(app) == 0


def test_only_addresses_that_were_signed_here_and_are_valid_are_accepted(
    app: AppContext, address: str, client: smtplib.LMTP
) -> None:
    local = address.partition("@")[0]
    client.mail("ann@example.org")
    assert client.rcpt(f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@in.gazette.example")[0] == 550
    assert client.rcpt(f"{local}@elsewhere.example") == (550, b"5.7.1 Relay access denied")
    assert client.rcpt(address)[0] == 250
    sources.set_state(app, "press", SourceState.PAUSED)
    assert client.rcpt(address)[0] == 450
    sources.set_state(app, "press", SourceState.ACTIVE)
    sources.change(app, "press", {"number": 7})
    assert client.rcpt(address)[0] == 550


def test_a_mail_that_is_no_article_is_taken_from_the_relay_and_answered_to_nobody(
    app: AppContext, address: str, client: smtplib.LMTP
) -> None:
    bounce = b"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail\r\n\r\nYour mail was not delivered.\r\n"
    assert client.sendmail("", [address], bounce) == {}
    result = sources.show(app, "press").source.last_result
    assert result is not None
    assert result.notes == (
        "a mail was passed over: a mail server sent it: it is a bounce or another report, and no article",
    )


@pytest.mark.parametrize("field", ["To", "Cc", "Delivered-To", "X-Original-To"])
def test_a_mail_in_a_polled_mailbox_is_an_article_with_all_that_is_attached(
    app: AppContext, address: str, tmp_path: Path, field: str
) -> None:
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    made = mail(padding=MAX_BYTES)
    made[field] = f"Press <{address}>" if field in ("To", "Cc") else address
    (tmp_path / "new" / "1").write_bytes(bytes(made))
    (tmp_path / "new" / "2").write_bytes(bytes(mail("someone@in.gazette.example")))
    mailbox = open_mailbox(f"maildir:{tmp_path}")
    sources.set_state(app, "press", SourceState.PAUSED)
    assert poll(app, mailbox, source="maildir") == 1
    sources.set_state(app, "press", SourceState.ACTIVE)
    assert poll(app, mailbox, source="maildir") == 1
    assert image_count(app) == 1
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["1:2,S", "2:2,"]
