"""Every screen of the team's app on a filled service, in both themes, on a desk and on a phone.

The pages are those of the declared routes, so that none is forgotten. A thorough run keeps their
pictures in `.cache/screens`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from playwright.sync_api import Page, Response

from distributor.flow.app_context import AppContext
from distributor.web.config import DEFAULT_CONFIG
from distributor.web.team.app import TeamApp
from tests.conftest import IS_THOROUGH, thorough
from tests.paths import ROOT
from tests.web.browser import PHONE, Visitor, findings, scrolls_sideways, visiting, whole

from .screens import TOKEN, FilledService, fill

pytestmark = pytest.mark.browser

WIDE = 1440
PICTURES = ROOT / ".cache" / "screens"
_TALLEST = 4000
_IDS = [one.name for one in fields(FilledService) if one.name != "campaigns"]
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_LOAD_FRAMES = """() => Promise.race([
  new Promise((done) => setTimeout(done, 3000)),
  Promise.all([...document.querySelectorAll("iframe[loading=lazy]")].map((frame) => new Promise((done) => {
    frame.addEventListener("load", done);
    frame.loading = "eager";
    frame.src = frame.src;
  }))),
])"""
_HIDDEN_TABS = """() => [...document.querySelectorAll(".tabs [aria-current]")].some((tab) => {
  const [own, row] = [tab.getBoundingClientRect(), tab.closest(".tabs").getBoundingClientRect()];
  return own.width && (own.left < row.left - 1 || own.right > row.right + 1);
})"""
# Cells whose heading on a phone is another than that of their column, and tables that are wider than a phone.
_TABLES = """() => [...document.querySelectorAll(".scroll > table")].flatMap((table) => {
  const headings = [...table.querySelectorAll(":scope > thead th")].map((one) => one.textContent.trim());
  const rows = table.matches(".stacked") ? [...table.querySelectorAll(":scope > tbody > tr")] : [];
  const wrong = rows.flatMap((row) => [...row.cells].filter((cell, place) =>
    place && cell.colSpan === 1 && cell.dataset.heading !== headings[place]));
  const isWide = innerWidth < 500 && table.parentElement.scrollWidth > table.parentElement.clientWidth;
  return [...wrong.map((cell) => cell.outerHTML.slice(0, 80)), ...(isWide ? [`wide: ${headings}`] : [])];
})"""
# Routes that are asked by scripts with what was typed, or that never end.
NO_SCREENS = {
    "/campaigns/{campaign_id}/live": "a stream",
    "/campaigns/audience": "a part of the composer",
    "/campaigns/list-sizes": "a part of the composer",
    "/campaigns/text-length": "a part of the composer",
    "/campaigns/{campaign_id}/audience": "a part of the composer",
    "/campaigns/{campaign_id}/preview/{channel_id}/{view}/{screen}": "a document of the page above it",
    "/settings/brand/shades": "a part of the brand page",
    "/setup/first-mail/state": "a part of the last step",
    "/setup/first-mail/document": "a document of the last step, once the mail has come",
    "/articles/drafts/{draft_id}/preview": "a part of the editor",
    "/articles/{article_id}/edit/preview": "a part of the editor",
    "/set-up/{token}": "needs a link that works once; the first minutes are in test_in_browser.py",
}
# Of a campaign every state is a screen of its own.
STATES = {"/campaigns/{campaign_id}"}
# The others show the one that is being sent.
CAMPAIGN_OF = {
    "/campaigns/{campaign_id}/edit": "draft",
    "/campaigns/{campaign_id}/review": "waiting",
    "/campaigns/{campaign_id}/results": "finished",
}
QUERIES = {"/search": "?q=letter", "/tags/{tag_slug}/merge": "?into=soil"}


def values_of(filled: FilledService) -> dict[str, str]:
    """What each parameter of a path is; a campaign is chosen for each path."""
    return {
        "channel_id": str(filled.channel_id),
        "article_id": str(filled.article_id),
        "group_id": str(filled.group_id),
        "dispatch_id": str(filled.dispatch_id),
        "draft_id": str(filled.draft_id),
        "tab": str(filled.channel_id),
        "delivery_id": str(filled.delivery_id),
        "subscriber_id": str(filled.person_id),
        "user_id": str(filled.user_id),
        "name": "email",
        "tag_slug": "compost",
        "source": "harbour-blog",
        "kind": "ghost",
    }


def screens(app: AppContext, filled: FilledService) -> dict[str, str]:
    """The path of each screen by its name."""
    values = values_of(filled)
    found = {}
    for route in TeamApp(app, DEFAULT_CONFIG).declared:
        if route.method != "GET" or route.path in NO_SCREENS or is_file(route.path):
            continue
        for state in filled.campaigns if route.path in STATES else ("",):
            campaign = filled.campaigns[state or CAMPAIGN_OF.get(route.path, "running")]
            chosen = values | {"campaign_id": str(campaign)}
            path = _PARAMETER.sub(lambda one, chosen=chosen: chosen[one[1]], route.path)  # type: ignore[misc]
            name = _PARAMETER.sub("of", route.path).strip("/").replace("/", "-") or "overview"
            found[f"{name}-{state}".rstrip("-")] = f"/app{path}".rstrip("/") + QUERIES.get(route.path, "")
    return found


def is_file(path: str) -> bool:
    """Whether the last part of a path has a suffix."""
    return "." in path.rpartition("/")[2]


def is_part(response: Response) -> bool:
    """Whether it is a part of a page, or a document for a frame, in which nothing can be run."""
    is_document = response.headers.get("content-security-policy", "").startswith("sandbox")
    return is_document or "<html" not in response.text()


def opened_screens(app: AppContext, filled: FilledService, visitor: Visitor, page: Page) -> Iterator[str]:
    """The name of each screen, once it is open: first that of signing in, then those of somebody who has."""
    yield "signing-in"
    page.context.add_cookies(
        [{"name": "distributor_session", "value": TOKEN, "url": visitor.public_url, "httpOnly": True}]
    )
    for name, path in screens(app, filled).items():
        response = page.goto(visitor.public_url + path)
        assert response is not None
        assert response.ok, f"{name}: {response.status}"
        if not is_part(response):
            yield name


def take_picture(page: Page, name: str) -> None:
    """The whole page in a window of its height: what is at the edges of the window is there, and frames are loaded."""
    with whole(page, tallest=_TALLEST):
        # A stream never ends: the network is not waited for, only the frames.
        page.evaluate(_LOAD_FRAMES)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture
def app(app: AppContext) -> AppContext:
    site = replace(app.configured_site, name="The Harbour Gazette", sender="The Harbour Gazette <news@gazette.example>")
    return replace(app, configured_site=site)


@pytest.fixture
def filled(app: AppContext) -> FilledService:
    return fill(app)


def test_every_route_that_is_no_screen_is_one_that_exists(app: AppContext):
    declared = {route.path for route in TeamApp(app, DEFAULT_CONFIG).declared if route.method == "GET"}
    assert set(NO_SCREENS) - declared == set()
    assert STATES - declared == set()


def test_every_parameter_of_a_screen_has_a_value(app: AppContext):
    nothing = FilledService(campaigns={}, **dict.fromkeys(_IDS, 0))
    known = {"campaign_id", *values_of(nothing)}
    screens_declared = [
        route.path
        for route in TeamApp(app, DEFAULT_CONFIG).declared
        if route.method == "GET" and route.path not in NO_SCREENS and not is_file(route.path)
    ]
    assert {path: left for path in screens_declared if (left := set(_PARAMETER.findall(path)) - known)} == {}


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", WIDE),
        ("dark", PHONE),
    ],
)
def test_every_screen_can_be_read_and_used(app: AppContext, filled: FilledService, scheme: str, width: int):
    problems: list[str] = []
    with visiting(app) as visitor, visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        page.on("console", lambda said: problems.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        for name in opened_screens(app, filled, visitor, page):
            problems += [f"{name}: {one}" for one in findings(page)]
            if page.locator("dialog:visible").count():
                problems.append(f"{name}: a dialog is open")
            if scrolls_sideways(page):
                problems.append(f"{name} scrolls sideways")
            problems += [f"{name}: {one}" for one in page.evaluate(_TABLES)]
            if page.evaluate(_HIDDEN_TABS):
                problems.append(f"{name}: the chosen tab is out of sight")
            if IS_THOROUGH:
                take_picture(page, f"{name}-{scheme}-{width}")
    # Its document holds a script to show that none runs.
    problems = [one for one in problems if "/app/_components/document' because" not in one]
    assert not problems, "\n".join(problems)


@thorough
@pytest.mark.parametrize(("scheme", "width"), [("light", PHONE), ("dark", WIDE)])
def test_every_screen_has_a_picture_the_other_way_round(
    app: AppContext, filled: FilledService, scheme: str, width: int
):
    with visiting(app) as visitor, visitor.at("/app/sign-in", scheme=scheme, width=width) as page:
        for name in opened_screens(app, filled, visitor, page):
            take_picture(page, f"{name}-{scheme}-{width}")
