"""Feeds as programs fetch them, over a socket."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.storage import tags
from distributor.web.app import serving

from .samples import PublishFeed, WriteArticle


class Reader:
    """A feed reader: sends exactly the headers it is given, and decompresses nothing."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=30)

    def fetch(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
        self._connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = self._connection.getresponse()
        return response, response.read()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def reader(app: AppContext) -> Iterator[Reader]:
    with serving(app) as address:
        reader = Reader(address)
        yield reader
        reader.close()


def test_a_feed_is_served_as_it_was_stored(reader: Reader, publish_feed: PublishFeed):
    stored = publish_feed("feeds/all.rss")
    response, body = reader.fetch("/feeds/all.rss", Accept_Encoding="identity")
    assert (response.status, body) == (200, stored)
    assert response.getheader("Content-Type") == "application/rss+xml; charset=utf-8"
    assert response.getheader("Cache-Control") == "public, max-age=900"
    assert response.getheader("Last-Modified") == "Fri, 20 Nov 2026 09:30:15 GMT"
    assert response.getheader("Set-Cookie") is None


def test_a_second_fetch_with_both_validators_costs_no_body(reader: Reader, publish_feed: PublishFeed):
    publish_feed("feeds/all.rss")
    first, _ = reader.fetch("/feeds/all.rss", Accept_Encoding="gzip")
    second, body = reader.fetch(
        "/feeds/all.rss",
        Accept_Encoding="gzip",
        If_None_Match=first.getheader("ETag") or "",
        If_Modified_Since=first.getheader("Last-Modified") or "",
    )
    assert (second.status, body) == (304, b"")
    assert second.getheader("ETag") == first.getheader("ETag")
    assert second.getheader("Cache-Control") == first.getheader("Cache-Control")


def test_a_changed_feed_is_sent_anew_though_its_date_is_the_same(reader: Reader, publish_feed: PublishFeed):
    publish_feed("feeds/all.rss")
    first, _ = reader.fetch("/feeds/all.rss")
    changed = publish_feed("feeds/all.rss", b"<rss>now with a correction</rss>")
    second, body = reader.fetch(
        "/feeds/all.rss",
        If_None_Match=first.getheader("ETag") or "",
        If_Modified_Since=first.getheader("Last-Modified") or "",
    )
    assert (second.status, body) == (200, changed)


def test_gzip_has_an_entity_tag_of_its_own(reader: Reader, publish_feed: PublishFeed):
    stored = publish_feed("feeds/all.rss")
    plain, _ = reader.fetch("/feeds/all.rss")
    packed, body = reader.fetch("/feeds/all.rss", Accept_Encoding="gzip, deflate")
    assert packed.getheader("Content-Encoding") == "gzip"
    assert packed.getheader("Content-Length") == str(len(body))
    assert gzip.decompress(body) == stored
    assert packed.getheader("ETag") == f'{(plain.getheader("ETag") or "")[:-1]}-gzip"'
    assert plain.getheader("Vary") == packed.getheader("Vary") == "Accept-Encoding"


def test_head_says_what_get_would_say(reader: Reader, publish_feed: PublishFeed):
    publish_feed("feeds/all.rss")
    get, _ = reader.fetch("/feeds/all.rss")
    head, body = reader.fetch("/feeds/all.rss", "HEAD")
    assert (head.status, body) == (200, b"")
    compared = ("ETag", "Last-Modified", "Content-Length", "Content-Type", "Cache-Control", "Vary")
    assert [head.getheader(name) for name in compared] == [get.getheader(name) for name in compared]


def test_the_feed_of_a_tag_has_the_address_that_the_feed_channel_gave_it(reader: Reader, publish_feed: PublishFeed):
    stored = publish_feed("feeds/tags/київ.json")
    response, body = reader.fetch(f"/feeds/tags/{quote('київ')}.json", Accept_Encoding="identity")
    assert (response.status, body) == (200, stored)


@pytest.mark.parametrize(
    "path", ["/feeds/all.xml", "/feeds/all", "/feeds/all.rss/", "/feeds/tags/none.rss", "/feeds/", "/feeds/all.rss%00"]
)
def test_an_unknown_feed_is_a_404_and_leads_nowhere_else(client: TestClient, publish_feed: PublishFeed, path: str):
    publish_feed("feeds/all.rss")
    response = client.get(path)
    assert response.status_code == 404
    assert "location" not in response.headers


def test_a_feed_without_articles_is_explained_in_words(client: TestClient):
    assert "Nothing has been published to it yet" in client.get("/feeds/all.rss").text


def test_a_feed_can_only_be_read(client: TestClient, publish_feed: PublishFeed):
    publish_feed("feeds/all.rss")
    response = client.delete("/feeds/all.rss")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_the_feeds_of_a_tag_that_was_renamed_lead_to_the_new_ones_in_one_step(
    reader: Reader, app: AppContext, write_article: WriteArticle, publish_feed: PublishFeed
):
    write_article(tags=(Tag("soil"), Tag("Ölmühle & Co")))
    with app.database.begin() as connection:
        for label in ("earth", "C++ größer"):
            tags.rename(connection, "soil", label, now=app.clock())
    first = publish_feed("feeds/tags/soil.rss")
    assert reader.fetch("/feeds/tags/soil.rss", Accept_Encoding="identity")[1] == first
    for extension in ("rss", "atom", "json"):
        publish_feed(f"feeds/tags/c-plus-plus-grosser.{extension}")
    for slug in ("soil", "earth"):
        for extension in ("rss", "atom", "json"):
            for validator in ({}, {"If_None_Match": "*"}, {"If_Modified_Since": "Fri, 20 Nov 2026 09:30:15 GMT"}):
                response, _ = reader.fetch(f"/feeds/tags/{slug}.{extension}", **validator)
                assert response.status == 301
                assert response.getheader("Location") == f"/feeds/tags/c-plus-plus-grosser.{extension}"
                assert response.getheader("Cache-Control") == "public, max-age=900"
    assert reader.fetch("/feeds/tags/c-plus-plus-grosser.rss")[0].status == 200
    assert reader.fetch("/feeds/tags/earth.pdf")[0].status == 404
