"""The composer in Chromium: counts follow what is chosen, nothing typed is lost, and all of it works by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.plan import create_campaign
from distributor.flow.team import accounts
from distributor.flow.team.passwords import hash_password
from distributor.storage import users
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts
from tests.storage.list_fixtures import an_article, on_list
from tests.web.browser import LOOKS, NARROWEST, Visitor, faults, scrolls_sideways, visiting

from .conftest import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    with app.database.begin() as connection:
        on_list(connection, "weekly", "ada", "bo", "cy")
        on_list(connection, "press", "cy", "dee")
        an_article(connection, "bees", "Bees")
        an_article(connection, "wasps", "Wasps")
    configure(app, "mail", "email", {"smtp_url": "smtp://127.0.0.1:25"})
    configure(app, "masto", "mastodon", {"instance_url": "https://social.example", "access_token": "x"})
    user, _ = accounts.create_user(
        app, email="m@example.org", name="", role=Role.MARKETER, actor=Actor(name="cli:test")
    )
    with app.database.begin() as connection:
        users.change(connection, user.id, {"password_hash": hash_password(PASSWORD)})
    with visiting(app) as visitor:
        yield visitor


@pytest.fixture
def scripts(app: AppContext) -> None:
    if AssetFiles(app.clock).script_url("composer") is None:
        needs_scripts()


def sign_in(page: Page) -> None:
    page.get_by_label("Email address").fill("m@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def a_draft(app: AppContext) -> int:
    plan = CampaignPlan(
        name="Bees",
        article_slugs=("bees",),
        channel_names=("mail", "masto"),
        audience=AudiencePlan(lists=("weekly",)),
    )
    return create_campaign(app, plan, actor="cli:test")


def test_the_number_of_people_follows_what_is_chosen_without_saving(
    app: AppContext, visitor: Visitor, scripts: None
) -> None:
    with visitor.at("/app/sign-in?next=/app/campaigns/new") as page:
        sign_in(page)
        count = page.locator("#audience-count")
        expect(count).to_contain_text("Choose a list")
        expect(page.locator(".lists")).to_contain_text("3 people")
        page.locator("[name=list][value=weekly]").check()
        expect(count).to_contain_text("3 people get it")
        expect(page.locator(".step-list")).to_contain_text("3 people")
        page.locator("[name=channel][value=masto]").check()
        expect(page.locator(".step-list")).to_contain_text("masto")
        page.get_by_text("Leave some out").click()
        page.locator("[name=except_list][value=press]").check()
        expect(count).to_contain_text("2 people get it")
        expect(count).to_contain_text("are left out by your choice")
        page.get_by_role("button", name=re.compile("Add.*bees")).press("Enter")
        expect(page.locator(".chosen")).to_contain_text("bees")
        expect(page.locator("[name=list][value=weekly]")).to_be_checked()
        expect(page.locator("[name=except_list][value=press]")).to_be_checked()


def test_a_subject_shows_how_inboxes_cut_it_and_a_post_how_much_of_it_is_left(
    app: AppContext, visitor: Visitor, scripts: None
) -> None:
    campaign_id = a_draft(app)
    with visitor.at(f"/app/sign-in?next=/app/campaigns/{campaign_id}/edit") as page:
        sign_in(page)
        page.get_by_label("Subject", exact=True).fill("A subject that is a good deal longer than thirty signs")
        expect(page.locator("[data-room='30']")).to_have_text("A subject that is a good deal…")
        expect(page.locator("[data-length]")).to_have_text("54")
        masto = page.get_by_role("group", name="On masto")
        masto.get_by_label("Text", exact=True).fill("Read this. " * 60)
        expect(masto.locator(".length")).to_contain_text("too many")


def test_the_whole_form_is_filled_in_by_keyboard_without_script_on_a_narrow_screen(
    app: AppContext, visitor: Visitor
) -> None:
    with visitor.at("/app/sign-in?next=/app/campaigns/new", width=NARROWEST, with_scripts=False) as page:
        sign_in(page)
        page.get_by_role("button", name=re.compile("Add.*wasps")).press("Enter")
        page.locator("[name=channel][value=mail]").press("Space")
        page.locator("[name=list][value=press]").press("Space")
        page.get_by_role("button", name="Count the people").press("Enter")
        expect(page.locator("#audience-count")).to_contain_text("2 people get it")
        page.get_by_label("Subject", exact=True).fill("Of wasps")
        page.get_by_role("button", name="Save as a draft").press("Enter")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        expect(page.get_by_label("Subject", exact=True)).to_have_value("Of wasps")
        assert not scrolls_sideways(page)


@LOOKS
def test_nothing_is_wrong_with_the_pages(app: AppContext, visitor: Visitor, scheme: str, width: int) -> None:
    campaign_id = a_draft(app)
    with visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        sign_in(page)
        for path in ("", "/new", f"/{campaign_id}/edit"):
            page.goto(f"{visitor.public_url}/app/campaigns{path}")
            page.wait_for_load_state("networkidle")
            assert faults(page) == []
