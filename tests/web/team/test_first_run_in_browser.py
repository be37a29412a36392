"""The first run in Chromium: from the owner's link to the first mail, opened on the page out of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from distributor.channels.api import Site
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.team.links import first_owner_link
from distributor.sandbox.service import running_sandbox
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts
from tests.domain.test_image_file import png
from tests.flow.campaign_harness import CampaignHarness
from tests.web.browser import LOOKS, Visitor, faults, visiting

from .conftest import PASSWORD

pytestmark = pytest.mark.browser

WIDE = 1440
_PATIENCE_MS = 30_000


@pytest.fixture
def fresh(app: AppContext, tmp_path: Path) -> Iterator[AppContext]:
    """A service that was started for the first time, with its sandbox."""
    unnamed = Site(
        name="Distributor", public_url=app.site.public_url, postal_address="", sender="news@localhost.localdomain"
    )
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        made = replace(app, configured_site=unnamed)
        configure_sandbox_channels(made, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
        yield made


@pytest.fixture
def visitor(fresh: AppContext) -> Iterator[Visitor]:
    with visiting(fresh) as visitor:
        yield visitor


@contextmanager
def working(app: AppContext, folder: Path) -> Iterator[None]:
    """Someone who does what is due."""
    harness, ended = CampaignHarness(app, folder), Event()

    def work() -> None:
        while not ended.wait(0.05):
            harness.run()

    worker = Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def make_account(page: Page) -> None:
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("Name").fill("Ada Owner")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Ada Owner")


@pytest.mark.parametrize("with_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_the_link_to_the_first_mail_opened_on_the_page(
    fresh: AppContext, visitor: Visitor, tmp_path: Path, with_scripts: bool
):
    logo = tmp_path / "logo.png"
    logo.write_bytes(png(480, 96))
    link = urlsplit(first_owner_link(fresh)).path
    with visitor.at(link, with_scripts=with_scripts) as page:
        make_account(page)
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("Name", exact=True).fill("The Tideline Letter")
        page.get_by_label("Postal address").fill("1 Quay\n12345 Harbour")
        page.get_by_label("Logo").set_input_files(logo)
        page.get_by_role("button", name="Refresh").click()
        preview = page.frame_locator("iframe[name='brand-preview']")
        expect(preview.get_by_text("1 Quay, 12345 Harbour")).to_be_visible()
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_text("nobody gets them", exact=False).first).to_be_visible()
        page.get_by_role("link", name="Stay in the sandbox for now").click()
        page.get_by_label("A sample, to look around").check()
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The first mail")
        page.get_by_role("button", name="Send it to me").click()
        expect(page.get_by_role("heading", name="The mail is on its way")).to_be_visible()
        with working(fresh, tmp_path):
            wait_for_arrival(page)
        mail = page.frame_locator("iframe[title='The mail as it arrived']")
        expect(mail.get_by_text("1 Quay, 12345 Harbour")).to_be_visible()
        expect(page.get_by_role("heading", name="What next?")).to_be_visible()
        expect(page.get_by_text("4 of 4 done")).to_be_visible()


def test_the_mail_beside_the_brand_follows_what_is_typed(fresh: AppContext, visitor: Visitor):
    if AssetFiles(fresh.clock).script_url("preview_form") is None:
        needs_scripts()
    with visitor.at(urlsplit(first_owner_link(fresh)).path) as page:
        make_account(page)
        page.goto(f"{visitor.public_url}/app/settings/brand")
        steps = page.evaluate("history.length")
        for name in ("The Tideline Letter", "The Harbour Letter"):
            page.get_by_label("Name", exact=True).fill(name)
            preview = page.frame_locator("iframe[name='brand-preview']")
            expect(preview.get_by_text(name).first).to_be_visible()
        expect(page.locator("iframe[name='brand-preview']")).to_have_count(1)
        # The back button leaves the page, and does not go through the mails.
        assert page.evaluate("history.length") == steps
        assert fresh.current_site.look_again().name == "Distributor"


def wait_for_arrival(page: Page) -> None:
    """With scripts the page follows by itself; without, a person looks again."""
    arrived = page.get_by_role("heading", name="The first mail has arrived")
    for _ in range(60):
        if arrived.is_visible():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(arrived).to_be_visible(timeout=_PATIENCE_MS)


PAGES = {
    "setup": "/app/setup",
    "brand step": "/app/setup/brand",
    "mail step": "/app/setup/mail",
    "smtp": "/app/setup/mail?way=smtp",
    "tried": "/app/setup/mail?check=now",
    "content": "/app/setup/content",
    "first mail": "/app/setup/first-mail",
    "brand": "/app/settings/brand",
    "channels": "/app/channels",
    "kinds": "/app/channels/new",
    "ways": "/app/channels/new?kind=email",
    "new": "/app/channels/new?kind=mastodon",
    "channel": "/app/channels/email",
    "dns": "/app/channels/email/dns?check=now",
    "remove": "/app/channels/x/remove",
}


@LOOKS
def test_everyone_can_read_and_use_every_page(fresh: AppContext, visitor: Visitor, scheme: str, width: int):
    problems: list[str] = []
    with visitor.at(urlsplit(first_owner_link(fresh)).path, scheme=scheme, width=width) as page:
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        make_account(page)
        for name, path in PAGES.items():
            page.goto(visitor.public_url + path)
            problems += [f"{name}: {one}" for one in faults(page)]
        problems += errors
    assert problems == []
