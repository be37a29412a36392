"""The review and the preview of a campaign in Chromium: frames that run nothing, sending and undo without script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import DispatchState
from distributor.domain.rendition import Rendition
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing.test_groups import add_group
from distributor.flow.team import accounts
from distributor.storage import dispatches, user_sessions, users
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.web.browser import LOOKS, Visitor, faults, visiting

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>top.document.title = 'taken'; alert('taken')</script>"
    "<img src=x onerror=\"top.document.title = 'taken'\">"
    "<svg onload=\"parent.document.title = 'taken'\"></svg>"
    '<form action="/app/sign-out" method="post"><button autofocus>Go</button></form>'
    '<meta http-equiv="refresh" content="0;url=/app/sign-in">'
)


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    configure_sandbox_channels(app, SandboxPorts(http=1, smtp=1))
    for role in (Role.MARKETER, Role.APPROVER):
        user, _ = accounts.create_user(
            app, email=f"{role}@example.org", name="", role=role, actor=Actor(name="cli:test")
        )
        with app.database.begin() as connection:
            users.change(connection, user.id, {"password_hash": "x"})
            agent = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
            user_sessions.add(
                connection, f"token {role}", user_id=user.id, ip_address="", user_agent=agent, now=app.clock()
            )
    return made


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    with visiting(app) as visitor:
        yield visitor


@contextmanager
def marketer(visitor: Visitor, path: str, **options: object) -> Iterator[Page]:
    with visitor.at("/app/sign-in", **options) as page:  # type: ignore[arg-type]
        cookie = {"name": "distributor_session", "value": "token marketer", "url": visitor.public_url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(f"{visitor.public_url}{path}")
        yield page


def states(app: AppContext, campaign_id: int) -> list[DispatchState]:
    with app.database.begin() as connection:
        return [one.state for one in dispatches.of_campaign(connection, campaign_id)]


def freeze_hostile_mail(app: AppContext, campaign_id: int) -> int:
    """As if a template or a way around the sanitiser had put this into the mail; returns the channel's number."""
    with app.database.begin() as connection:
        (dispatch,) = dispatches.of_campaign(connection, campaign_id)
        assert dispatch.rendition_id is not None
        made = dispatches.rendition_of(connection, dispatch.id)
        page = made.payload["html"].replace("</body>", f"{HOSTILE}</body>")
        number = dispatches.store_rendition(
            connection, Rendition(made.kind, {**made.payload, "html": page}), now=app.clock()
        )
        connection.execute(
            text("UPDATE dispatches SET rendition_id = :number, prepared_at = now() WHERE id = :id"),
            {"number": number, "id": dispatch.id},
        )
    return dispatch.channel_id


def test_hostile_markup_in_a_mail_runs_nothing_in_the_preview(
    app: AppContext, harness: CampaignHarness, visitor: Visitor
):
    campaign_id = harness.plan("email")
    channel_id = freeze_hostile_mail(app, campaign_id)
    messages: list[str] = []
    with marketer(visitor, "/app") as page:
        page.on("console", lambda message: messages.append(message.text))
        page.on("dialog", lambda dialog: messages.append(f"DIALOG {dialog.message}"))
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign_id}/preview/{channel_id}")
        desktop = page.frame_locator("iframe").first
        expect(desktop.get_by_text("A first paragraph.", exact=True)).to_be_visible()
        expect(desktop.get_by_role("button", name="Go")).to_be_attached()
        page.wait_for_timeout(300)
        assert page.title().startswith("Preview")
        assert not [one for one in messages if one.startswith("DIALOG")]
        # The browser says itself that it kept the scripts from running: they were there.
        assert [one for one in messages if "sandboxed" in one or "Content Security Policy" in one]
        desktop.get_by_role("button", name="Go").click()
        page.goto(f"{visitor.public_url}/app")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_campaign_is_reviewed_sent_and_taken_back_without_script(
    app: AppContext, harness: CampaignHarness, visitor: Visitor
):
    draft = harness.draft("email")
    with marketer(visitor, f"/app/campaigns/{draft}/review", with_scripts=False) as page:
        page.get_by_role("button", name="Review it now").click()
        expect(page.locator(".sentence").first).to_contain_text("over email to 3 subscribers of readers")
        page.get_by_role("button", name="Send now to 3 people").click()
        expect(page.get_by_text("You can undo it until")).to_be_visible()
        assert states(app, draft) == [DispatchState.SCHEDULED]
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("nothing was sent")).to_be_visible()
        assert states(app, draft) == [DispatchState.DRAFT]
        page.go_back()
        page.go_back()
        # Going back sends nothing. The page is asked for again, and shows the draft that it is: it can be sent.
        assert states(app, draft) == [DispatchState.DRAFT]
        page.get_by_role("button", name="Send now to 3 people").click()
        expect(page.get_by_text("You can undo it until")).to_be_visible()


def test_a_double_click_schedules_once(app: AppContext, harness: CampaignHarness, visitor: Visitor):
    draft = harness.draft("email")
    life_cycle.review(app, draft, actor="a test")
    with marketer(visitor, f"/app/campaigns/{draft}/review") as page:
        page.get_by_role("button", name="Send now to 3 people").dblclick()
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert states(app, draft) == [DispatchState.SCHEDULED]
    with app.database.begin() as connection:
        actions = connection.execute(text("SELECT action FROM campaign_history ORDER BY id")).scalars().all()
    assert list(actions).count("scheduled") == 1


@LOOKS
def test_everyone_can_read_and_use_the_pages(
    app: AppContext, harness: CampaignHarness, visitor: Visitor, scheme: str, width: int
):
    harness.article("empty", title="A title without end " * 6, body=())
    fine, blocked, soon = (
        harness.draft("email", "feed", "x"),
        harness.draft("feed", "x", slugs=("empty",)),
        harness.draft("email"),
    )
    for one in (fine, blocked):
        life_cycle.review(app, one, actor="user:marketer@example.org")
    add_group(app, "The team", ["a.rather.long.address.of.somebody@a.rather.long.domain.example"], actor="user:x")
    with app.database.begin() as connection:
        channels = {one.channel_name: one.channel_id for one in dispatches.of_campaign(connection, fine)}
    pages = {
        "review": f"/app/campaigns/{fine}/review",
        "review-blocked": f"/app/campaigns/{blocked}/review",
        "review-none": f"/app/campaigns/{soon}/review",
        "preview-mail": f"/app/campaigns/{fine}/preview/{channels['email']}?find=ada",
        "preview-text": f"/app/campaigns/{fine}/preview/{channels['email']}?view=headers",
        "preview-post": f"/app/campaigns/{fine}/preview/{channels['x']}",
        "preview-feed": f"/app/campaigns/{fine}/preview/{channels['feed']}",
        "test-groups": "/app/test-groups",
        "test-group": "/app/test-groups/1",
    }
    problems: list[str] = []
    with marketer(visitor, "/app", width=width, scheme=scheme) as page:
        for name, path in pages.items():
            page.goto(f"{visitor.public_url}{path}")
            for folded in page.locator("main details").all():
                folded.evaluate("details => { details.open = true; }")
            problems += [f"{name}: {one}" for one in faults(page)]
    assert problems == []
