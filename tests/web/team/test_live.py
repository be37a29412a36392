"""The stream of changes of a campaign: what it says, what it costs, and when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, text

from distributor.domain.user import Actor, Role, User
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.team import accounts
from distributor.flow.team.sign_in import user_of_session
from distributor.storage import user_sessions
from distributor.web.app import serving
from distributor.web.team import live
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds

__all__ = ["scripted_kinds"]

OPERATOR = Actor(name="cli:test")
PATIENCE = 30.0


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted")
    return made


@pytest.fixture
def campaign_id(harness: CampaignHarness) -> int:
    """A campaign to three people of which nothing was sent."""
    number = harness.plan("mail")
    prepare(harness.app, 1)
    assert release(harness.app, 1)
    return number


@pytest.fixture
def address(app: AppContext) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture
def viewer(app: AppContext) -> User:
    user, _ = accounts.create_user(app, email="vi@example.org", name="Vi", role=Role.VIEWER, actor=OPERATOR)
    with app.database.begin() as connection:
        connection.execute(text("UPDATE users SET password_hash = 'x'"))
    return user


@pytest.fixture
def cookies(app: AppContext, viewer: User) -> dict[str, str]:
    with app.database.begin() as connection:
        user_sessions.add(connection, "token", user_id=viewer.id, ip_address="", user_agent="", now=app.clock())
    return {"distributor_session": "token"}


class Stream:
    """What a browser hears, read in a thread of its own."""

    def __init__(self, url: str, cookies: dict[str, str]) -> None:
        self.events: list[tuple[str, str]] = []
        self.comments = 0
        self.status = 0
        self.content_type = ""
        self._changed = threading.Condition()
        self._client = httpx.Client(cookies=cookies, timeout=PATIENCE)
        self._thread = threading.Thread(target=self._read, args=(url,), daemon=True)
        self._thread.start()

    def _read(self, url: str) -> None:
        name = ""
        data: list[str] = []
        try:
            with self._client.stream("GET", url) as response:
                self.status, self.content_type = response.status_code, response.headers.get("content-type", "")
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        name, data = line.removeprefix("event: "), []
                    elif line.startswith("data:"):
                        data.append(line.removeprefix("data: "))
                    elif line.startswith(":"):
                        self._note(comments=1)
                    elif not line and name:
                        self._note((name, "\n".join(data)))
                        name = ""
        except httpx.HTTPError:
            pass

    def _note(self, heard: tuple[str, str] | None = None, *, comments: int = 0) -> None:
        with self._changed:
            self.comments += comments
            if heard:
                self.events.append(heard)
            self._changed.notify_all()

    def heard(self, name: str, words: str = "") -> None:
        """Wait until an event with this name and these words in it was heard."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(one == name and words in data for one, data in self.events), timeout=PATIENCE
            ), (name, words, self.events[-3:])

    def heard_comment(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.comments > 0, timeout=PATIENCE)

    def ended(self) -> None:
        """Wait until the server has ended it."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def follow(address: str, campaign_id: int, cookies: dict[str, str]) -> Iterator[Callable[[], Stream]]:
    with ExitStack() as stack:

        def make() -> Stream:
            stream = Stream(f"{address}/app/campaigns/{campaign_id}/live", cookies)
            stack.callback(stream.close)
            return stream

        yield make


def settle(app: AppContext, number: int, state: str) -> None:
    with app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET state = :state, updated_at = now()
                WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY id LIMIT :number)
            """),
            {"state": state, "number": number},
        )


@contextmanager
def counted_statements(app: AppContext) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    engine = app.database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_stream_says_what_changes_and_ends_with_the_campaign(
    app: AppContext, harness: CampaignHarness, follow: Callable[[], Stream]
) -> None:
    stream = follow()
    for name in ("state", "acts", "channels", "more", "running"):
        stream.heard(name)
    assert (stream.status, stream.content_type) == (200, "text/event-stream; charset=utf-8")
    settle(app, 1, "sent")
    stream.heard("state", '<span class="number">1</span></strong> of')
    campaign_control.pause(app, 1, reason="wait a moment")
    stream.heard("state", "Wait a moment.")
    campaign_control.resume(app, 1)
    harness.run()
    stream.heard("state", "It is finished")
    stream.heard("end")
    stream.ended()
    # What does not change is not said again: a viewer has nothing to do until there are results.
    assert next(data for name, data in stream.events if name == "acts").strip() == ""
    assert [name for name, _ in stream.events].count("acts") == 2


