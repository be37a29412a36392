"""A team at work in its app, in Chromium, on a service that `distributor up` runs: from an article to its results.

A marketer is blocked by the review, mends it and asks for approval; an approver approves; the campaign is moved in the
calendar, sent, watched, paused and resumed while a worker dies; a viewer reads the results and changes nothing. And the
owner does all of it once more by keys alone.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import thorough
from tests.paths import SHARED
from tests.web.browser import browsing

from .keyboard import Keyboard
from .running_up import Running, running_up, wait_for
from .visitor import prepare_folder

pytestmark = [pytest.mark.browser, thorough]

_PASSWORD = "a sentence that only tests know"
_PEOPLE = 3000
_PATIENCE, _LONG = 30_000, 300_000
_SENT = re.compile(r"It is finished: [\d,]+ of [\d,]+ have it")
# Where the acceptance article is not at hand, one of ours.
_OWN_TEXT = """The garden in winter

What grows when nothing grows.

What to do now

Cover the beds. Clean the tools. Plan the spring.

Tags: garden, winter
"""


def _article() -> str:
    found = sorted(SHARED.glob("articles/*.txt")) if SHARED.is_dir() else []
    return found[0].read_text(encoding="utf-8") if found else _OWN_TEXT


TEXT = _article()
TITLE = TEXT.strip().splitlines()[0]


@dataclass
class Team:
    """The service, and a browser in which each member has a window of their own."""

    service: Running
    browser: Browser

    @contextmanager
    def window(self, path: str, *, email: str = "", with_scripts: bool = True) -> Iterator[Page]:
        """A page of the app, signed in as the member with this address."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=with_scripts)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        if email:
            page.goto(f"{self.service.url}/app/sign-in")
            page.get_by_label("Email address").fill(email)
            page.get_by_label("Password").fill(_PASSWORD)
            page.get_by_role("button", name="Sign in").click()
        page.goto(f"{self.service.url}{path}")
        try:
            yield page
        except BaseException:
            page.screenshot(path=self.service.folder.parent / "failed.png", full_page=True)
            raise
        context.close()
        assert not errors

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "distributor", *words],
            env={**self.service.environment},
            cwd=self.service.folder.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team of four, a list with people on it, and nothing sent yet."""
    folder = tmp_path_factory.mktemp("team")
    prepare_folder(folder)
    people = folder / "people.csv"
    rows = [f"reader{number}@example.org,Reader {number}\n" for number in range(_PEOPLE)]
    people.write_text("email,name\n" + "".join(rows))
    settings = {"postal_address": "The Gazette, 1 Main Street", "undo_seconds": "10", "time_zone": "Europe/Berlin"}
    with running_up(folder, **settings) as service, browsing() as browser:
        team = Team(service, browser)
        team.command("list", "create", "Weekly letter")
        team.command(
            "subscriber", "import", str(people), "--list", "weekly-letter", "--basis", "Signed the list at the fair"
        )
        link = team.command("user", "create", "ada@example.org", "--name", "Ada Owner", "--role", "owner")
        found = re.search(r"http\S+", link)
        assert found
        _join(team, found[0])
        # Half a minute for everybody, so that there is something to watch.
        team.command("channel", "change", "email", "--set", f"per_second={_PEOPLE // 30}")
        for role in ("Marketer", "Approver", "Viewer"):
            with team.window("/app/users", email="ada@example.org") as page:
                page.get_by_label("Email address").fill(f"{role.lower()}@example.org")
                page.get_by_label("Name").fill(f"The {role}")
                page.get_by_label(role, exact=False).first.check()
                choice = page.get_by_label("Show it here, to be copied")
                if choice.count():
                    choice.check()
                page.get_by_role("button", name="Invite").click()
                shown = page.locator("code").first.inner_text()
            _join(team, shown)
        yield team
        team.browser.close()


def _join(team: Team, link: str) -> None:
    with team.window(urlsplit(link).path) as page:
        page.get_by_label("New password", exact=True).fill(_PASSWORD)
        page.get_by_label("New password again").fill(_PASSWORD)
        page.get_by_role("button", name="Save and sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def _number(page: Page) -> int:
    """The campaign that the page is about."""
    found = re.search(r"/campaigns/(\d+)", page.url)
    assert found, page.url
    return int(found[1])


def _write_article(team: Team, email: str) -> None:
    with team.window("/app/articles/new", email=email) as page:
        page.locator("#pasted").fill(TEXT)
        page.get_by_role("button", name="Go on with this text").click()
        expect(page.get_by_label("Title", exact=True)).to_have_value(TITLE)
        page.get_by_role("button", name="Save").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(TITLE[:40])


def _compose(page: Page, *, channels: tuple[str, ...], needs_approval: bool) -> None:
    """Choose the article, the channels and the list."""
    page.get_by_role("button", name=re.compile(f"^Add ?: {re.escape(TITLE)}")).click()
    for name in channels:
        page.get_by_role("checkbox", name=re.compile(f"^{name}", re.IGNORECASE)).check()
    page.get_by_role("button", name="Show the words and times of these channels").click()
    page.get_by_role("checkbox", name=re.compile("^Weekly letter")).check()
    if needs_approval:
        page.get_by_role("checkbox", name=re.compile("^Somebody approves it")).check()


def test_a_campaign_goes_through_all_hands(team: Team):
    marketer, approver, viewer = (f"{role}@example.org" for role in ("marketer", "approver", "viewer"))
    _write_article(team, marketer)
    later = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT09:00")

    with team.window("/app/campaigns/new", email=marketer) as page:
        _compose(page, channels=("email", "feed", "mastodon", "bluesky", "x"), needs_approval=True)
        page.get_by_label("Subject", exact=True).fill("What grows in {{ subscriber.city }}")
        page.get_by_role("radio", name=re.compile("^At this time")).check()
        page.get_by_label("Date and time").first.fill(later)
        page.get_by_role("button", name="Save and review").first.click()
        if page.get_by_role("button", name="Review it now").count():
            page.get_by_role("button", name="Review it now").click()
        campaign = _number(page)
        # The review blocks it, and leads to where it is mended.
        expect(page.get_by_text("Must be mended").first).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^(Schedule|Send now)"))).to_have_count(0)
        page.goto(f"{team.service.url}/app/campaigns/{campaign}/edit")
        page.get_by_label("Subject", exact=True).fill("What grows now")
        page.get_by_role("button", name="Save and review").first.click()
        if page.get_by_role("button", name=re.compile("^Review it")).count():
            page.get_by_role("button", name=re.compile("^Review it")).first.click()
        expect(page.get_by_text(f"{_PEOPLE:,} subscribers").first).to_be_visible()
        page.get_by_role("button", name="Ask for approval").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()

    with team.window(f"/app/campaigns/{campaign}/review", email=approver) as page:
        page.get_by_role("button", name="Approve what is shown here").click()
        expect(page.get_by_text("Approved").first).to_be_visible()

    with team.window(f"/app/campaigns/{campaign}/review", email=marketer) as page:
        sure = page.locator("input[name='sure']")
        if sure.count():
            sure.first.check()
        # Twice at once schedules it once.
        page.get_by_role("button", name=re.compile("^Schedule for")).dblclick()
        page.wait_for_url(re.compile(r"/sending|/campaigns/\d+$"))
        page.goto(f"{team.service.url}/app/campaigns/{campaign}")
        expect(page.get_by_text("Scheduled", exact=True).first).to_be_visible()

    _move_by_drag_and_by_form(team, marketer)

    with team.window(f"/app/campaigns/{campaign}", email=viewer) as page:
        expect(page.get_by_role("button", name=re.compile("Pause|Undo|Take it back"))).to_have_count(0)
        page.goto(f"{team.service.url}/app/campaigns/{campaign}/edit")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")


def _move_by_drag_and_by_form(team: Team, email: str) -> None:
    with team.window("/app/calendar?view=month", email=email, with_scripts=False) as page:
        for _ in range(2):
            moves = page.get_by_role("link", name=re.compile("^Move"))
            if moves.count():
                break
            page.get_by_role("link", name="Later").click()
        moves.first.click()
        page.get_by_label("Time", exact=True).fill("11:30")
        page.get_by_role("button", name="Move it").click()
        expect(page.get_by_text("11:30").first).to_be_visible()


def test_what_is_sent_now_can_be_undone_watched_paused_and_resumed_while_a_worker_dies(team: Team):
    owner = "ada@example.org"
    with team.window("/app/campaigns/new", email=owner) as page:
        page.get_by_role("button", name=re.compile("^Add ?: Compost in a Small Yard")).click()
        for name in ("email", "feed"):
            page.get_by_role("checkbox", name=re.compile(f"^{name}", re.IGNORECASE)).check()
        page.get_by_role("checkbox", name=re.compile("^Weekly letter")).check()
        page.get_by_role("button", name="Save and review").first.click()
        if page.get_by_role("button", name="Review it now").count():
            page.get_by_role("button", name="Review it now").click()
        campaign = _number(page)
        for is_undone in (True, False):
            sure = page.locator("input[name='sure']")
            if sure.count():
                sure.first.check()
            page.get_by_role("button", name=re.compile("^Send now")).click()
            page.wait_for_url(re.compile("/sending"))
            if is_undone:
                page.get_by_role("button", name="Undo").click()
                page.wait_for_url(lambda url: "/sending" not in url)
                page.goto(f"{team.service.url}/app/campaigns/{campaign}")
                expect(page.get_by_text("Draft", exact=True).first).to_be_visible()
                page.goto(f"{team.service.url}/app/campaigns/{campaign}/review")
        page.goto(f"{team.service.url}/app/campaigns/{campaign}")
        # The page follows by itself.
        expect(page.get_by_text("Sending", exact=True).first).to_be_visible(timeout=_LONG)
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
        worker = next(
            number for number, command in team.service.processes().items() if "worker" in command and "email" in command
        )
        page.get_by_role("link", name="Resume…").or_(page.get_by_role("button", name="Resume")).first.click()
        if page.url.endswith("/resume"):
            page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("Sending", exact=True).first).to_be_visible()
        os.kill(worker, signal.SIGKILL)
        expect(page.get_by_text(_SENT)).to_be_visible(timeout=_LONG)
        page.get_by_role("link", name="Results").first.click()
        expect(page.get_by_role("heading", name=re.compile("Results|Compost")).first).to_be_visible()
        page.goto(f"{team.service.url}/app/campaigns/{campaign}/audit")
    shown = team.command("campaign", "show", str(campaign), "--json")
    assert f'"audience": {_PEOPLE}' in shown
    wait_for(lambda: not _unsettled(team, campaign), "the end of every delivery")


def _unsettled(team: Team, campaign: int) -> bool:
    return '"finished"' not in team.command("campaign", "show", str(campaign), "--json")


def test_everything_from_writing_to_the_results_is_done_by_keys_alone(team: Team):
    with team.window("/app/sign-in") as page:
        keys = Keyboard(page)
        _sign_in_by_keys(keys, "ada@example.org")
        title = _write_by_keys(keys)
        _compose_by_keys(keys)
        keys.skip()
        keys.enter("button", "Send a test to ada@example.org")
        expect(page.get_by_role("link", name="See what became of the test")).to_be_visible()
        _schedule_and_move_by_keys(keys)
        keys.enter("link", re.compile(re.escape(title)))
        page.wait_for_url(re.compile(r"/campaigns/\d+$"))
        keys.enter("button", "Take it back")
        page.wait_for_url(re.compile("/review"))
        _send_now_by_keys(keys, is_undone=True)
        _send_now_by_keys(keys, is_undone=False)
        _pause_and_resume_by_keys(keys)
        _look_at_what_became_of_it_by_keys(keys)
        keys.enter("button", "Sign out")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def _sign_in_by_keys(keys: Keyboard, email: str) -> None:
    page = keys.page
    keys.reach(page.get_by_label("Email address"))
    keys.write(email)
    keys.reach(page.get_by_label("Password"))
    keys.write(_PASSWORD)
    keys.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def _write_by_keys(keys: Keyboard) -> str:
    """Paste an article, and give it one more tag; returns its title."""
    page, title = keys.page, _OWN_TEXT.splitlines()[0]
    keys.enter("link", "Articles")
    page.wait_for_url("**/articles")
    keys.skip()
    keys.enter("link", re.compile("New article|Begin the first article"))
    page.wait_for_url("**/articles/new")
    keys.reach(page.locator("#pasted"))
    keys.write(_OWN_TEXT)
    keys.enter("button", "Go on with this text")
    expect(page.get_by_label("Title", exact=True)).to_have_value(title)
    keys.reach(page.get_by_label("Tags", exact=True))
    keys.press("Control+End")
    page.keyboard.type(", patience")
    keys.reach(page.get_by_role("button", name="Save", exact=True).last)
    keys.press("Enter")
    expect(page.get_by_text("Saved as revision 1.")).to_be_visible()
    expect(page.get_by_text("patience").first).to_be_visible()
    return title


def _compose_by_keys(keys: Keyboard) -> None:
    """A campaign over mail and one network in two days, up to its review."""
    page = keys.page
    keys.skip()
    keys.enter("link", "Send in a campaign")
    page.wait_for_url(re.compile("/campaigns/new"))
    keys.skip()
    for name in ("email", "mastodon"):
        keys.tick("checkbox", re.compile(f"^{name}", re.IGNORECASE))
    keys.enter("button", "Show the words and times of these channels")
    # It goes on where the words are, and not at the top of the page.
    expect(page.get_by_label("Subject", exact=True)).to_be_in_viewport()
    keys.press("Tab")
    assert page.locator("#words :focus").count() == 1
    keys.reach(page.get_by_label("Subject", exact=True))
    keys.write("What grows now")
    later = datetime.now(UTC) + timedelta(days=2)
    keys.reach(page.get_by_role("radio", name=re.compile("^Leave it open")))
    keys.press("ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^At this time"))).to_be_checked()
    keys.reach(page.get_by_label("Date and time").first)
    page.keyboard.type(later.strftime("%m%d%Y"))
    keys.press("ArrowRight")
    page.keyboard.type("0900AM")
    expect(page.get_by_label("Date and time").first).to_have_value(later.strftime("%Y-%m-%dT09:00"))
    keys.tick("checkbox", re.compile("^Weekly letter"))
    keys.enter("button", "Save and review")
    page.wait_for_url(re.compile(r"/campaigns/\d+/review"))
    expect(page.get_by_text(f"{_PEOPLE:,} subscribers").first).to_be_visible()


def _schedule_and_move_by_keys(keys: Keyboard) -> None:
    page = keys.page
    keys.enter("button", re.compile("^Schedule for"))
    page.wait_for_url(re.compile("/sending"))
    keys.enter("link", "Calendar")
    page.wait_for_url(re.compile("/calendar"))
    keys.skip()
    moves = page.get_by_role("link", name=re.compile("^Move.*winter"))
    now = datetime.now(UTC)
    if (now + timedelta(days=2)).month != now.month:
        # At the end of a month it is in the next one.
        keys.enter("link", "Later")
    moves.first.wait_for()
    keys.reach(moves.first)
    keys.press("Enter")
    keys.reach(page.get_by_label("Time", exact=True))
    page.keyboard.type("1130AM")
    keys.enter("button", "Move it")
    expect(page.get_by_role("status").first).to_contain_text("now starts on")
    keys.skip()


def _send_now_by_keys(keys: Keyboard, *, is_undone: bool) -> None:
    page = keys.page
    keys.skip()
    keys.enter("button", re.compile("^Send now"))
    page.wait_for_url(re.compile("/sending"))
    keys.skip()
    if is_undone:
        keys.enter("button", "Undo")
        page.wait_for_url(re.compile("/review"))
    else:
        keys.enter("link", "Open the campaign")
        page.wait_for_url(re.compile(r"/campaigns/\d+$"))


def _pause_and_resume_by_keys(keys: Keyboard) -> None:
    page = keys.page
    state = page.locator(".campaign-badge")
    expect(state).to_have_text("Sending", timeout=_LONG)
    keys.enter("button", "Pause")
    expect(state).to_have_text("Paused")
    keys.skip()
    keys.reach(page.get_by_role("link", name="Resume…").or_(page.get_by_role("button", name="Resume")).first)
    keys.press("Enter")
    page.wait_for_url(re.compile("/resume|done=resumed"))
    if page.url.endswith("/resume"):
        keys.enter("button", "Resume")
    expect(page.get_by_text(_SENT)).to_be_visible(timeout=_LONG)


def _look_at_what_became_of_it_by_keys(keys: Keyboard) -> None:
    page = keys.page
    keys.enter("link", "Deliveries")
    page.wait_for_url(re.compile("/deliveries"))
    keys.skip()
    keys.enter("link", re.compile("^reader"))
    page.wait_for_url(re.compile(r"/app/deliveries/\d+"))
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    keys.skip()
    keys.enter("link", "The garden in winter")
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    keys.skip()
    keys.enter("link", "Results")
    page.wait_for_url(re.compile("/results"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
