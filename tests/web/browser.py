"""A visitor with Chromium, and checks for what is wrong with a page."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from distributor.flow.app_context import AppContext
from distributor.web.app import serving
from distributor.web.config import DEFAULT_CONFIG, WebConfig
from tests.conftest import needs_package, thorough

PHONE, DESK = 360, 1200
# No colour of the style sheets depends on the width, and no place on the scheme. Every screen is looked at in both
# schemes in test_screens.py; where a test has some of them in other states, once says nearly all.
LOOKS = pytest.mark.parametrize(("scheme", "width"), [("dark", PHONE), pytest.param("light", DESK, marks=thorough)])
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
    site = urlsplit(app.site.public_url)
    port = _port_for(site.netloc)
    options = (
        f"--host-resolver-rules=MAP {site.hostname} 127.0.0.1:{port}, MAP * ~NOTFOUND",
        # Stands for https, without which a browser does no cryptography.
        f"--unsafely-treat-insecure-origin-as-secure={site.scheme}://{site.netloc}",
    )
    with serving(app, rules, port=port), browsing(*options) as browser:
        yield Visitor(browser, app.site.public_url)


@contextmanager
def browsing(*options: str) -> Iterator[Browser]:
    """A Chromium without contexts, which are closed in the end. Skips visibly without Chromium.

    Starting one takes longer than most tests, so that there is one in this process for the same options.
    """
    if shutil.which("chromium") is None:
        needs_package("chromium", "the pages cannot be looked at without a browser")
    playwright, loop = _playwright()
    # Playwright leaves its event loop running for this thread, in which no test could run one of its own.
    asyncio._set_running_loop(loop)
    try:
        browser = _chromium(playwright, options)
        before = set(browser.contexts)
        yield browser
        for context in set(browser.contexts) - before:
            context.close()
    finally:
        asyncio._set_running_loop(None)


@cache
def _playwright() -> tuple[Playwright, asyncio.AbstractEventLoop]:
    playwright = sync_playwright().start()
    return playwright, asyncio.get_running_loop()


@cache
def _chromium(playwright: Playwright, options: Sequence[str]) -> Browser:
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", *options],
    )


@cache
def _port_for(netloc: str) -> int:
    """The port at which a browser finds a site all the time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong, and whether the page scrolls sideways; a page on a phone also on the narrowest one."""
    found = findings(page)
    size = page.viewport_size
    assert size is not None
    for width in (size["width"], NARROWEST) if size["width"] == PHONE else (size["width"],):
        page.set_viewport_size({"width": width, "height": size["height"]})
        if scrolls_sideways(page):
            found.append(f"it scrolls sideways at {width}")
    page.set_viewport_size(size)
    return found
