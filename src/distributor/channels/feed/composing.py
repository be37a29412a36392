"""Article → Entry: the full text with absolute addresses, a plain summary, and nothing that XML forbids."""

from __future__ import annotations

from html import escape
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

import regex

from distributor.channels.api import Site
from distributor.channels.feed.entry import EntryImage, FeedItem, whole_seconds
from distributor.domain.article import Article
from distributor.domain.blocks import Paragraph, plain_text, text_of, walk
from distributor.rendering.html import direction_of, html_of
from distributor.rendering.sanitize import Resolve, image_source, resolver_for

_SUMMARY_SIGNS = 300
# What XML 1.0 has no place for, and the C1 controls, which readers take for letters of Windows-1252.
_UNFIT = regex.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SIGNS_OF_URLS = "!#$%&'()*+,/:;=?@[]~"
_IMAGE_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


def entry_of(article: Article, site: Site) -> FeedItem:
    """The article as a feed tells it; relative addresses count from where it is read on the web."""
    url = _uri(site.article_url(article))
    published_at = whole_seconds(article.published_at)
    return FeedItem(
        guid=article.guid,
        url=url,
        title=plain(article.title),
        summary=_summary_of(article) or url,
        content_html=_content_of(article, resolver_for(url)),
        language=plain(article.language) or site.language,
        authors=tuple(name for name in (plain(article.author),) if name),
        tags=tuple(dict.fromkeys(label for tag in article.tags if (label := plain(tag.label)))),
        image=_image_of(article, resolver_for(url)),
        published_at=published_at,
        # An article that was finished before its day of publication has not changed since then.
        updated_at=max(whole_seconds(article.updated_at), published_at),
    )


def plain(text: str) -> str:
    """The text on one line, without any sign that would break XML."""
    return " ".join(_UNFIT.sub("", text).split())


def _summary_of(article: Article) -> str:
    """What its author says, else how its first paragraph begins, else whatever there is to read."""
    paragraphs = (plain(text_of(block.runs)) for block in walk(article.body) if isinstance(block, Paragraph))
    beginning = next(filter(None, paragraphs), "") or plain(plain_text(article.body))
    return plain(article.summary) or _shortened(beginning) or plain(article.title)


def _shortened(text: str) -> str:
    """The text, or its beginning with an ellipsis, cut between words where there are any."""
    signs = regex.findall(r"\X", text)
    if len(signs) <= _SUMMARY_SIGNS:
        return text
    cut = "".join(signs[: _SUMMARY_SIGNS - 1])
    # Chinese and Japanese have no spaces to cut at, and one far back would leave next to nothing.
    before, space, _ = cut.rpartition(" ")
    return (before if space and len(before) > len(cut) // 2 else cut).rstrip(" ,;:–—-") + "…"


def _content_of(article: Article, resolve: Resolve) -> str:
    html = html_of(article.illustrated_body, resolve=resolve)
    if direction_of(article.language) == "ltr":
        return html
    # Readers lay out an article in the direction of their own language unless it says otherwise.
    return f'<div dir="rtl" lang="{escape(plain(article.language))}">{html}</div>'


def _image_of(article: Article, resolve: Resolve) -> EntryImage | None:
    image = article.lead_image
    source = image_source(image.src, resolve) if image else None
    if image is None or source is None:
        return None
    return EntryImage(url=_uri(source), alt=plain(image.alt), media_type=_image_type_of(source))


def _image_type_of(url: str) -> str:
    """What its extension says; the tables of the machine it runs on would make it say more on one than on another."""
    return _IMAGE_TYPES.get(PurePosixPath(urlsplit(url).path).suffix.lower(), "")


def _uri(address: str) -> str:
    """The address in ASCII (RFC 3987, section 3.1): validators and JSON Feed want a URI."""
    return quote(_UNFIT.sub("", address), safe=_SIGNS_OF_URLS)
