"""A campaign on its way as the page shows it: real processes send, a worker is killed, somebody presses pause."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import httpx
import lxml.html
import pytest

from distributor.domain.user import Actor, Role
from distributor.flow.operations.channel_settings import configure
from distributor.flow.team import accounts
from distributor.storage import user_sessions
from tests.chaos.mail_relay import Relay, running_relay
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, WEB, Service, running_service

PEOPLE = 400
CONNECTIONS = 2
PATIENCE = 120.0


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with running_relay(tmp_path_factory.mktemp("relay") / "inbox") as relay:
        yield relay


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, relay: Relay) -> Iterator[Service]:
    parts = (WEB, EMAIL_WORKER, OTHER_WORKER, BEATS[0])
    with running_service(tmp_path_factory.mktemp("service"), people=PEOPLE, parts=parts) as running:
        configure(running.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS})
        running.wait_for(lambda: answers(running), "a web server")
        yield running


def answers(service: Service) -> bool:
    try:
        return httpx.get(f"{service.app.site.public_url}/app/sign-in").status_code == 200
    except httpx.TransportError:
        return False


class Watcher:
    """Somebody who is signed in, and follows a campaign."""

    def __init__(self, service: Service, campaign_id: int) -> None:
        app = service.app
        user, _ = accounts.create_user(
            app, email=f"w{campaign_id}@example.org", name="", role=Role.MARKETER, actor=Actor(name="cli:test")
        )
        token = f"token {campaign_id}"
        with app.database.begin() as connection:
            user_sessions.add(connection, token, user_id=user.id, ip_address="", user_agent="", now=app.clock())
        self.path = f"/app/campaigns/{campaign_id}"
        self.client = httpx.Client(
            base_url=app.site.public_url,
            cookies={"distributor_session": token},
            headers={"Sec-Fetch-Site": "same-origin"},
            timeout=PATIENCE,
        )
        self.channels: list[str] = []
        self.states: list[str] = []
        self.has_ended = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        name = ""
        data: list[str] = []
        with self.client.stream("GET", f"{self.path}/live") as response:
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name, data = line.removeprefix("event: "), []
                elif line.startswith("data:"):
                    data.append(line.removeprefix("data: "))
                elif not line and name:
                    {"channels": self.channels, "state": self.states}.get(name, []).append("\n".join(data))
                    name = "" if name != "end" else self._end()

    def _end(self) -> str:
        self.has_ended.set()
        return ""

    def page(self) -> str:
        response = self.client.get(self.path)
        assert response.status_code == 200
        return words(response.text)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", str(lxml.html.fromstring(html).text_content()))


def numbers(html: str) -> tuple[int, list[int]]:
    """The audience of the only channel, and the numbers under its bar."""
    bars = lxml.html.fromstring(html).xpath("//ul[@class='ledger-sum']")
    if not bars:
        return 0, []
    whole, *parts = [
        int(one.text_content().replace(",", "")) for one in bars[0].xpath(".//*[contains(@class, 'number')]")
    ]
    return whole, parts


def has_passed(relay: Relay, goal: int) -> bool:
    return relay.passed >= goal


def test_the_numbers_add_up_to_the_audience_at_every_moment_although_a_worker_is_killed(
    service: Service, relay: Relay
) -> None:
    before = relay.passed
    relay.allow(before)
    campaign_id = service.plan("email")
    watcher = Watcher(service, campaign_id)
    relay.allow(before + 120)
    service.wait_for(lambda: has_passed(relay, before + 110), "the first mails", seconds=PATIENCE)
    service.crew.kill(EMAIL_WORKER)
    relay.allow(None)
    service.wait_for(lambda: service.is_finished(campaign_id), "the end of the campaign")
    assert watcher.has_ended.wait(PATIENCE)
    seen = [numbers(html) for html in watcher.channels]
    assert {whole for whole, _ in seen} - {0} == {PEOPLE}
    assert [parts for whole, parts in seen if sum(parts) != whole] == []
    assert len({tuple(parts) for _, parts in seen}) > 3, "it was seen on its way"
    assert "It is finished" in words(watcher.states[-1])
    assert f"of {PEOPLE} have it." in watcher.page()


def test_once_pause_is_pressed_nothing_begins_and_the_page_says_who_has_it(service: Service, relay: Relay) -> None:
    before = relay.passed
    relay.delay(0.05)
    campaign_id = service.plan("email")
    service.wait_for(lambda: has_passed(relay, before + 10), "the first mails", seconds=PATIENCE)
    watcher = Watcher(service, campaign_id)
    assert watcher.client.post(f"{watcher.path}/pause").status_code == 303
    time.sleep(2)
    passed = relay.passed
    time.sleep(2)
    assert relay.passed == passed
    relay.delay(0)
    out = passed - before
    assert 10 <= out < PEOPLE
    service.wait_for(lambda: f"It is paused: {out} have it, {PEOPLE - out} do not" in watcher.page(), "the sentence")
    question = words(watcher.client.get(f"{watcher.path}/correct").text)
    assert f"This campaign ends for good: {out} have it, {PEOPLE - out} do not get it from here." in question
    made = watcher.client.post(f"{watcher.path}/correct", data={"once": "once"})
    assert made.status_code == 303
    assert f"It is cancelled: {out} have it, {PEOPLE - out} do not get it." in watcher.page()
    assert relay.passed == passed
