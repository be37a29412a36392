"""The public pages in Chromium: readable by everyone, on every screen, without scripts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest

from distributor.domain.article import Media
from distributor.domain.blocks import (
    Alignment,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Table,
)
from distributor.domain.subscriber import Membership
from distributor.domain.tags import Tag
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.storage import articles
from tests.conftest import thorough

from .browser import DESK, NARROWEST, PHONE, Visitor, findings, scrolls_sideways, visiting
from .samples import PublishFeed, SentMail, WriteArticle

pytestmark = pytest.mark.browser


def text(words: str, *marks: Mark, href: str | None = None) -> Run:
    return Run(words, frozenset(marks), href)


EVERY_BLOCK = (
    Paragraph((text("Plain, "), text("strong", Mark.STRONG), text("code()", Mark.CODE), text(" and a "))),
    Paragraph((text("link of considerable length", href="https://example.org/" + "long-address-" * 12),)),
    Paragraph((text("Donaudampfschiffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2),)),
    Heading(2, (text("A picture"),)),
    Image("/media/boat.png", "A boat", (text("The boat"),)),
    Quote((Paragraph((text("Somebody said so."),)),)),
    Heading(3, (text("Code and numbers"),)),
    Code("return " + "very_long_name, " * 20, "python"),
    Table(
        tuple((text(f"Column {number}"),) for number in range(9)),
        (tuple((text(str(number * 1000)),) for number in range(9)),),
        (Alignment.LEFT, *[Alignment.RIGHT] * 8),
    ),
    List((ListItem((Paragraph((text("One"),)), List((ListItem((Paragraph((text("Inner"),)),)),)))),), ordered=True),
    Divider(),
)


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    with visiting(app) as visitor:
        yield visitor


@pytest.fixture
def site(
    app: AppContext, sent_mail: SentMail, write_article: WriteArticle, publish_feed: PublishFeed
) -> dict[str, str]:
    """A site with something on every page: the paths by what they show."""
    with app.database.begin() as connection:
        articles.add_media(connection, [Media(name="boat.png", media_type="image/png", body=picture())])
    write_article("every-block", title="Every block there is", body=EVERY_BLOCK, tags=(Tag("Boats"), Tag("☃")))
    write_article("hebrew", title="שלום עולם", body=(Paragraph((text("טקסט"),)),), language="he")
    for path in ("feeds/all", "feeds/tags/boats"):
        publish_feed(f"{path}.rss")
    return {
        "front": "/",
        "article": "/articles/every-block",
        "right to left": "/articles/hebrew",
        "tag": "/tags/boats",
        "unsubscribe": f"/unsubscribe/{sent_mail.token(Purpose.UNSUBSCRIBE)}",
        "preferences": f"/preferences/{sent_mail.token(Purpose.PREFERENCES)}",
        "nothing": "/nothing",
        "dead link": "/unsubscribe/dead",
    }


def picture() -> bytes:
    """A white PNG of 1600 by 900 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1600, 900, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\x00" + b"\xff" * 200) * 900)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


# Each width and each scheme: no colour of the style sheet depends on the width, and no place on the scheme.
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), pytest.param(DESK, "light", marks=thorough)])
def test_axe_finds_nothing_wrong_on_any_page(visitor: Visitor, site: dict[str, str], width: int, scheme: str):
    found = {}
    for name, path in site.items():
        with visitor.at(path, width=width, scheme=scheme) as page:
            found[name] = findings(page)
    assert found == {name: [] for name in site}


def test_axe_finds_nothing_wrong_once_a_subscriber_has_left(
    visitor: Visitor, site: dict[str, str], sent_mail: SentMail
):
    with visitor.at(site["unsubscribe"]) as page:
        page.get_by_role("button", name="Unsubscribe", exact=True).click()
        page.get_by_role("heading", name="You are unsubscribed").wait_for()
        assert findings(page) == []
    assert sent_mail.memberships()["Robin <R>"] is Membership.UNSUBSCRIBED


def test_no_page_scrolls_sideways_on_the_narrowest_phone(visitor: Visitor, site: dict[str, str]):
    wide = []
    for name, path in site.items():
        with visitor.at(path, width=NARROWEST) as page:
            if scrolls_sideways(page):
                wide.append(name)
    assert wide == []


def test_nothing_a_page_needs_is_refused_by_its_own_policy(visitor: Visitor, site: dict[str, str]):
    complaints: list[str] = []
    for path in (site["front"], site["article"], site["unsubscribe"]):
        page = visitor.browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(visitor.public_url + path)
        assert page.evaluate("getComputedStyle(document.body).display") == "flex"
        page.close()
    with visitor.at(site["article"]) as page:
        assert page.evaluate("document.images[0].naturalWidth") == 1600
        assert page.evaluate("getComputedStyle(document.querySelector('td:last-child')).textAlign") == "right"
    assert complaints == []


def test_a_page_has_one_first_heading_and_skips_none(visitor: Visitor, site: dict[str, str]):
    for path in site.values():
        with visitor.at(path) as page:
            levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_the_first_tab_leads_past_the_head_of_the_page(visitor: Visitor, site: dict[str, str]):
    with visitor.at(site["article"]) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
