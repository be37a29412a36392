"""Builds the entry of an article: full text with absolute URLs, a plain-text summary, no characters XML forbids."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import regex

from distributor.channels.api import Site
from distributor.channels.feed.feed import EntryImage, FeedEntry, whole_seconds
from distributor.domain.article import Article
from distributor.domain.blocks import Paragraph, plain_text, text_of, walk
from distributor.domain.image_file import image_type_of_url
from distributor.rendering.html import direction_of, html_of
from distributor.rendering.sanitize import Resolve, image_source, resolver_for

_SUMMARY_LENGTH = 300
# The characters that XML 1.0 forbids, and the C1 controls, which readers decode as Windows-1252.
_INVALID = regex.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def build_entry(article: Article, site: Site) -> FeedEntry:
    """The article as an entry; relative URLs are resolved against the article's page."""
    url = _uri(site.article_url(article))
    published_at = whole_seconds(article.published_at)
    slugs = {label: tag.slug for tag in article.tags if (label := plain(tag.label)) and tag.slug}
    return FeedEntry(
        guid=article.guid,
        url=url,
        title=plain(article.title),
        summary=_summary_of(article) or url,
        content_html=_content_of(article, resolver_for(url)),
        language=plain(article.language) or site.language,
        authors=tuple(name for name in (plain(article.author),) if name),
        tags=tuple(slugs),
        tag_slugs=tuple(slugs.values()),
        image=_image_of(article, resolver_for(url)),
        published_at=published_at,
        # An article that was last edited before its publication counts as updated when it was published.
        updated_at=max(whole_seconds(article.updated_at), published_at),
    )


def plain(text: str) -> str:
    """The text on one line, without characters that XML forbids."""
    return " ".join(_INVALID.sub("", text).split())


def _summary_of(article: Article) -> str:
    """The author's summary, else the beginning of the first paragraph, else of any text, else the title."""
    paragraphs = (plain(text_of(block.runs)) for block in walk(article.body) if isinstance(block, Paragraph))
    beginning = next(filter(None, paragraphs), "") or plain(plain_text(article.body))
    return plain(article.summary) or _shortened(beginning) or plain(article.title)


def _shortened(text: str) -> str:
    """The text, or its beginning with an ellipsis, cut between words where there are any."""
    characters = regex.findall(r"\X", text)
    if len(characters) <= _SUMMARY_LENGTH:
        return text
    cut = "".join(characters[: _SUMMARY_LENGTH - 1])
    # Chinese and Japanese have no spaces to cut at, and a space near the start would leave almost nothing.
    before, space, _ = cut.rpartition(" ")
    return (before if space and len(before) > len(cut) // 2 else cut).rstrip(" ,;:–—-") + "…"


def _content_of(article: Article, resolve: Resolve) -> str:
    html = html_of(article.illustrated_body, resolve=resolve)
    if direction_of(article.language) == "ltr":
        return html
    # Readers lay out an article in the direction of their own language unless its HTML sets another.
    return f'<div dir="rtl" lang="{escape(plain(article.language))}">{html}</div>'


def _image_of(article: Article, resolve: Resolve) -> EntryImage | None:
    image = article.lead_image
    source = image_source(image.src, resolve) if image else None
    if image is None or source is None:
        return None
    return EntryImage(url=_uri(source), alt=plain(image.alt), media_type=image_type_of_url(source))


def _uri(url: str) -> str:
    """The URL in ASCII (RFC 3987, section 3.1): validators and JSON Feed require a URI."""
    return quote(_INVALID.sub("", url), safe=_URL_CHARACTERS)
