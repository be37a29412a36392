"""The team's app in Chromium: the first owner's first minutes, and pages that everyone can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from distributor.domain.campaign import DispatchState
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.flow.team.links import first_owner_link
from distributor.storage import user_sessions, users
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts
from tests.web.browser import LOOKS, NARROWEST, PHONE, Visitor, faults, findings, visiting

from .campaigns_in_states import add_campaign, people_on_a_list
from .conftest import PASSWORD

pytestmark = pytest.mark.browser

OPERATOR = Actor(name="cli:test")
WIDE = 1440


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    with visiting(app) as visitor:
        yield visitor


def choose_password(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()


def test_from_the_link_to_an_invited_viewer_who_is_refused_what_a_viewer_may_not(app: AppContext, visitor: Visitor):
    with visitor.at(urlsplit(first_owner_link(app)).path, with_scripts=False) as page:
        page.get_by_label("Email address").fill("ada@example.org")
        page.get_by_label("Name").fill("Ada Owner")
        choose_password(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Ada Owner")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.goto(f"{visitor.public_url}/app/users")
        page.get_by_label("Email address").fill("ada@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Team")
        page.get_by_label("Email address").fill("vi@example.org")
        page.get_by_label("Viewer").check()
        page.get_by_role("button", name="Invite").click()
        link = page.locator("code").inner_text()
        page.goto(f"{visitor.public_url}/")
        assert urlsplit(page.url).path == "/app"
    with visitor.at(urlsplit(link).path, with_scripts=False) as page:
        choose_password(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Hello, vi@example.org")
        parts = ["Overview", "Articles", "Campaigns", "Calendar", "Results", "Channels", "Settings"]
        expect(page.get_by_role("navigation", name="App").get_by_role("link")).to_have_text(parts)
        page.goto(f"{visitor.public_url}/app/users")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
        expect(page.get_by_text("Ada Owner")).to_be_visible()


@pytest.fixture
def token(app: AppContext) -> str:
    """The token of a session of an owner, in a team with someone of each role and names of every length."""
    names = (
        "",
        "Eve",
        "A name without end " * 5,
        "שרה לוי",
        "Donaudampfschiffahrtselektrizitätenhauptbetriebswerk",
        "x",
    )
    for role, name in zip(Role, names, strict=True):
        user, _ = accounts.create_user(
            app, email=f"{role}.of.a.rather.long.name@example.org", name=name, role=role, actor=OPERATOR
        )
        if role in (Role.OWNER, Role.EDITOR):
            with app.database.begin() as connection:
                users.change(connection, user.id, {"password_hash": "x"})
    accounts.disable(app, 6, actor=OPERATOR)
    with app.database.begin() as connection:
        for number in range(2):
            user_sessions.add(
                connection,
                f"token {number}",
                user_id=1,
                ip_address="2001:db8::ffff:1234:5678",
                user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
                now=app.clock(),
            )
    return "token 0"


PAGES = {
    "overview": "/app",
    "settings": "/app/settings",
    "components": "/app/_components",
    "team": "/app/users",
    "invited": "/app/users/2",
    "disabled": "/app/users/6",
    "account": "/app/account",
    "audit log": "/app/audit-log",
    "data": "/app/settings/data",
    "nothing": "/app/nothing",
}
PUBLIC = {"sign-in": "/app/sign-in", "forgotten": "/app/forgotten"}


@LOOKS
def test_everyone_can_read_and_use_every_page(app: AppContext, visitor: Visitor, token: str, scheme: str, width: int):
    problems: list[str] = []
    with visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for name, path in {**PUBLIC, "set-up": urlsplit(link_of(app)).path, **PAGES}.items():
            if path == "/app":
                page.context.add_cookies(
                    [{"name": "distributor_session", "value": token, "url": visitor.public_url, "httpOnly": True}]
                )
            page.goto(visitor.public_url + path)
            problems += [f"{name}: {one}" for one in faults(page)]
        # The browser itself says of each page that is not there that it is not, and of the document that shows that no
        # script of it runs.
        problems += [one for one in errors if "404" not in one and "/app/_components/document' because" not in one]
    assert problems == []


def test_a_site_with_a_long_name_leaves_room_for_the_account_and_for_signing_out(app: AppContext, token: str):
    name = "The Tideline Letter of the United Harbour Associations of the Northern Coast"
    with (
        visiting(replace(app, configured_site=replace(app.site, name=name))) as visitor,
        visitor.at("/app/sign-in") as page,
    ):
        page.context.add_cookies(
            [{"name": "distributor_session", "value": token, "url": visitor.public_url, "httpOnly": True}]
        )
        for width in (WIDE, PHONE, NARROWEST):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{visitor.public_url}/app")
            for part in (page.locator(".who .me"), page.get_by_role("button", name="Sign out")):
                box = part.bounding_box()
                assert box is not None
                assert box["width"] >= 44
                assert box["x"] + box["width"] <= width - 16


def link_of(app: AppContext) -> str:
    """A link for someone who is invited."""
    return accounts.make_link(app, 2, actor=OPERATOR)[1]


def test_what_was_typed_when_the_session_ended_is_sent_after_the_sign_in(app: AppContext, visitor: Visitor):
    with visitor.at(urlsplit(first_owner_link(app)).path, with_scripts=False) as page:
        page.get_by_label("Email address").fill("ada@example.org")
        choose_password(page)
        page.goto(f"{visitor.public_url}/app/account")
        page.get_by_label("Name").fill("Ada")
        with app.database.begin() as connection:
            user_sessions.end_all(connection, 1)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("What you typed is kept")).to_be_visible()
        page.get_by_label("Email address").fill("ada@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")
        page.get_by_role("button", name="Send it now").click()
        expect(page.get_by_text("Your name is saved.")).to_be_visible()
        expect(page.get_by_label("Name")).to_have_value("Ada")


def test_a_document_of_a_user_is_shown_as_it_is_and_runs_nothing(app: AppContext, visitor: Visitor, token: str):
    with visitor.at("/app/sign-in") as page:
        page.context.add_cookies(
            [{"name": "distributor_session", "value": token, "url": visitor.public_url, "httpOnly": True}]
        )
        page.goto(f"{visitor.public_url}/app/_components")
        page.locator("iframe").scroll_into_view_if_needed()
        document = page.frame_locator("iframe")
        expect(document.get_by_role("heading", name="A document")).to_be_visible()
        expect(document.get_by_role("img")).to_have_js_property("naturalWidth", 2)
        expect(document.locator("body")).to_have_css("color", "rgb(1, 2, 3)")


def test_the_search_is_opened_and_used_with_the_keyboard_alone(app: AppContext, visitor: Visitor, token: str):
    if AssetFiles(app.clock).script_url("team") is None:
        needs_scripts()
    people_on_a_list(app, 3)
    add_campaign(app, "Harbour festival", DispatchState.DRAFT)
    add_campaign(app, "Harbour news", DispatchState.DRAFT)
    with visitor.at("/app/sign-in") as page:
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.context.add_cookies(
            [{"name": "distributor_session", "value": token, "url": visitor.public_url, "httpOnly": True}]
        )
        page.goto(f"{visitor.public_url}/app")
        page.keyboard.press("Control+k")
        dialog = page.get_by_role("dialog", name="Search")
        expect(dialog.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("harb", delay=20)
        expect(dialog.get_by_role("link")).to_have_count(2)
        expect(dialog.get_by_role("status")).to_have_text("2 results")
        assert findings(page) == []
        page.keyboard.press("ArrowDown")
        expect(dialog.get_by_role("link", name="Harbour news")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(dialog.get_by_role("link", name="Harbour festival")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.keyboard.press("Control+k")
        page.keyboard.press("Enter")
        page.wait_for_url("**/app/search?q=harb")
        assert errors == []
