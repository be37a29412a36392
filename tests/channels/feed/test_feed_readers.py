"""feedparser, which many products use, reads the values of the entries."""

from __future__ import annotations

import calendar
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import feedparser
import pytest

from distributor.channels.feed.feed import FeedEntry, FeedPayload
from distributor.domain.tags import Tag

from .samples import ALL_SETTINGS, NOON, article, article_with_every_block, files_of, numbered, rendered

XML_FILES = ("rss.xml", "atom.xml")
EDITED = article(
    title="A & B <i> “quoted” 🧬 幹細胞 תאי גזע",
    summary="R&D: 1 < 2 & 3 > 2",
    tags=(Tag("Crohn’s disease"), Tag("A & B")),
    updated_at=NOON + timedelta(hours=30),
)
ARTICLES = (EDITED, replace(article_with_every_block(), guid="tag:example.org,2026:every-block"), numbered(3))


def read(document: bytes) -> Any:
    """The feed without feedparser's own repairs of the HTML, so that differences are ours."""
    feed = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


@pytest.fixture(scope="module", params=XML_FILES)
def entries(request: pytest.FixtureRequest) -> list[tuple[FeedEntry, Any]]:
    """Each entry of the model with what the reader made of it."""
    meant = FeedPayload.from_json(rendered(*ARTICLES).payload).entries
    return list(zip(meant, read(files_of(*ARTICLES)[request.param]).entries, strict=True))


def test_ids_and_links_are_those_of_the_model(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        assert (seen.id, seen.link) == (meant.guid, meant.url)


def test_a_guid_in_rss_is_not_taken_for_a_link() -> None:
    [entry] = read(files_of(article())["rss.xml"]).entries
    assert entry.guidislink is False


def test_titles_are_plain_text_as_their_author_wrote_them(entries: list[tuple[FeedEntry, Any]]) -> None:
    assert [seen.title for _, seen in entries] == [meant.title for meant, _ in entries]
    assert EDITED.title in [seen.title for _, seen in entries]


def test_summaries_say_what_the_model_says(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        is_html = seen.summary_detail.type == "text/html"
        assert (unescape(seen.summary) if is_html else seen.summary) == meant.summary


def test_the_full_text_arrives_unchanged(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        [content] = seen.content
        assert (content.type, content.value) == ("text/html", meant.content_html)


def test_dates_are_those_of_the_model(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        assert as_utc(seen.published_parsed) == meant.published_at
        if "updated_parsed" in seen:
            assert as_utc(seen.updated_parsed) == meant.updated_at


def test_tags_are_categories(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        assert tuple(tag.term for tag in seen.tags) == meant.tags


def test_authors_have_their_names(entries: list[tuple[FeedEntry, Any]]) -> None:
    for meant, seen in entries:
        assert tuple(author.name for author in seen.authors) == meant.authors


def test_the_image_is_media_and_no_enclosure(entries: list[tuple[FeedEntry, Any]]) -> None:
    meant, seen = next(pair for pair in entries if pair[0].image)
    assert meant.image
    assert seen.media_content == [{"url": meant.image.url, "type": "image/jpeg", "medium": "image"}]
    assert seen.enclosures == []


@pytest.mark.parametrize("name", XML_FILES)
def test_the_full_text_loses_nothing_to_a_reader_that_sanitises(name: str) -> None:
    document = files_of(article_with_every_block())[name]
    [entry] = feedparser.parse(document).entries
    [content] = entry.content
    for kept in ("<h2>", "<ul>", "<ol", "<blockquote>", "<figure>", "<img", "<pre>", "<table>", "<hr", "mailto:"):
        assert kept in content.value


@pytest.mark.parametrize(("name", "extension"), [("rss.xml", "rss"), ("atom.xml", "atom")])
def test_the_feed_tells_who_it_is(name: str, extension: str) -> None:
    feed = read(files_of(article(), settings=ALL_SETTINGS)[name]).feed
    assert feed.title == "Nest & Fact: medicine"
    assert feed.subtitle == "What research says about health"
    assert feed.link == "https://news.example.org/"
    assert feed.language == "en"
    assert feed.generator == "Distributor"
    assert (feed.image.href if extension == "rss" else feed.logo) == "https://news.example.org/icon.png"
    links = {link.rel: link.href for link in feed.links}
    assert links["self"] == f"https://news.example.org/feeds/all.{extension}"
    assert links["hub"] == "https://hub.example.org/"


def test_an_article_in_another_language_than_the_feed_says_so() -> None:
    files = files_of(numbered(0), numbered(1, language="he"))
    assert [entry.get("language") for entry in read(files["rss.xml"]).entries] == [None, "he"]
    assert [entry.content[0].language for entry in read(files["atom.xml"]).entries] == ["en", "he"]


@pytest.mark.parametrize("name", XML_FILES)
def test_without_a_hub_there_is_no_link_to_one(name: str) -> None:
    assert "hub" not in {link.rel for link in read(files_of(article())[name]).feed.links}


@pytest.mark.parametrize("name", XML_FILES)
def test_the_newest_article_comes_first(name: str) -> None:
    documents = files_of(numbered(2), numbered(0), numbered(3), numbered(1))
    assert [entry.title for entry in read(documents[name]).entries] == [f"Article {number}" for number in range(4)]


@pytest.mark.parametrize("name", XML_FILES)
def test_articles_of_the_same_moment_are_ordered_by_guid(name: str) -> None:
    documents = files_of(numbered(2, published_at=NOON), numbered(1, published_at=NOON))
    assert [entry.title for entry in read(documents[name]).entries] == ["Article 1", "Article 2"]


def as_utc(parsed: time.struct_time) -> datetime:
    return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
