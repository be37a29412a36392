"""Public pages with the logo, colour, fonts and links of a site."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.blocks import Image
from distributor.domain.brand import Brand, FooterLink, Logo, parse_fonts
from distributor.flow.app_context import AppContext
from distributor.web.app import create_app
from tests.channels.email.rendering.rendition_samples import LONG_NAMES
from tests.domain.test_image_file import png

from .browser import NARROWEST, findings, scrolls_sideways, visiting
from .samples import WriteArticle

BODY = png(240, 48)
LOGO = Logo(
    url=f"/assets/logo-{hashlib.sha256(BODY).hexdigest()[:16]}.png",
    media_type="image/png",
    width=240,
    height=48,
    body=BODY,
)
SVG = replace(LOGO, url="/assets/logo-1a2b.svg", media_type="image/svg+xml", width=None, height=None, body=b"<svg/>")
Visit = Callable[..., TestClient]


@pytest.fixture
def visit(app: AppContext) -> Iterator[Visit]:
    """Opens a client of the site with a brand, and other settings of the site."""
    with ExitStack() as stack:

        def open_client(*, public_url: str = "http://gazette.example", **brand: Any) -> TestClient:
            site = replace(app.site, public_url=public_url, brand=Brand(**brand))
            return stack.enter_context(
                TestClient(create_app(replace(app, configured_site=site)), follow_redirects=False)
            )

        yield open_client


def page_at(client: TestClient, path: str = "/") -> html.HtmlElement:
    return html.document_fromstring(client.get(path).content)


def meta(page: html.HtmlElement, name: str) -> str | None:
    return next(iter(page.xpath("//meta[@name=$name or @property=$name]/@content", name=name)), None)


def test_the_logo_leads_home_and_says_the_name(visit: Visit) -> None:
    client = visit(logo=LOGO)
    (logo,) = page_at(client).xpath("//header//a[@href='/']/img")
    assert (logo.get("alt"), logo.get("width"), logo.get("height")) == ("The Test Gazette", "240", "48")
    response = client.get(logo.get("src"))
    assert (response.content, response.headers["content-type"]) == (LOGO.body, "image/png")
    assert "immutable" in response.headers["cache-control"]
    # Webmail shows it on pages of its own.
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


def test_an_svg_logo_opened_by_itself_runs_nothing(visit: Visit) -> None:
    response = visit(logo=SVG).get(SVG.url)
    assert response.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in response.headers["content-security-policy"]


def test_below_a_path_of_its_host_the_logo_is_found_too(visit: Visit) -> None:
    page = page_at(visit(public_url="http://gazette.example/news", logo=replace(LOGO, width=48)))
    assert page.xpath("//header//img/@src") == page.xpath("//link[@rel='icon']/@href") == [f"/news{LOGO.url}"]


def test_a_square_logo_is_the_icon_and_a_wide_one_is_not(visit: Visit) -> None:
    assert page_at(visit(logo=replace(LOGO, width=48))).xpath("//link[@rel='icon']/@href") == [LOGO.url]
    (drawn,) = page_at(visit(logo=LOGO, accent="#8a1f4b")).xpath("//link[@rel='icon']/@href")
    assert "fill='%238a1f4b'" in drawn


def test_the_bar_of_a_mobile_browser_has_the_accent(visit: Visit) -> None:
    assert meta(page_at(visit(accent="#8a1f4b")), "theme-color") == "#8a1f4b"


def test_a_shared_link_shows_the_image_of_the_article_else_the_logo(visit: Visit, write_article: WriteArticle) -> None:
    write_article("plain")
    write_article("illustrated", image=Image("https://cdn.example/boat.jpg", "A boat"))
    client = visit(logo=LOGO)
    for path in ("/", "/tags/local-news", "/articles/plain"):
        page = page_at(client, path)
        assert meta(page, "og:image") == f"http://gazette.example{LOGO.url}"
        assert meta(page, "og:image:alt") == meta(page, "og:site_name") == "The Test Gazette"
        assert meta(page, "twitter:card") == "summary"
    page = page_at(client, "/articles/illustrated")
    assert (meta(page, "og:image"), meta(page, "og:image:alt")) == ("https://cdn.example/boat.jpg", "A boat")
    assert meta(page, "twitter:card") == "summary_large_image"


def test_the_style_has_the_accent_and_the_fonts(visit: Visit) -> None:
    fonts, safe_fonts = parse_fonts("Source Sans 3")
    client = visit(accent="#8a1f4b", fonts=fonts, safe_fonts=safe_fonts)
    (style,) = page_at(client).xpath("//link[@rel='stylesheet']/@href")
    sheet = client.get(style).text
    assert "--link: #8a1f4b;" in sheet
    assert "--serif: 'Source Sans 3', Arial, Helvetica, sans-serif;" in sheet
    (plain,) = page_at(visit()).xpath("//link[@rel='stylesheet']/@href")
    assert plain != style


def test_every_page_ends_with_the_links_of_the_footer(visit: Visit) -> None:
    links = (FooterLink("Imprint <b>", "https://example.org/imprint?a=1&b=2"), FooterLink("About", "/articles/about"))
    client = visit(footer_links=links)
    for path in ("/", "/subscribe", "/nothing"):
        found = page_at(client, path).xpath("//footer//a")
        assert [(link.text, link.get("href")) for link in found] == [
            ("Imprint <b>", "https://example.org/imprint?a=1&b=2"),
            ("About", "http://gazette.example/articles/about"),
        ]


def test_a_name_is_shown_as_it_is_written(visit: Visit, app: AppContext) -> None:
    name = '<script>alert(1)</script> & "Söhne" {{ 7 * 7 }}'
    for brand in (Brand(), Brand(logo=LOGO)):
        site = replace(app.site, name=name, brand=brand)
        with TestClient(create_app(replace(app, configured_site=site))) as client:
            page = page_at(client)
        assert page.xpath("//script") == []
        assert [*page.xpath("//header//bdi/text()"), *page.xpath("//header//img/@alt")] == [name]


@pytest.mark.browser
@pytest.mark.parametrize("name", LONG_NAMES.values(), ids=LONG_NAMES)
def test_a_long_name_breaks_and_the_links_stand_below_it(app: AppContext, name: str) -> None:
    with visiting(replace(app, configured_site=replace(app.site, name=name))) as visitor:
        for width in (NARROWEST, 600):
            with visitor.at("/subscribe", width=width) as page:
                assert not scrolls_sideways(page)
                head = page.locator(".masthead .name").bounding_box()
                links = page.locator(".masthead nav").bounding_box()
                assert head is not None
                assert links is not None
                assert links["y"] >= head["y"] + head["height"]
                assert head["x"] >= 0
                assert head["x"] + head["width"] <= width


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("accent", ["#ffd400", "#0a0a23"])
def test_axe_finds_nothing_wrong_whatever_the_accent(
    app: AppContext, write_article: WriteArticle, accent: str, scheme: str
) -> None:
    write_article()
    links = (FooterLink("Imprint", "/articles/the-news"), FooterLink("Privacy", "https://example.org/privacy"))
    brand = Brand(logo=LOGO, accent=accent, footer_links=links)
    with visiting(replace(app, configured_site=replace(app.site, brand=brand))) as visitor:
        for path in ("/", "/articles/the-news", "/subscribe"):
            with visitor.at(path, scheme=scheme) as page:
                assert findings(page) == []
