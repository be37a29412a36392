"""JSON Feed 1.1 against its schema and the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from distributor.channels.feed.feed import FeedPayload
from distributor.domain.tags import Tag
from tests.paths import SHARED

from .samples import ALL_SETTINGS, article, article_with_every_block, files_of, numbered, rendered

if TYPE_CHECKING:
    from jsonschema import Draft7Validator

SCHEMA = SHARED / "data" / "jsonfeed" / "schema-v1.1.json"


def parsed(*articles: Any, **options: Any) -> Any:
    return json.loads(files_of(*articles, **options)["feed.json"])


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    if not SCHEMA.exists():
        pytest.skip(f"the JSON Feed schema is not at {SCHEMA}")
    # Its import builds grammars for seconds, which every collection of tests would wait for.
    from jsonschema import Draft7Validator, FormatChecker

    checker = FormatChecker()
    # Without the optional packages jsonschema takes any text for a date or an address.
    assert {"date-time", "uri"} <= checker.checkers.keys()
    return Draft7Validator(json.loads(SCHEMA.read_text("utf-8")), format_checker=checker)


def test_a_feed_follows_the_schema(validator: Draft7Validator) -> None:
    feed = parsed(article_with_every_block(), numbered(1), settings=ALL_SETTINGS)
    assert [error.message for error in validator.iter_errors(feed)] == []


def test_a_feed_of_the_barest_article_follows_the_schema(validator: Draft7Validator) -> None:
    feed = parsed(article(title="", summary="", author="", tags=(), slug="幹細胞"))
    assert [error.message for error in validator.iter_errors(feed)] == []


@pytest.mark.parametrize(("key", "wrong"), [("date_published", "yesterday"), ("url", "/articles/x"), ("id", 7)])
def test_the_schema_would_find_a_wrong_value(validator: Draft7Validator, key: str, wrong: object) -> None:
    feed = parsed(article())
    feed["items"][0][key] = wrong
    assert len(list(validator.iter_errors(feed))) == 1


def test_items_say_what_the_model_says() -> None:
    articles = (article_with_every_block(), numbered(1, title="A & B <i> 🧬", tags=(Tag("A & B"),)))
    entries = FeedPayload.from_json(rendered(*articles).payload).entries
    for entry, item in zip(entries, parsed(*articles)["items"], strict=True):
        assert (item["id"], item["url"], item["title"]) == (entry.guid, entry.url, entry.title)
        assert (item["summary"], item["content_html"]) == (entry.summary, entry.content_html)
        assert item["authors"] == [{"name": "Ada Berg"}]
        assert item["tags"] == list(entry.tags)
        assert item.get("image") == (entry.image.url if entry.image else None)


def test_dates_are_in_rfc_3339() -> None:
    [item] = parsed(article())["items"]
    assert (item["date_published"], item["date_modified"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z")


def test_the_feed_tells_who_it_is() -> None:
    feed = parsed(article(), settings=ALL_SETTINGS)
    del feed["items"]
    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Nest & Fact: medicine",
        "home_page_url": "https://news.example.org/",
        "feed_url": "https://news.example.org/feeds/all.json",
        "description": "What research says about health",
        "language": "en",
        "authors": [{"name": "Nest & Fact"}],
        "icon": "https://news.example.org/icon.png",
        "hubs": [{"type": "WebSub", "url": "https://hub.example.org/"}],
    }


def test_an_item_without_author_or_tags_has_no_empty_lists() -> None:
    [item] = parsed(article(author="", tags=()))["items"]
    assert {"authors", "tags", "image"}.isdisjoint(item)


def test_the_newest_article_comes_first() -> None:
    items = parsed(numbered(2), numbered(0), numbered(1))["items"]
    assert [item["title"] for item in items] == ["Article 0", "Article 1", "Article 2"]
