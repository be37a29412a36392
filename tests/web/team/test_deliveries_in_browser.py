"""Deliveries and results in Chromium: settled and tried again on a phone without script, and read by everyone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Page, expect

from distributor.domain.event import Event, EventKind
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import delivery_queries, events, users
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name
from tests.web.browser import LOOKS, PHONE, Visitor, faults, visiting

from .conftest import PASSWORD

pytestmark = pytest.mark.browser

_Result = TypeVar("_Result")


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    with visiting(app) as visitor:
        yield visitor


@pytest.fixture
def harness(app: AppContext, tmp_path: Path, password_hash: str) -> CampaignHarness:
    user, _ = accounts.create_user(
        app, email="mara@example.org", name="Mara", role=Role.MARKETER, actor=Actor(name="cli:test")
    )
    with app.database.begin() as connection:
        users.change(connection, user.id, {"password_hash": password_hash})
    return make_campaign_harness(app, tmp_path)


def aside(act: Callable[[], _Result]) -> _Result:
    """Do it in a thread of its own: the browser has the event loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


def sign_in(page: Page) -> None:
    page.get_by_label("Email address").fill("mara@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_on_a_phone_without_script_the_unknown_are_settled_and_tried_again(visitor: Visitor, harness: CampaignHarness):
    harness.channel("mail", "scripted", answers={"ada@example.org": "begun", "bo@example.org": "begun"})
    campaign = aside(lambda: harness.plan_and_run("mail"))
    harness.channel("mail", "scripted")
    with visitor.at("/app/sign-in", width=PHONE, with_scripts=False) as page:
        sign_in(page)
        page.goto(f"{visitor.public_url}/app/campaigns/{campaign}/deliveries")
        page.locator(".ledger-sum").get_by_role("link", name="Unknown").click()
        page.get_by_label("They were not sent").check()
        page.get_by_label("How do you know?").fill("Their postmaster has no trace of it")
        page.get_by_role("button", name="Settle all 2").click()
        expect(page.get_by_role("status")).to_contain_text("It is settled")
        page.locator(".ledger-sum").get_by_role("link", name="Failed").click()
        expect(page.get_by_text("2 failed deliveries are tried again at once")).to_be_visible()
        page.get_by_role("button", name="Try 2 again").click()
        aside(harness.run)
        page.reload()
        expect(page.locator(".ledger-sum")).to_contain_text("3 Sent")
        page.get_by_role("link", name="ada@example.org").click()
        expect(page.get_by_text("Their postmaster has no trace of it")).to_be_visible()
        expect(page.get_by_text("had it sent again")).to_be_visible()
    assert harness.counts(campaign) == {"audience": 3, "sent": 3}


@LOOKS
def test_everyone_can_read_them(visitor: Visitor, harness: CampaignHarness, scheme: str, width: int):
    harness.channel("mail", "scripted", answers={"ada@example.org": "unknown_user", "bo@example.org": "begun"})
    campaign = aside(lambda: harness.plan_and_run("mail"))
    with harness.app.database.begin() as connection:
        found = delivery_queries.of_campaign(connection, campaign, limit=9)
        happened = [
            Event(delivery_id=found[2].id, kind=kind, at=harness.app.clock(), key=kind.value) for kind in EventKind
        ]
        events.record(connection, happened)
    paths = [
        f"/app/campaigns/{campaign}/deliveries",
        f"/app/campaigns/{campaign}/deliveries?state=unknown",
        f"/app/campaigns/{campaign}/deliveries?state=failed",
        *(f"/app/deliveries/{one.id}" for one in found),
        f"/app/campaigns/{campaign}/results",
        f"/app/campaigns/{campaign}/audit",
        f"/app/people/{found[2].subscriber_id}",
        "/app/results",
    ]
    errors: list[str] = []
    with visitor.at("/app/sign-in", width=width, scheme=scheme) as page:
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        sign_in(page)
        for path in paths:
            page.goto(visitor.public_url + path)
            assert faults(page) == [], path
    assert errors == []
