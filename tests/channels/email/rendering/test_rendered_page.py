"""The mail in a browser: what a reader sees, on wide and narrow screens, in light and dark mode."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from distributor.channels.api import RenderContext
from distributor.channels.email.channel import EmailChannel
from distributor.domain.article import Article
from distributor.domain.blocks import Alignment, Image, Run, Table
from distributor.domain.brand import Brand, FooterLink, Logo
from tests.channels.email.rendering.rendition_samples import LONG_NAMES, article, context, paragraph, rendered, row
from tests.web.browser import browsing

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="675"><rect width="100%" height="100%"/></svg>'


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


def opened(
    browser: Browser,
    sample: Article,
    *,
    width: int = 800,
    scheme: Scheme = "light",
    given: RenderContext | None = None,
) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.route("**/*", _answer_with_picture)
    page.set_content(EmailChannel(EmailChannel.settings_model()).preview(rendered(sample, given=given)))
    return page


def computed(page: Page, place: str, name: str) -> object:
    return page.locator(place).first.evaluate("(element, name) => getComputedStyle(element)[name]", name)


def _answer_with_picture(route: Route) -> None:
    if route.request.resource_type == "image":
        route.fulfill(body=PICTURE, content_type="image/svg+xml")
    else:
        route.abort()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_people_from_reading_it(browser: Browser, scheme: Scheme, language: str) -> None:
    found = Axe().run(opened(browser, article(language=language), scheme=scheme)).response["violations"]
    assert [(each["id"], each["impact"]) for each in found if each["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_is_that_of_the_scheme(browser: Browser, scheme: Scheme) -> None:
    page = opened(browser, article(), scheme=scheme)
    grounds = [computed(page, place, "backgroundColor") for place in (".page", ".card", ".body pre")]
    inks = [computed(page, place, "color") for place in (".body div", ".body a", ".muted div")]
    night = (
        ["rgb(17, 20, 24)", "rgb(27, 31, 37)", "rgb(39, 45, 53)"],
        ["rgb(232, 234, 237)", "rgb(132, 172, 238)", "rgb(170, 178, 189)"],
    )
    day = (
        ["rgb(243, 244, 246)", "rgb(255, 255, 255)", "rgb(243, 244, 246)"],
        ["rgb(27, 31, 36)", "rgb(26, 86, 184)", "rgb(89, 97, 107)"],
    )
    assert (grounds, inks) == (night if scheme == "dark" else day)


def test_the_page_is_600_pixels_wide_where_there_is_room(browser: Browser) -> None:
    card = opened(browser, article()).locator(".card").bounding_box()
    assert card is not None
    assert (card["x"], card["width"]) == (100, 600)


@pytest.mark.parametrize("width", [320, 360, 480, 600])
def test_nothing_has_to_be_pushed_sideways_on_a_telephone(browser: Browser, width: int) -> None:
    page = opened(browser, article(), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [360, 600])
@pytest.mark.parametrize("name", LONG_NAMES.values(), ids=LONG_NAMES)
def test_a_long_name_breaks_and_the_links_stand_below_it(browser: Browser, name: str, width: int) -> None:
    page = opened(browser, article(), width=width, given=context(name=name))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shown = page.locator("span[dir=auto]").first.bounding_box()
    view = page.get_by_role("link", name="View in browser").first.bounding_box()
    assert shown is not None
    assert view is not None
    assert shown["x"] >= 20
    assert shown["x"] + shown["width"] <= width - 20
    assert view["y"] >= shown["y"] + shown["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("accent", ["#ffd400", "#0a0a23"])
def test_nothing_serious_keeps_people_from_reading_it_whatever_the_accent(
    browser: Browser, scheme: Scheme, accent: str
) -> None:
    links = (FooterLink("Imprint", "https://example.org/imprint"),)
    logo = Logo(url="https://tideline.example/logo.png", width=120, height=40)
    given = context(brand=Brand(logo=logo, accent=accent, footer_links=links))
    found = Axe().run(opened(browser, article(), scheme=scheme, given=given)).response["violations"]
    assert [(each["id"], each["impact"]) for each in found if each["impact"] in ("serious", "critical")] == []


def test_a_table_too_wide_for_a_telephone_scrolls_by_itself(browser: Browser) -> None:
    heads = row(*(f"Measurement{number}" for number in range(6)))
    wide = article(body=(Table(heads, (heads,), (Alignment.LEFT,) * 6),))
    page = opened(browser, wide, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    box = page.locator(".body table").locator("..")
    assert box.evaluate("box => [box.clientWidth, box.scrollWidth > box.clientWidth]") == [320, True]


def test_no_text_is_smaller_than_16_pixels(browser: Browser) -> None:
    sizes = opened(browser, article()).evaluate(
        """() => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), sizes = [];
          for (let text; text = walker.nextNode(); ) {
            const holder = text.parentElement, size = parseFloat(getComputedStyle(holder).fontSize);
            if (text.data.trim() && holder.getClientRects().length) sizes.push(size);
          }
          return sizes;
        }"""
    )
    assert len(sizes) > 50
    assert min(sizes) >= 16


def test_images_are_never_wider_than_the_text(browser: Browser) -> None:
    images = opened(browser, article(), width=360).locator(".body img")
    widths = images.evaluate_all("images => images.map(image => image.width)")
    assert widths == [320, 320]


def test_a_badge_is_as_large_as_its_file_says_and_stands_in_its_line(browser: Browser) -> None:
    badge = Run("Award", image=Image("https://a.example/badge.png", "Award", width=88, height=31))
    sample = article(body=(paragraph("Won: ", badge, " ", badge, "."),), image=None)
    images = opened(browser, sample, width=360).locator(".body img")
    boxes = [image.bounding_box() for image in images.all()]
    assert all(boxes)
    assert [box["width"] for box in boxes if box] == [88, 88]
    assert len({box["y"] for box in boxes if box}) == 1


def test_the_button_is_large_enough_for_a_thumb(browser: Browser) -> None:
    button = opened(browser, article(), width=360).get_by_role("link", name="Read on the web").bounding_box()
    assert button is not None
    assert button["height"] >= 44


@pytest.mark.parametrize("width", [360, 800])
def test_no_thumb_misses_the_links_that_end_the_mails(browser: Browser, width: int) -> None:
    page = opened(browser, article(), width=width)
    names = ("Unsubscribe", "Change your preferences", "View in browser")
    boxes = [page.get_by_role("link", name=name).last.bounding_box() for name in names]
    for box in boxes:
        assert box is not None
        assert box["height"] >= 44
    for first, second in pairwise(box for box in boxes if box):
        is_below = second["y"] >= first["y"] + first["height"] - 1
        assert is_below or second["x"] - first["x"] - first["width"] >= 8
