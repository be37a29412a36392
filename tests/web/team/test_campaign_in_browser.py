"""A campaign's page in Chromium: it follows the sending by itself, is used by keyboard, and everyone can read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.team import accounts
from distributor.storage import paused_routes, user_sessions
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds
from tests.web.browser import LOOKS, PHONE, Visitor, faults, visiting

__all__ = ["scripted_kinds"]

pytestmark = pytest.mark.browser

WIDE = 1440


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted")
    return made


@pytest.fixture
def campaign_id(harness: CampaignHarness) -> int:
    """A campaign to forty people of which nothing was sent."""
    harness.people(*(f"reader{number}" for number in range(37)), list_slug="more")
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET list_id = 1"))
    number = harness.plan("mail")
    prepare(harness.app, 1)
    assert release(harness.app, 1)
    return number


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    user, _ = accounts.create_user(
        app, email="marta@example.org", name="Marta", role=Role.MARKETER, actor=Actor(name="cli:test")
    )
    with app.database.begin() as connection:
        user_sessions.add(connection, "token", user_id=user.id, ip_address="", user_agent="", now=app.clock())
    with visiting(app) as visitor:
        yield visitor


def sign_in(page: Page, visitor: Visitor) -> None:
    page.context.add_cookies(
        [{"name": "distributor_session", "value": "token", "url": visitor.public_url, "httpOnly": True}]
    )


def settle(app: AppContext, number: int, state: str, *, reply: str = "", reason: str = "") -> None:
    with app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET state = :state, updated_at = now(), reply = :reply,
                       next_at = CASE :state WHEN 'deferred' THEN now() + interval '1 hour' END,
                       detail = CASE WHEN :reason = '' THEN '{}' ELSE jsonb_build_object('reason', :reason) END
                WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY id LIMIT :number)
            """),
            {"state": state, "reply": reply, "reason": reason, "number": number},
        )


def test_the_page_follows_the_sending_without_a_reload_and_the_focus_stays(
    app: AppContext, campaign_id: int, visitor: Visitor
) -> None:
    if AssetFiles(app.clock).script_url("team") is None:
        needs_scripts()
    with visitor.at("/app/sign-in") as page:
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        sign_in(page, visitor)
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}")
        page.evaluate("window.isTheSamePage = true")
        state = page.locator(".campaign-state .sentence")
        expect(state).to_contain_text("0 of 40 have it.")
        expect(page.locator(".sending")).to_have_text("1 sending")
        pause = page.get_by_role("button", name="Pause")
        pause.focus()
        settle(app, 7, "sent")
        expect(state).to_contain_text("7 of 40 have it.")
        settle(app, 2, "failed", reason="userunknown", reply="5.1.1 <b>no such user</b>")
        expect(page.get_by_text("5.1.1 <b>no such user</b>")).to_be_visible()
        expect(pause).to_be_focused()
        campaign_control.pause(app, campaign_id, reason="wrong picture")
        expect(state).to_contain_text("It is paused: 7 have it, 31 do not get it until it is resumed.")
        resume = page.get_by_role("button", name="Resume")
        resume.focus()
        assert page.evaluate("window.isTheSamePage") is True
        page.keyboard.press("Enter")
        expect(page.get_by_text("Resumed.")).to_be_visible()
        settle(app, 31, "sent")
        run_scheduler(app)
        expect(state).to_contain_text("It is finished: 38 of 40 have it.")
        expect(page.locator(".sending")).to_have_count(0)
        expect(page.get_by_role("link", name="Results").first).to_be_visible()
        assert errors == []


def test_without_script_a_campaign_is_stopped_and_corrected_on_a_phone(
    app: AppContext, campaign_id: int, visitor: Visitor
) -> None:
    settle(app, 12, "sent")
    with visitor.at("/app/sign-in", width=PHONE, with_scripts=False) as page:
        sign_in(page, visitor)
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}")
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("It is paused: 12 have it, 28 do not get it until it is resumed.")).to_be_visible()
        expect(page.get_by_role("link", name="Reload for the numbers of now")).to_be_visible()
        page.get_by_role("link", name="Send the rest a corrected version").click()
        expect(page.get_by_text("This campaign ends for good: 12 have it, 28 do not get it from here.")).to_be_visible()
        page.get_by_role("button", name="Stop it and make the draft").click()
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}")
        expect(page.get_by_text("It is cancelled: 12 have it, 28 do not get it.")).to_be_visible()


@LOOKS
def test_everyone_can_read_and_use_a_campaign_in_trouble(
    app: AppContext, campaign_id: int, visitor: Visitor, scheme: str, width: int
) -> None:
    settle(app, 9, "sent")
    settle(app, 3, "failed", reason="userunknown", reply="5.1.1 " + "no-such-user-" * 30)
    settle(app, 5, "deferred", reason="mailboxfull", reply="4.2.2 full")
    settle(app, 1, "unknown", reply="no answer")
    with app.database.begin() as connection:
        paused_routes.pause(connection, 1, "relay", "example.org", reason="421 too fast", now=app.clock())
        connection.execute(text("UPDATE deliveries SET updated_at = updated_at - interval '1 hour'"))
        connection.execute(text("UPDATE delivery_changes SET at = at - interval '1 hour'"))
        connection.execute(
            text("""
                UPDATE deliveries SET detail = '{"reason": "held", "route": "relay/example.org"}'
                WHERE state = 'deferred'
            """)
        )
        connection.execute(text("UPDATE dispatches SET released_at = released_at - interval '1 hour'"))
        connection.execute(text("UPDATE campaigns SET name = 'Donaudampfschiffahrtselektrizitätenhauptbetriebswerk'"))
    problems: list[str] = []
    with visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        sign_in(page, visitor)
        for act in ("", "/cancel", "/correct", "/duplicate", "/reschedule", "/resume"):
            page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}{act}")
            problems += [f"{act or 'page'}: {one}" for one in faults(page)]
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}")
        expect(page.get_by_text("has stalled")).to_be_visible()
    assert problems == []
