"""Feeds as sources: what our own feeds say comes back as it was, and what feeds of others do wrong is survived."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, Image, List, plain_text, walk
from distributor.domain.errors import SourceError
from distributor.guarded_http import FetchedResponse
from distributor.sources.items import SourceItem, UnreadableItem
from distributor.sources.kinds.api import Reading
from distributor.sources.kinds.feed import FeedSettings, FeedSource

SPOILERS = (
    b"<item>",
    b"<![CDATA[",
    b"]]>",
    b"&amp;lt;",
    b"\x00",
    b"\xff\xfe",
    b"<entry><id>",
    b"null",
    b"[[[",
    b'{"id": []}',
)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
URL = "https://site.example/blog/feed.xml"
RSS = (
    '<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
    "<title>S</title><link>https://site.example</link><description>-</description>{items}</channel></rss>"
)


def read(
    body: str | bytes, *, media_type: str = "application/rss+xml", now: datetime = NOW, **settings: Any
) -> tuple[list[Any], Reading]:
    """The items of a feed with this body."""
    raw = body.encode() if isinstance(body, str) else body

    def fetch(address: str, headers: object, max_bytes: int) -> FetchedResponse:
        return FetchedResponse(url=address, status=200, headers={"content-type": media_type}, body=raw[:max_bytes])

    def no_page(address: str) -> Manuscript:
        raise SourceError("robots.txt of the site forbids to fetch it", path=address)

    reading = Reading(fetch=fetch, article_of=no_page, now=now)
    return list(FeedSource(FeedSettings(url=URL, **settings)).read(reading)), reading


def only(items: list[Any]) -> Manuscript:
    (item,) = items
    assert isinstance(item, SourceItem), item
    assert item.manuscript is not None
    return item.manuscript


def test_text_is_taken_whole_and_links_and_images_get_whole_addresses() -> None:
    html = (
        "&lt;p&gt;See &lt;a href='../about'&gt;us&lt;/a&gt;.&lt;/p&gt;&lt;h2&gt;Flour&lt;/h2&gt;"
        "&lt;ul&gt;&lt;li&gt;rye&lt;/ul&gt;&lt;img src='/i.png' alt='A loaf'&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    )
    items, _ = read(
        RSS.format(
            items=f"<item><title>Bread &amp;amp; &lt;b&gt;butter&lt;/b&gt;</title><guid>1</guid>"
            f"<link>https://site.example/blog/2026/bread</link><dc:creator>Ann</dc:creator>"
            f"<description>Short.</description><content:encoded>{html}</content:encoded>"
            f"<category>C++</category><category>C#</category><pubDate>Mon, 04 May 2026 10:00:00 +0200</pubDate></item>"
        )
    )
    found = only(items)
    assert (found.title, found.summary, found.author) == ("Bread & butter", "Short.", "Ann")
    assert [tag.label for tag in found.tags] == ["C++", "C#"]
    assert found.published_at == datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    assert found.canonical_url == "https://site.example/blog/2026/bread"
    kinds = [type(block) for block in walk(found.body)]
    assert kinds.count(Heading) == kinds.count(List) == kinds.count(Image) == 1
    assert "alert" not in plain_text(found.body)
    assert [block.src for block in walk(found.body) if isinstance(block, Image)] == ["https://site.example/i.png"]


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ("<title>1 &lt; 2</title>", "1 < 2"),
        ("<title>AT&amp;amp;T</title>", "AT&T"),
        ("<description>One sentence that says it. And more of it.</description>", "One sentence that says it"),
        ("<title>  </title><description>No title here at all</description>", "No title here at all"),
    ],
)
def test_titles_are_plain_text_and_what_has_none_is_called_by_its_first_words(item: str, title: str) -> None:
    text = "" if "description" in item else "<description>Text.</description>"
    items, _ = read(RSS.format(items=f"<item><guid>1</guid>{item}{text}</item>"))
    assert only(items).title == title


@pytest.mark.parametrize(
    ("item", "src"),
    [
        ("<link>https://site.example/2026/1/</link>", "https://site.example/2026/1/i.png"),
        ("", "https://site.example/blog/i.png"),
        ("<link>javascript:alert(1)</link>", "https://site.example/blog/i.png"),
    ],
)
def test_images_are_relative_to_the_item_else_to_the_feed(item: str, src: str) -> None:
    image = "&lt;p&gt;x&lt;/p&gt;&lt;img src='i.png'&gt;"
    items, _ = read(
        RSS.format(items=f"<item><guid>1</guid><title>t</title>{item}<description>{image}</description></item>")
    )
    found = only(items)
    assert [block.src for block in walk(found.body) if isinstance(block, Image)] == [src]
    assert (found.canonical_url or "https:").startswith("https:")


def test_atom_says_what_its_links_are_relative_to() -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>S</title><id>s</id><updated>2026-05-04T10:00:00Z</updated>'
        '<entry><id>1</id><title type="html">A &amp;lt;b&amp;gt;</title><updated>2026-05-04T10:00:00Z</updated>'
        '<link href="https://site.example/1"/><content type="xhtml" xml:base="https://files.example/a/">'
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</p><img src="i.png" alt=""/></div></content></entry></feed>'
    )
    found = only(read(atom, media_type="application/atom+xml")[0])
    assert [block.src for block in walk(found.body) if isinstance(block, Image)] == ["https://files.example/a/i.png"]


def test_a_whole_text_is_no_title_and_no_summary() -> None:
    text = "One sentence of it. " * 100
    item = f"<item><guid>1</guid><title>{text}</title><description>{text}</description><content:encoded>{text}"
    found = only(read(RSS.format(items=f"{item}and more</content:encoded></item>"))[0])
    assert found.title == "One sentence of it"
    assert len(found.summary) < 300


@pytest.mark.parametrize("author", ["ann@example.org (Ann)", "Ann &lt;ann@example.org&gt;"])
def test_an_address_of_an_author_is_never_shown(author: str) -> None:
    items, _ = read(
        RSS.format(items=f"<item><guid>1</guid><author>{author}</author><description>x</description></item>")
    )
    assert "@" not in only(items).author


def test_the_image_of_an_item_is_taken_unless_the_text_shows_one() -> None:
    media = '<media:content medium="image" url="/lead.jpg"/>'
    items, _ = read(RSS.format(items=f"<item><guid>1</guid><title>t</title><description>x</description>{media}</item>"))
    assert only(items).image == Image("https://site.example/lead.jpg")
    shown = "&lt;p&gt;x&lt;/p&gt;&lt;img src='a.png'&gt;"
    items, _ = read(
        RSS.format(items=f"<item><guid>1</guid><title>t</title><description>{shown}</description>{media}</item>")
    )
    assert only(items).image is None


def test_what_is_cut_off_says_why_it_stays_short_if_its_page_may_not_be_fetched() -> None:
    body = RSS.format(
        items="<item><guid>1</guid><title>t</title><link>https://site.example/1</link>"
        "<description>It begins […]</description></item>"
    )
    items, _ = read(body, complete=True)
    assert "robots.txt" in only(items).warnings[0]
    assert only(read(body)[0]).warnings == ()


def test_json_feed_is_read_with_plain_text_and_without_what_is_missing() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "language": "de",
        "items": [
            {"id": 7, "title": "Brot", "content_text": "Erste Zeile.\n\nZweite <Zeile>.", "tags": ["a", 3]},
            {"id": "8", "url": "/8", "content_html": "<p>Acht.</p>", "date_published": "yesterday", "authors": "Ann"},
            "no item",
            {"id": "9"},
        ],
    }
    items, _ = read(json.dumps(feed), media_type="application/feed+json")
    first, second, third = items
    assert (first.ref, first.manuscript.language) == ("7", "de")
    assert plain_text(first.manuscript.body).split() == ["Erste", "Zeile.", "Zweite", "<Zeile>."]
    assert (second.manuscript.canonical_url, second.manuscript.published_at) == ("https://site.example/8", None)
    assert isinstance(third, UnreadableItem)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_feed_says_its_encoding_itself(encoding: str) -> None:
    body = RSS.format(items="<item><guid>1</guid><title>Käse</title><description>Süß.</description></item>")
    raw = body.replace('version="1.0"', f'version="1.0" encoding="{encoding}"', 1).encode(encoding)
    assert only(read(raw, media_type="application/xml")[0]).title == "Käse"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 1000,
        b"<rss",
        b"<html><body>" + b"<div>" * 5000,
        b"{" * 100_000,
        b'{"items": [' + b"[" * 50_000,
        b"<rss version='2.0'><channel>" + b"<item>" * 20_000,
        b"GIF89a",
    ],
)
def test_what_is_no_feed_is_refused_or_empty_and_nothing_else_happens(body: bytes) -> None:
    try:
        items, _ = read(body)
    except SourceError as error:
        assert URL in str(error)
    else:
        assert [item for item in items if isinstance(item, SourceItem)] == []


def test_an_item_of_which_nothing_is_right_stops_no_other() -> None:
    bad = (
        "<item><guid>http://[</guid><link>http://[</link><title>t</title><description>x</description>"
        '<media:content medium="image" url="http://["/><pubDate>never</pubDate><author>@</author></item>'
    )
    good = "<item><guid>2</guid><title>Good</title><description>y</description></item>"
    items, _ = read(RSS.format(items=bad + good))
    assert [item.manuscript and item.manuscript.title for item in items if isinstance(item, SourceItem)][-1] == "Good"
    feed = {"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "url": "http://[", "image": "http://["}]}
    items, _ = read(json.dumps(feed), media_type="application/json")
    assert isinstance(items[0], UnreadableItem)


def test_characters_that_no_html_may_have_are_left_out() -> None:
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "content_html": "<p>A\x01B\x00C</p>"}]}
    items, _ = read(json.dumps(feed), media_type="application/json")
    assert plain_text(only(items).body).strip() == "ABC"


def test_entities_that_expand_themselves_are_refused() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + RSS.format(
        items="<item><title>&b;</title></item>"
    )
    with pytest.raises(SourceError, match="defines entities"):
        read(bomb)


def test_a_feed_that_is_cut_off_in_the_middle_gives_what_it_has() -> None:
    whole = RSS.format(
        items="".join(f"<item><guid>{n}</guid><title>T{n}</title><description>x</description></item>" for n in range(5))
    )
    items, _ = read(whole[: whole.index("<guid>4")])
    assert [item.ref for item in items if isinstance(item, SourceItem)][:4] == ["0", "1", "2", "3"]


def test_our_own_feeds_say_the_same_in_all_formats() -> None:
    golden = Path(__file__).parents[2] / "channels" / "feed" / "golden"
    types = {"rss.xml": "application/rss+xml", "atom.xml": "application/atom+xml", "feed.json": "application/feed+json"}
    said = []
    for name, media_type in types.items():
        items, _ = read((golden / name).read_bytes(), media_type=media_type, now=datetime(2027, 1, 1, tzinfo=UTC))
        manuscripts = [(item.ref, item.manuscript) for item in items]
        said.append(
            [
                (
                    ref,
                    one.title,
                    one.summary,
                    one.author,
                    [tag.label for tag in one.tags],
                    one.published_at,
                    one.canonical_url,
                    plain_text(one.body),
                )
                for ref, one in manuscripts
            ]
        )
    rss, atom, json_feed = said
    assert len(rss) > 1
    assert atom == json_feed
    assert rss == json_feed


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_feed_spoiled_anywhere_gives_items_or_an_error_of_the_source(data: st.DataObject) -> None:
    golden = Path(__file__).parents[2] / "channels" / "feed" / "golden"
    body = (golden / data.draw(st.sampled_from(["rss.xml", "atom.xml", "feed.json"]))).read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 200)))
        body = body[:start] + data.draw(st.binary(max_size=40) | st.sampled_from(SPOILERS)) + body[end:]
    try:
        items, _ = read(body, media_type=data.draw(st.sampled_from(["", "text/html", "application/json; charset=x"])))
    except SourceError as error:
        assert URL in str(error)
    else:
        wrong = [item.error for item in items if isinstance(item, UnreadableItem)]
        assert [error for error in wrong if not isinstance(error, SourceError)] == []
