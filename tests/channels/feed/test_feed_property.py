"""Whatever an article contains, its feeds are well-formed and are read back unchanged."""

from __future__ import annotations

import json
from typing import Any

import feedparser
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from distributor.channels.feed.feed import FeedPayload
from distributor.domain.article import Article
from distributor.domain.blocks import Code, Heading, Image, List, ListItem, Mark, Paragraph, Quote, Run
from distributor.domain.tags import Tag
from distributor.testing.fakes import RELEASED_AT

from .lint import lint
from .samples import article, files_of, rendered

# Control characters, lone surrogates and non-characters are among them.
any_text = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(
    ["<![CDATA[x]]>", "]]>", "<!--", "&nbsp;", "A & B <i>", "</title>", "@@name@@", "\ud800", "\x00", "\r\n", "﷽"]
)
addresses = any_text | st.sampled_from(
    [
        "/a?b=1&c=2",
        "../x",
        "#here",
        "//host/x",
        "http://[::1",
        "javascript:x",
        "mailto:a@b.example",
        "https://a.example/ü",
    ]
)
runs = st.lists(st.builds(Run, any_text, st.frozensets(st.sampled_from(Mark)), st.none() | addresses), max_size=3).map(
    tuple
)
leaves = st.one_of(
    st.builds(Paragraph, runs),
    st.builds(Heading, st.integers(2, 6), runs),
    st.builds(Code, any_text, any_text),
    st.builds(Image, addresses, any_text, runs),
)
blocks = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Quote, st.lists(inner, max_size=2).map(tuple))
        | st.builds(List, st.lists(st.builds(ListItem, st.lists(inner, max_size=2).map(tuple)), max_size=2).map(tuple))
    ),
    max_leaves=6,
)
articles = st.builds(
    article,
    title=any_text,
    summary=any_text,
    author=any_text,
    tags=st.lists(st.builds(Tag, any_text), max_size=3).map(tuple),
    image=st.none() | st.builds(Image, addresses, any_text),
    language=st.sampled_from(["en", "he", "zh-Hant", ""]),
    body=st.lists(blocks, max_size=4).map(tuple),
)
# feedparser takes C1 controls for letters of Windows-1252, as browsers do with references to them.
AS_FEEDPARSER_READS = {code: bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
# A title that looks like markup is kept as it is; only a validator reports it.
ABOUT_TITLES = {"CharacterData", "ContainsHTML"}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(articles)
def test_any_article_gives_feeds_that_read_back(written: Article) -> None:
    files = files_of(written)
    [meant] = FeedPayload.from_json(rendered(written).payload).entries

    [item] = etree.fromstring(files["rss.xml"]).iter("item")
    assert item.findtext("title") == (meant.title or meant.url)
    assert item.findtext("{http://purl.org/rss/1.0/modules/content/}encoded", "") == meant.content_html
    assert tuple(each.text for each in item.iter("category")) == meant.tags

    for name in ("rss.xml", "atom.xml"):
        seen = _read(files[name])
        assert (seen.id, seen.link) == (meant.guid, meant.url)
        assert seen.content[0].value == meant.content_html.translate(AS_FEEDPARSER_READS).strip()
    assert seen.title == (meant.title or meant.url)
    assert tuple(tag.term for tag in seen.get("tags", [])) == meant.tags

    [item_in_json] = json.loads(files["feed.json"])["items"]
    assert item_in_json["content_html"] == meant.content_html


@settings(max_examples=100, deadline=None, derandomize=True)
@given(articles)
def test_any_article_gives_feeds_a_validator_has_nothing_to_say_about(written: Article) -> None:
    files = files_of(written)
    for name, extension in (("rss.xml", "rss"), ("atom.xml", "atom")):
        url = f"https://news.example.org/feeds/all.{extension}"
        assert set(lint(files[name], location=url, now=RELEASED_AT)) <= ABOUT_TITLES


def _read(document: bytes) -> Any:
    feed = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo, feed.get("bozo_exception")
    [entry] = feed.entries
    return entry
