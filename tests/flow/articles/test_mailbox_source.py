"""A secret address as a source: mails to it become articles, and what is none is refused and answered to nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from distributor.domain.article import ArticleState
from distributor.domain.blocks import plain_text
from distributor.domain.errors import InputError, ServiceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.source import Publishing, SourceResult, SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_mail, sources
from distributor.flow.articles.source_mail import accept_article_mail, addressed_source
from distributor.flow.quarantine_retries import retry_item
from distributor.storage import channels, quarantine
from tests.flow.articles.source_harness import SourceHarness

Mailbox = Callable[..., SourceHarness]


@pytest.fixture
def mailbox(app: AppContext) -> Mailbox:
    """Adds an address for mails, with these settings."""

    def add(publishing: Publishing = Publishing.NOTHING, **settings: Any) -> SourceHarness:
        return SourceHarness(app, "mailbox", {"domain": "in.gazette.example", **settings}, publishing)

    return add


def mail(
    text: str = "It is open.",
    *,
    message_id: str = "<1@mail.example>",
    sender: str = "Ann <ann@example.org>",
    subject: str = "The bridge",
    more: str = "",
) -> bytes:
    head = (
        f"From: {sender}\r\nSubject: {subject}\r\nDate: Mon, 1 Jun 2026 12:05:00 +0000\r\nMessage-ID: {message_id}\r\n"
    )
    return f"{head}{more}\r\n{text}\r\n".encode()


def address_of(source: SourceHarness) -> str:
    return sources.show(source.app, "site").address


def send(source: SourceHarness, raw: bytes) -> bool:
    return accept_article_mail(source.app, raw, recipient=address_of(source))


def held(source: SourceHarness) -> list[QuarantinedItem]:
    with source.app.database.begin() as connection:
        known = quarantine.of_loop(connection, QuarantineLoop.MAIL).values()
        return sorted((quarantine.find(connection, one.id) for one in known), key=lambda one: one.id)


def notes(source: SourceHarness) -> tuple[str, ...]:
    result = source.source.last_result
    return result.notes if result is not None else ()


def test_a_mail_is_an_article_once_and_a_changed_one_with_its_message_id_a_revision(mailbox: Mailbox) -> None:
    source = mailbox()
    assert send(source, mail())
    assert source.source.last_result == SourceResult(added=1)
    found = source.article("1@mail.example")
    assert (found.article.title, found.article.author, plain_text(found.article.body)) == (
        "The bridge",
        "Ann",
        "It is open.",
    )
    assert found.status.state is ArticleState.DRAFT

    # Another relay delivered it too.
    assert send(source, b"Received: from a by b\r\nDelivered-To: me\r\n" + mail())
    assert source.source.last_result == SourceResult(unchanged=1)
    assert send(source, mail("It is open again."))
    assert plain_text(source.article("1@mail.example").article.body) == "It is open again."
    assert send(source, mail("Another one.", message_id="<2@mail.example>"))
    assert source.article("2@mail.example").article.slug == "the-bridge-2"


def test_what_comes_in_is_published_if_it_is_newer_than_the_source(mailbox: Mailbox) -> None:
    source = mailbox(Publishing.NEW)
    source.run()
    source.now += timedelta(minutes=10)
    send(source, mail())
    assert source.article("1@mail.example").status.state is ArticleState.PUBLISHED


def test_the_address_names_the_source_and_only_its_newest_number_is_valid(mailbox: Mailbox) -> None:
    source = mailbox()
    first = address_of(source)
    assert first.startswith("article+site.")
    assert first.endswith("@in.gazette.example")
    assert len(first.partition("@")[0]) <= 64
    for spelled in (first, first.upper(), f"<{first}>"):
        assert addressed_source(source.app, spelled) == source.source
    sources.change(source.app, "site", {"number": 1})
    assert addressed_source(source.app, first) is None
    assert addressed_source(source.app, address_of(source)) == source.source
    assert not accept_article_mail(source.app, mail(), recipient=first)
    assert source.titles() == set()
    kept = address_of(source)
    sources.remove(source.app, "site")
    assert addressed_source(source.app, kept) is None


@pytest.mark.parametrize(
    "spoiled", ["article+site.aaaaaaaaaaaaaaaaaaaaaaaaaa@in.gazette.example", "article+@x.example"]
)
def test_an_address_that_was_not_signed_here_is_that_of_no_source(mailbox: Mailbox, spoiled: str) -> None:
    source = mailbox()
    token = address_of(source).partition(".")[2].partition("@")[0]
    assert addressed_source(source.app, spoiled) is None
    assert addressed_source(source.app, f"b+{token}@in.gazette.example") is None


def test_the_domain_is_that_of_a_channel_unless_it_is_given(app: AppContext) -> None:
    source = SourceHarness(app, "mailbox", {})
    assert "has no address yet" in sources.show(source.app, "site").problem
    with app.database.begin() as connection:
        settings = {"bounce_domain": "bounces.gazette.example"}
        channels.save(connection, name="letters", kind="email", settings=settings, sealed=None)
    assert address_of(source).endswith("@bounces.gazette.example")


def test_a_mail_to_a_paused_source_is_kept_and_comes_in_once_it_is_resumed(mailbox: Mailbox) -> None:
    source = mailbox()
    sources.set_state(source.app, "site", SourceState.PAUSED)
    assert not send(source, mail())
    (item,) = held(source)
    assert ("paused" in item.reason, source.titles()) == (True, set())
    sources.set_state(source.app, "site", SourceState.ACTIVE)
    assert retry_item(source.app, item.id).is_well
    assert len(source.titles()) == 1


def test_a_sender_who_may_not_write_is_kept_and_can_be_let_in_later(mailbox: Mailbox) -> None:
    source = mailbox(allowed_senders="bo@example.org, news.example")
    assert not send(source, mail())
    assert "ann@example.org may not send articles here (subject: 'The bridge')" in notes(source)[0]
    (item,) = held(source)
    assert (item.content, retry_item(source.app, item.id).is_well) == (mail(), False)
    for number, sender in enumerate(("Bo <BO@example.org>", "cy@news.example")):
        assert send(source, mail(message_id=f"<{number}@x>", sender=sender))
    for sender in ("bo@example.org.evil.example", "bo@example.org, eve@example.org", "nobody", ""):
        assert not send(source, mail(message_id="<3@x>", sender=sender))

    sources.change(source.app, "site", {"allowed_senders": "example.org"})
    assert retry_item(source.app, item.id).is_well
    assert source.article("1@mail.example").article.title == "The bridge"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(more="Auto-Submitted: auto-replied\r\n"), "an automatic answer"),
        (mail(subject="Out of office: The bridge"), "an automatic answer"),
        (mail(more="X-Autoreply: yes\r\n"), "an automatic answer"),
        (mail(sender="MAILER-DAEMON@mx.example", subject="Undelivered Mail Returned to Sender"), "a bounce"),
        (mail(more="Return-Path: <>\r\n"), "a bounce"),
        (mail(more="Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"), "a bounce"),
    ],
)
def test_what_no_person_wrote_is_passed_over_with_the_reason_and_not_kept(
    mailbox: Mailbox, raw: bytes, reason: str
) -> None:
    source = mailbox()
    assert not send(source, raw)
    assert reason in notes(source)[0]
    assert (held(source), source.titles()) == ([], set())


def test_a_program_that_sends_articles_is_no_automatic_answer(mailbox: Mailbox) -> None:
    assert send(mailbox(), mail(more="Auto-Submitted: auto-generated\r\n"))


def test_a_mail_that_cannot_be_read_is_kept_with_its_content_and_tried_again(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mailbox()
    assert not send(source, mail("-----BEGIN PGP MESSAGE-----\r\n\r\nabc"))
    assert notes(source) == ("a mail was refused: the mail is encrypted: send it without encryption",)

    def failing(*_: Any, **__: Any) -> None:
        raise ValueError("a mistake")

    with monkeypatch.context() as patched:
        patched.setattr(source_mail, "take_item", failing)
        assert not send(source, mail())
    _, item = held(source)
    assert item.content == mail()
    assert item.detail == {"article_source": "site"}
    assert retry_item(source.app, item.id).is_well
    assert [one.content for one in held(source)] != [mail()]
    assert source.titles() == {"The bridge"}


def test_a_mail_stays_with_its_server_while_the_database_is_away(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mailbox()

    def failing(*_: Any, **__: Any) -> None:
        raise ServiceError("PostgreSQL does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(source_mail, "take_item", failing)
        with pytest.raises(ServiceError):
            send(source, mail())
    assert held(source) == []
    assert send(source, mail())


def test_a_mail_without_a_message_id_is_known_by_its_content(mailbox: Mailbox) -> None:
    source = mailbox()
    raw = mail().replace(b"Message-ID: <1@mail.example>\r\n", b"")
    assert send(source, raw)
    assert send(source, raw)
    assert source.source.last_result == SourceResult(unchanged=1)


@pytest.mark.parametrize(
    "settings", [{"allowed_senders": "ann"}, {"domain": "not a domain"}, {"number": -1}, {"number": "x"}]
)
def test_settings_that_cannot_be_right_are_refused(app: AppContext, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SourceHarness(app, "mailbox", settings)