def test_fifty_watchers_cost_as_many_queries_as_one(
    app: AppContext, follow: Callable[[], Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAMS_PER_USER", 100)

    def queries_of(watchers: int) -> float:
        streams = [follow() for _ in range(watchers)]
        for stream in streams:
            stream.heard("state")
        with counted_statements(app) as statements:
            began = time.monotonic()
            while sum("delivery_totals" in one for one in statements) < 3:
                assert time.monotonic() - began < PATIENCE
                time.sleep(0.05)
            found = len(statements) / sum("delivery_totals" in one for one in statements)
        for stream in streams:
            stream.close()
        return found

    alone = queries_of(1)
    assert queries_of(50) <= alone * 1.5


def test_nobody_watches_nobody_reads(app: AppContext, follow: Callable[[], Stream]) -> None:
    stream = follow()
    stream.heard("state")
    stream.close()
    stream.ended()
    deadline = time.monotonic() + PATIENCE
    while True:
        with counted_statements(app) as statements:
            time.sleep(2.5)
        if not statements:
            break
        assert time.monotonic() < deadline


def test_a_stream_ends_when_its_session_does(
    app: AppContext, viewer: User, follow: Callable[[], Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RECHECK", timedelta(seconds=0.5))
    stream = follow()
    stream.heard("state")
    with app.database.begin() as connection:
        user_sessions.end_all(connection, viewer.id)
    stream.ended()
    assert "end" not in [name for name, _ in stream.events]


def test_a_stream_does_not_keep_a_session_alive(app: AppContext, viewer: User) -> None:
    with app.database.begin() as connection:
        user_sessions.add(connection, "old", user_id=viewer.id, ip_address="", user_agent="", now=app.clock())
    later = replace(app, clock=lambda: app.clock() + timedelta(days=2))
    found = user_of_session(later, "old")
    assert found is not None
    assert found.id == viewer.id
    assert user_of_session(replace(app, clock=lambda: app.clock() + timedelta(days=4)), "old") is None


def test_a_silent_stream_says_that_it_is_still_there(
    follow: Callable[[], Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", timedelta(seconds=0.2))
    follow().heard_comment()


def test_a_stopping_server_ends_its_streams_at_once(app: AppContext, campaign_id: int, cookies: dict[str, str]) -> None:
    with serving(app) as address:
        stream = Stream(f"{address}/app/campaigns/{campaign_id}/live", cookies)
        stream.heard("state")
        began = time.monotonic()
    # The server waits ten seconds for requests that are open.
    assert time.monotonic() - began < 8
    stream.ended()
    stream.close()


def test_streams_are_limited_for_each_user_and_the_page_asks_instead(
    address: str,
    campaign_id: int,
    cookies: dict[str, str],
    follow: Callable[[], Stream],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "STREAMS_PER_USER", 2)
    for _ in range(2):
        follow().heard("state")
    url = f"{address}/app/campaigns/{campaign_id}/live"
    assert httpx.get(url, cookies=cookies).status_code == 503
    asked = httpx.get(url, cookies=cookies, headers={"HX-Request": "true"})
    assert asked.status_code == 200
    assert [
        f'data-live-target="{name}"' in asked.text for name in ("state", "acts", "channels", "more", "running")
    ] == [True] * 5


def test_there_is_no_stream_of_what_does_not_change(
    app: AppContext, harness: CampaignHarness, address: str, cookies: dict[str, str], campaign_id: int
) -> None:
    draft = harness.draft("mail")
    harness.run()
    for number in (draft, campaign_id):
        assert httpx.get(f"{address}/app/campaigns/{number}/live", cookies=cookies).status_code == 204
    asked = httpx.get(f"{address}/app/campaigns/{campaign_id}/live", cookies=cookies, headers={"HX-Request": "true"})
    assert "It is finished" in asked.text


def test_without_a_session_there_is_no_stream(address: str, campaign_id: int) -> None:
    assert httpx.get(f"{address}/app/campaigns/{campaign_id}/live").status_code == 303
