"""A visitor with Chromium, and checks for what is wrong with a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from distributor.flow.app_context import AppContext
from distributor.web.app import serving
from distributor.web.config import DEFAULT_CONFIG, WebConfig
from tests.conftest import needs_package

PHONE, DESK = 360, 1200
# Off unless asked for: WCAG 2.2, 2.5.8, what is pressed is at least 24 pixels wide and high or stands alone.
_RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# WCAG 2.2, 1.4.10: no page scrolls sideways on this width.
NARROWEST = 320


@dataclass(frozen=True)
class Visitor:
    """A browser that finds the site under its public address, and no other site in the world."""

    browser: Browser
    public_url: str

    @contextmanager
    def at(
        self, path: str, *, width: int = DESK, height: int = 800, scheme: str = "light", with_scripts: bool = True
    ) -> Iterator[Page]:
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=with_scripts,
        )
        page = context.new_page()
        page.goto(self.public_url + path)
        yield page
        context.close()


@contextmanager
def visiting(app: AppContext, rules: WebConfig = DEFAULT_CONFIG) -> Iterator[Visitor]:
    """A visitor of this app. Skips visibly without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        needs_package("chromium", "the pages cannot be looked at without a browser")
    site = urlsplit(app.site.public_url)
    with serving(app, rules) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--host-resolver-rules=MAP {site.hostname} {urlsplit(address).netloc}, MAP * ~NOTFOUND",
                # Stands for https, without which a browser does no cryptography.
                f"--unsafely-treat-insecure-origin-as-secure={site.scheme}://{site.netloc}",
            ],
        )
        yield Visitor(browser, app.site.public_url)
        browser.close()


@contextmanager
def whole(page: Page, *, tallest: int = 100_000) -> Iterator[None]:
    """Makes the window as high as the page, so that no bar at an edge of the window lies over anything."""
    size = page.viewport_size
    assert size is not None
    height = max(size["height"], page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": size["width"], "height": min(height, tallest)})
    yield
    page.set_viewport_size(size)


def findings(page: Page) -> list[str]:
    """What axe-core finds wrong, as ``impact rule: elements``."""
    with whole(page):
        violations = Axe().run(page, options=_RULES).response["violations"]
    return [
        f"{one['impact']} {one['id']}: {' '.join(node['html'] for node in one['nodes'])[:300]}" for one in violations
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
