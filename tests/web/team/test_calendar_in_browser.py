"""The calendar in Chromium: moved by dragging and by keyboard, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import DispatchState
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import campaigns, dispatches, user_sessions, users
from tests.conftest import needs_scripts
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.web.browser import LOOKS, Visitor, faults, visiting

from .conftest import OPERATOR
from .test_calendar import BERLIN, plan

pytestmark = pytest.mark.browser

WIDE, TALL = 1440, 1800


@dataclass
class Planner:
    """A browser of an owner on a site in Berlin, and the campaigns that it shows."""

    app: AppContext
    harness: CampaignHarness
    visitor: Visitor

    def open(self, page: Page, path: str) -> None:
        page.context.add_cookies(
            [{"name": "distributor_session", "value": "token", "url": self.visitor.public_url, "httpOnly": True}]
        )
        page.goto(self.visitor.public_url + path)

    def day(self, days: int) -> str:
        """The date so many days from now, by the clocks of the team."""
        return f"{self.app.clock().astimezone(self.app.site.zone) + timedelta(days=days):%Y-%m-%d}"

    def local(self, campaign_id: int) -> dict[str, str]:
        """When the campaign starts on each channel, by the clocks of the team."""
        with self.app.database.begin() as connection:
            planned = dispatches.of_campaign(connection, campaign_id)
        zone = self.app.site.zone
        return {
            one.channel_name: f"{one.scheduled_at.astimezone(zone):%Y-%m-%d %H:%M}"
            for one in planned
            if one.scheduled_at
        }

    def plan(self, days: int, *channels: str) -> int:
        return plan(self.harness, f"{self.day(days)}T08:00", *channels)


@pytest.fixture
def planner(app: AppContext, tmp_path: Path) -> Iterator[Planner]:
    app = replace(app, configured_site=replace(app.configured_site, time_zone=BERLIN))
    harness = make_campaign_harness(app, tmp_path)
    configure_sandbox_channels(app, SandboxPorts(http=1, smtp=1))
    accounts.create_user(app, email="ada@example.org", name="Ada", role=Role.OWNER, actor=OPERATOR)
    with app.database.begin() as connection:
        users.change(connection, 1, {"password_hash": "x"})
        user_sessions.add(connection, "token", user_id=1, ip_address="::1", user_agent="x", now=app.clock())
    with visiting(app) as visitor:
        yield Planner(app, harness, visitor)


def needs_the_script(page: Page) -> None:
    if not page.locator("script[src*='/calendar-']").count():
        needs_scripts()


def drag(page: Page, tile: str, day: str) -> None:
    page.locator(f".tile:has-text('{tile}')").first.drag_to(page.locator(f"[data-day='{day}']"))


def test_a_campaign_is_dragged_to_another_day_and_back(planner: Planner):
    campaign_id = planner.plan(2)
    before = planner.local(campaign_id)["email"]
    with planner.visitor.at("/app/sign-in", width=WIDE, height=TALL) as page:
        planner.open(page, f"/app/calendar?view=month&from={planner.day(2)}")
        needs_the_script(page)
        target = page.locator("[data-day]").last.get_attribute("data-day")
        assert target is not None
        drag(page, "Weekly letter", target)
        expect(page.locator(".moved")).to_contain_text("now starts on")
        expect(page.locator(f"[data-day='{target}'] .tile")).to_contain_text("Weekly letter")
        expect(page.locator("#announcements")).to_contain_text("now starts on")
        assert planner.local(campaign_id) == {"email": f"{target} {before[-5:]}"}
        page.get_by_role("button", name="Move it back").click()
        expect(page.locator(f"[data-day='{before[:10]}'] .tile")).to_contain_text("Weekly letter")
        assert planner.local(campaign_id) == {"email": before}


def test_what_is_refused_goes_back_to_where_it_was_and_says_why(planner: Planner):
    campaign_id = planner.plan(2)
    before = planner.local(campaign_id)
    with planner.visitor.at("/app/sign-in", width=WIDE, height=TALL) as page:
        planner.open(page, f"/app/calendar?view=week&from={planner.day(2)}")
        needs_the_script(page)
        with planner.app.database.begin() as connection:
            campaigns.bump_version(connection, campaign_id)
        other = page.locator("[data-day]:not(:has(.tile))").first.get_attribute("data-day") or ""
        drag(page, "Weekly letter", other)
        expect(page.get_by_role("alert")).to_contain_text("changed meanwhile")
        expect(page.locator(f"[data-day='{before['email'][:10]}'] .tile")).to_contain_text("Weekly letter")
        assert planner.local(campaign_id) == before


def test_a_campaign_on_several_channels_asks_whether_they_move_along(planner: Planner):
    campaign_id = planner.plan(2, "email", "x")
    before = planner.local(campaign_id)
    with planner.visitor.at("/app/sign-in", width=WIDE, height=TALL) as page:
        planner.open(page, f"/app/calendar?view=month&from={planner.day(2)}")
        needs_the_script(page)
        target = page.locator("[data-day]").last.get_attribute("data-day") or ""
        drag(page, "email", target)
        page.get_by_role("button", name="Leave it where it was").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert planner.local(campaign_id) == before
        drag(page, "email", target)
        page.get_by_role("button", name="All channels").click()
        expect(page.locator(f"[data-day='{target}'] .tile")).to_have_count(2)
        assert planner.local(campaign_id) == {name: f"{target} {time[-5:]}" for name, time in before.items()}


def test_a_campaign_is_moved_by_keyboard_alone_without_scripts(planner: Planner):
    campaign_id = planner.plan(2)
    with planner.visitor.at("/app/sign-in", width=WIDE, with_scripts=False) as page:
        planner.open(page, f"/app/calendar?view=week&from={planner.day(2)}")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator("a.move:focus").count():
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Weekly letter")
        page.get_by_label("Day").fill(planner.day(9))
        page.get_by_label("Time").fill("10:30")
        page.get_by_label("Time").press("Enter")
        expect(page.get_by_role("status").first).to_contain_text("now starts on")
        assert planner.local(campaign_id) == {"email": f"{planner.day(9)} 10:30"}
        with planner.app.database.begin() as connection:
            (one,) = dispatches.of_campaign(connection, campaign_id)
        assert one.state is DispatchState.SCHEDULED


@LOOKS
def test_everyone_can_read_and_use_the_calendar(planner: Planner, scheme: str, width: int):
    planner.plan(1, "email", "x")
    planner.plan(1)
    planner.harness.draft("bluesky")
    problems: list[str] = []

    def keep(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    with planner.visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        page.on("console", keep)
        for path in (*(f"/app/calendar?view={view}" for view in ("month", "week", "list")), "/app/calendar/1/move"):
            planner.open(page, path)
            problems += [f"{path}: {one}" for one in faults(page)]
    assert problems == []
