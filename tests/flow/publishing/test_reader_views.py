"""The preview as a chosen person and the mail that this person gets differ in nothing but tokens."""

from __future__ import annotations

import email.policy
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from distributor.channels.email.composition.reader_views import in_colours
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.blocks import Image, Paragraph, Run
from distributor.domain.message_options import MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.schedule import StartTimes
from distributor.domain.subscriber import Person
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing.reader_views import DispatchViews, dispatch_on, views_of_dispatch
from distributor.sandbox.service import running_sandbox
from distributor.storage import dispatches, subscribers
from distributor.web.app import create_app
from tests.flow.campaign_harness import CampaignHarness

# What differs by mail, not by person: identifiers, times and signatures.
_OF_THE_MAIL = {"message-id", "date", "received", "return-path", "feedback-id", "delivered-to"}
_TOKEN = re.compile(r"(/(?:unsubscribe|preferences|view|confirm)/)[A-Za-z0-9_-]+|(unsubscribe\+)[a-z2-7]+")
_CLICK = re.compile(r"http://gazette\.example/c/([A-Za-z0-9_-]+)")
_PIXEL = re.compile(r'src="(?:http://gazette\.example/o/[^"]+\.gif|data:image/gif;base64,[^"]+)"')

OPTIONS = MessageOptions(
    subject="Fish & chips for {{ subscriber.name }} <today>",
    greeting="Dear {{ subscriber.name or 'friend' }}, in {{ subscriber.city or 'your town' }}: [our *menu*](https://menu.example/?a=1&b=2)",
    preheader="Chips & more",
    closing="{% if subscriber.city == 'Wien' %}Servus & baba{% else %}Bye{% endif %}",
)


@dataclass(frozen=True)
class Inbox:
    harness: CampaignHarness
    folder: Path

    def mail_to(self, address: str) -> EmailMessage:
        files = sorted((self.folder / "inbox").glob("*.eml"))
        found = [email.message_from_bytes(one.read_bytes(), policy=email.policy.default) for one in files]
        (mail,) = [one for one in found if address in str(one["to"])]
        return mail


@pytest.fixture
def inbox(harness: CampaignHarness, tmp_path: Path) -> Iterator[Inbox]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        configure_sandbox_channels(harness.app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
        yield Inbox(harness, tmp_path / "sandbox")


def seen_as(harness: CampaignHarness, campaign_id: int, name: str) -> DispatchViews:
    with harness.app.database.begin() as connection:
        (one,) = dispatches.of_campaign(connection, campaign_id)
        campaign, dispatch = dispatch_on(connection, campaign_id, one.channel_id)
        person = subscribers.find(connection, f"{name}@example.org")
    return views_of_dispatch(harness.app, campaign, dispatch, subscriber_id=person.id)


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def target_of(client: TestClient) -> Callable[[re.Match[str]], str]:
    """Where a tracked link leads, asked as the reader's browser does."""

    def target(link: re.Match[str]) -> str:
        answer = client.get(f"/c/{link[1]}")
        assert answer.status_code in (302, 303, 307), answer.text
        return str(answer.headers["location"])

    return target


def without_tokens(text: str) -> str:
    return _PIXEL.sub('src="PIXEL"', _TOKEN.sub(r"\1\2TOKEN", text))


@pytest.mark.parametrize("name", ["ada", "bo"])
def test_the_preview_as_a_person_and_the_mail_to_them_differ_in_nothing_but_tokens(inbox: Inbox, name: str) -> None:
    harness = inbox.harness
    with harness.app.database.begin() as connection:
        city = Person(key="ada@example.org", email="ada@example.org", name="Ada & <Co>", attributes={"city": "Wien"})
        subscribers.upsert(connection, [city], now=harness.app.clock())
    link = Paragraph((Run("Read "), Run("this & that", href="https://news.example/?x=1&y=2"), Run(".")))
    harness.article("trip", title="A trip & a <boat>", body=(link, Image(src="https://img.example/a.png", alt="A & B")))
    campaign_id = harness.draft("email", slugs=("trip",), message_options=OPTIONS)
    seen = seen_as(harness, campaign_id, name)
    start = StartTimes.at_once(harness.app.clock(), undo_window=timedelta())
    life_cycle.schedule(harness.app, campaign_id, actor="a test", start=start)
    harness.run()
    mail = inbox.mail_to(f"{name}@example.org")
    views = {one.name: one for one in seen.shown.views}
    with TestClient(create_app(harness.app), follow_redirects=False) as client:
        target = target_of(client)
        text = _CLICK.sub(target, part(mail, "plain"))
        page = _CLICK.sub(lambda one: html.escape(target(one)), part(mail, "html"))
    assert without_tokens(text).strip() == without_tokens(views["text"].text).strip()
    assert (
        without_tokens(in_colours(page, is_dark=False)).strip() == without_tokens(views["mail"].screens[0].page).strip()
    )
    fields = [line.partition(": ") for line in views["headers"].text.split("\n")]
    previewed = {key.lower(): without_tokens(value) for key, _, value in fields if key.lower() not in _OF_THE_MAIL}
    real = {key.lower(): without_tokens(str(value)) for key, value in mail.items() if key.lower() not in _OF_THE_MAIL}
    assert {key: value for key, value in real.items() if not key.startswith(("x-", "content-"))} == {
        key: value for key, value in previewed.items() if not key.startswith(("x-", "content-"))
    }
    assert real["content-type"].partition(";")[0] == previewed["content-type"].partition(";")[0]
    assert ("Servus & baba" in text) == (name == "ada")
    assert seen.shown.inbox is not None
    assert seen.shown.inbox.subject == str(mail["subject"])
    assert "&" in seen.shown.inbox.subject
