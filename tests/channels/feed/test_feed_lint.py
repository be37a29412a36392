"""The lint of the tests: our feeds have no findings, and every rule can be broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from distributor.domain.article import Article
from distributor.domain.tags import Tag
from distributor.testing.fakes import RELEASED_AT

from .lint import lint
from .samples import (
    ALL_SETTINGS,
    article,
    article_with_every_block,
    documents_of,
    files_of,
    numbered,
)

RSS_URL = "https://news.example.org/feeds/all.rss"
ATOM_URL = "https://news.example.org/feeds/all.atom"


def rss_findings(document: bytes) -> list[str]:
    return lint(document, location=RSS_URL, now=RELEASED_AT)


def atom_findings(document: bytes) -> list[str]:
    return lint(document, location=ATOM_URL, now=RELEASED_AT)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return files_of(article_with_every_block(), numbered(1), settings=ALL_SETTINGS)


def test_a_feed_with_every_kind_of_block_has_no_findings(files: dict[str, bytes]) -> None:
    assert rss_findings(files["rss.xml"]) == []
    assert atom_findings(files["atom.xml"]) == []


@pytest.mark.parametrize("title", ["A & B", "“Smart” quotes – and’s", "🧬 cells", "幹細胞療法", "תאי גזע", "1 < 2"])
def test_a_plain_title_has_no_findings(title: str) -> None:
    files = files_of(article(title=title))
    assert rss_findings(files["rss.xml"]) == []
    assert atom_findings(files["atom.xml"]) == []


def test_a_feed_with_no_settings_and_the_barest_article_has_no_findings() -> None:
    files = files_of(article(summary="", author="", tags=()))
    assert rss_findings(files["rss.xml"]) == []
    assert atom_findings(files["atom.xml"]) == []


@pytest.mark.parametrize("articles", [(), (article(),)], ids=["empty", "one article"])
def test_the_feed_of_a_tag_in_another_script_has_no_findings(articles: tuple[Article, ...]) -> None:
    url = "https://news.example.org/feeds/tags/%E5%B9%B9%E7%B4%B0%E8%83%9E"
    documents = documents_of(*articles, tag=Tag("幹細胞"))
    for extension in ("rss", "atom"):
        body = documents[f"feeds/tags/幹細胞.{extension}"].body
        assert lint(body, location=f"{url}.{extension}", now=RELEASED_AT) == []


def replaced(old: str, new: str, count: int = 1) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        assert old.encode() in document, f"the feed has no {old}"
        return document.replace(old.encode(), new.encode(), count)

    return change


GROUP = '<media:group><media:content url="https://a.example/b.jpg"/></media:group>'
FULL_TEXT = "<content:encoded>"


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("InvalidFullLink", replaced("<link>https://news.example.org/articles/", "<link>/articles/")),
        ("InvalidHttpGUID", replaced(' isPermaLink="false"', "")),
        ("InvalidMIMEType", replaced('type="image/jpeg"', 'type="picture"')),
        ("MediaGroupWithoutAlternatives", replaced("</item>", f"{GROUP}</item>")),
        ("UndefinedElement", replaced("<ttl>60</ttl>", "<UpdatePeriod>hourly</UpdatePeriod>")),
        ("MissingAtomSelfLink", replaced('rel="self"', 'rel="via"')),
        ("SelfDoesntMatchLocation", replaced("/feeds/all.rss", "/feed")),
        ("ContainsRelRef", replaced('src="https://news.example.org/media/', 'src="/media/')),
        ("SecurityRisk", replaced(FULL_TEXT, f"{FULL_TEXT}&lt;script>&lt;/script>")),
        ("SecurityRiskAttr", replaced(FULL_TEXT, f'{FULL_TEXT}&lt;br onclick="x()"/>')),
        ("DangerousStyleAttr", replaced("text-align:right", "position:fixed")),
        ("NotHtml", replaced("&lt;/h2&gt;", "")),
        ("ContainsHTML", replaced("<title>Stem cells &amp; you", "<title>Stem cells &amp;amp; you")),
        ("CharacterData", replaced("<title>Stem cells", "<title>&lt;b>Stem&lt;/b> cells")),
        ("MissingGuid", lambda document: document.replace(b"guid", b"comments")),
        ("DuplicateEntries", replaced("tag:example.org,2026:001", "urn:uuid:0c7a5f3e-9b1d-4a5e-8a43-6d2f3b1c9e70")),
        ("ImplausibleDate", replaced("<pubDate>Fri, 20 Nov 2026", "<pubDate>Wed, 20 Nov 2041")),
        ("InvalidRFC2822Date", replaced("Fri, 20 Nov 2026", "Fr., 20 Nov. 2026")),
        ("MissingDCLanguage", replaced("<language>en</language>", "")),
        ("ImageTitleDoesntMatch", replaced("<title>Nest &amp; Fact: medicine", "<title>Nest")),
        ("MissingDescription", replaced("<description>What research says about health</description>", "")),
    ],
)
def test_the_lint_finds_what_is_wrong_with_rss(
    rule: str, change: Callable[[bytes], bytes], files: dict[str, bytes]
) -> None:
    assert rule in rss_findings(change(files["rss.xml"]))


VIA = '<link href="https://a.example/" type="text/html"/>'


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("InvalidFullLink", replaced("<id>urn:uuid:", "<id>")),
        ("InvalidMIMEType", replaced('<content type="html"', '<content type="CDATA"')),
        ("DuplicateAtomLink", replaced("<summary>", f"{VIA}<summary>")),
        ("MediaGroupWithoutAlternatives", replaced("</entry>", f"{GROUP}</entry>")),
        ("UndefinedElement", replaced("<summary>", "<description/><summary>")),
        ("MissingSelf", replaced('rel="self"', 'rel="via"')),
        ("SelfDoesntMatchLocation", replaced("/feeds/all.atom", "/feed", 2)),
        ("ContainsRelRef", replaced('src="https://news.example.org/media/', 'src="/media/')),
        ("DuplicateEntries", replaced("tag:example.org,2026:001", "urn:uuid:0c7a5f3e-9b1d-4a5e-8a43-6d2f3b1c9e70")),
        ("DuplicateUpdated", replaced("<updated>2026-11-19T", "<updated>2026-11-20T")),
        ("ImplausibleDate", replaced("<updated>2026-11-19T", "<updated>2041-11-19T")),
        ("InvalidRFC3339Date", replaced("2026-11-19T12:00:00+00:00", "2026-11-19T12:00:00")),
        ("MissingDCLanguage", replaced(' xml:lang="en"', "")),
        ("MissingAuthor", lambda document: document.replace(b"author>", b"contributor>")),
        ("MissingUpdated", replaced("<updated>2026-11-19T12:00:00+00:00</updated>", "")),
    ],
)
def test_the_lint_finds_what_is_wrong_with_atom(
    rule: str, change: Callable[[bytes], bytes], files: dict[str, bytes]
) -> None:
    assert rule in atom_findings(change(files["atom.xml"]))


def test_the_lint_finds_a_date_that_has_not_come_yet(files: dict[str, bytes]) -> None:
    yesterday = datetime(2026, 11, 19, tzinfo=UTC)
    assert "ImplausibleDate" in lint(files["rss.xml"], location=RSS_URL, now=yesterday)
