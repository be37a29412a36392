"""Writes RSS 2.0 and Atom with feedgen 1.0. Only this module uses feedgen, and works around its mistakes.

Nothing is left to feedgen's defaults: dates default to now, so that readers would see a change at every build.
"""

from __future__ import annotations

from html import escape
from threading import Lock

from feedgen.entry import FeedEntry as FeedgenEntry
from feedgen.ext.base import BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from distributor.channels.feed.feed import GENERATOR, Feed, FeedEntry

RSS_TYPE = "application/rss+xml"
ATOM_TYPE = "application/atom+xml"

_ATOM_LINK = "{http://www.w3.org/2005/Atom}link"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# RSS readers that respect no HTTP caching fetch the feed at most once an hour.
_TTL_MINUTES = 60

# While feedgen writes RSS dates it sets the locale of the whole process to C; two builds at the same time could leave
# it set.
_locale_in_use = Lock()


def write_rss(feed: Feed) -> bytes:
    """The feed as RSS 2.0 in UTF-8; equal feeds give equal bytes."""
    generator = _generator_of(feed, self_url=feed.url_of("rss"), self_type=RSS_TYPE)
    with _locale_in_use:
        return bytes(generator.rss_str(pretty=True))


def write_atom(feed: Feed) -> bytes:
    """The feed as Atom (RFC 4287) in UTF-8; equal feeds give equal bytes."""
    generator = _generator_of(feed, self_url=feed.url_of("atom"), self_type=ATOM_TYPE)
    return bytes(generator.atom_str(pretty=True))


class _Entry(FeedgenEntry):  # type: ignore[misc]  # feedgen is untyped
    """An entry whose Atom links keep their attributes: feedgen drops all of them but `href`."""

    def __init__(self, *, language: str) -> None:
        super().__init__()
        self._language = language

    def atom_entry(self, extensions: bool = True) -> etree._Element:
        element: etree._Element = super().atom_entry(extensions)
        element.set(_XML_LANG, self._language)
        for written, link in zip(element.findall("link"), self.link(), strict=True):
            written.attrib.update(link)
        return element


class _HubExtension(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """The link to the WebSub hub in RSS, where feedgen writes no link but the first `self`."""

    hub = ""

    def extend_rss(self, feed: etree._Element) -> etree._Element:
        if self.hub:
            etree.SubElement(feed[0], _ATOM_LINK, {"href": self.hub, "rel": "hub"})
        return feed


def _generator_of(feed: Feed, *, self_url: str, self_type: str) -> FeedGenerator:
    metadata = feed.metadata
    generator = FeedGenerator()
    generator.load_extension("dc", atom=False)
    generator.load_extension("media")
    generator.register_extension("hub_link", _HubExtension, atom=False)
    generator.id(self_url)
    generator.title(feed.title)
    generator.subtitle(metadata.description)
    generator.author(name=metadata.publisher)
    generator.generator(GENERATOR)
    generator.language(metadata.language)
    generator.ttl(_TTL_MINUTES)
    generator.updated(feed.updated_at)
    if metadata.icon:
        generator.icon(metadata.icon)
        generator.image(url=metadata.icon, title=feed.title, link=metadata.home_page_url)
    generator.link(href=self_url, rel="self", type=self_type)
    if metadata.hub:
        generator.link(href=metadata.hub, rel="hub")
        generator.hub_link.hub = metadata.hub
    # Last, because feedgen takes the last link of any kind for the <link> of an RSS channel.
    generator.link(href=metadata.home_page_url, rel="alternate", type="text/html")
    for entry in feed.entries:
        _append(generator, entry, feed_language=metadata.language)
    return generator


def _append(generator: FeedGenerator, entry: FeedEntry, *, feed_language: str) -> None:
    # feedgen prepends by default, and loads the extensions of an entry only as it is added.
    element = generator.add_entry(_Entry(language=entry.language), order="append")
    element.guid(entry.guid, permalink=False)
    # Atom requires a title of every entry.
    element.title(entry.title or entry.url)
    element.link(href=entry.url, rel="alternate", type="text/html")
    element.published(entry.published_at)
    element.updated(entry.updated_at)
    # In this order: description() without content() after it would become Atom's content. The summary is plain text
    # to Atom, while a description in RSS is HTML.
    element.summary(entry.summary)
    element.description(escape(entry.summary, quote=False))
    element.content(entry.content_html, type="html")
    for name in entry.authors:
        element.author(name=name)
        # RSS has no author without an email address.
        element.dc.dc_creator(name)
    if entry.language != feed_language:
        element.dc.dc_language(entry.language)
    for tag in entry.tags:
        element.category(term=tag)
    if entry.image:
        # Without group=None feedgen makes a media:group of one, which is an error.
        element.media.content(url=entry.image.url, type=entry.image.media_type, medium="image", group=None)
