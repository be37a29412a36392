"""Articles as pages show them: paths, dates in words, and the body as HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

from distributor.domain.anchors import with_heading_anchors
from distributor.domain.article import Article
from distributor.domain.tags import Tag
from distributor.rendering.html import direction_of, html_of
from distributor.rendering.sanitize import Resolve, image_source, resolver_for
from distributor.rendering.words import Words

# The reserved characters that stay unescaped in a complete URL (RFC 3986, section 2.2).
_RESERVED_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
_SCROLLING = re.compile(r"<(/?)(table|pre)\b")
# Without a mouse, only elements with focus can be scrolled (WCAG 2.1.1).
_OPEN = {
    "table": ("table", '<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table'),
    "pre": ("code", '<pre role="region" aria-label="{label}" tabindex="0"'),
}
_CLOSE = {"table": "</table></div", "pre": "</pre"}


@dataclass(frozen=True, slots=True)
class TagLink:
    """A tag and the path of its page below the root of the site; empty for a tag without letters and digits."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class DisplayDate:
    """A date for people and for programs."""

    words: str
    iso: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaser:
    """An article in a list. `path` is below the root of the site."""

    title: str
    path: str
    summary: str
    author: str
    language: str
    direction: str
    published: DisplayDate
    updated: DisplayDate | None
    tags: tuple[TagLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleView:
    """An article on its page. `url` and `image_url` are absolute; `hero_html`, the image above the title, may be empty.

    `canonical_url` is where it was first published. Both pieces of HTML are sanitised.
    """

    teaser: Teaser
    url: str
    canonical_url: str
    hero_html: str
    html: str
    image_url: str | None
    image_alt: str


def teaser_for(article: Article, words: Words) -> Teaser:
    """The article as lists show it."""
    published, updated = display_date(article.published_at, words), display_date(article.updated_at, words)
    was_changed = article.updated_at > article.published_at and updated.words != published.words
    return Teaser(
        title=article.title,
        path=article_path(article.slug),
        summary=article.summary,
        author=article.author,
        language=article.language,
        direction=direction_of(article.language),
        published=published,
        updated=updated if was_changed else None,
        tags=tuple(tag_link(tag) for tag in article.tags),
    )


def view_of(article: Article, public_url: str, words: Words, own_words: Words) -> ArticleView:
    """The article as its page shows it; relative URLs are resolved against the article's URL below `public_url`.

    `words` are those of the page, `own_words` those in the language of the article.
    """
    url = public_url + article_path(article.slug)
    resolve = resolver_for(url)
    image = article.lead_image
    return ArticleView(
        teaser=teaser_for(article, words),
        url=url,
        canonical_url=article.canonical_url or url,
        hero_html=html_of([article.hero], resolve=resolve) if article.hero else "",
        html=_with_scrolling_parts(
            html_of(with_heading_anchors(article.body_below_hero), resolve=resolve, anchor_prefix=""), own_words
        ),
        image_url=_uri(image.src, resolve) if image else None,
        image_alt=image.alt if image else "",
    )


def article_path(slug: str) -> str:
    return f"/articles/{quote(slug, safe='')}"


def tag_link(tag: Tag) -> TagLink:
    return TagLink(tag.label, f"/tags/{quote(tag.slug, safe='')}" if tag.slug else "")


def display_date(time: datetime, words: Words) -> DisplayDate:
    """The day in UTC."""
    return DisplayDate(words.date(time), time.isoformat(timespec="seconds"))


def _uri(address: str, resolve: Resolve) -> str | None:
    source = image_source(address, resolve)
    return quote(source, safe=_RESERVED_CHARACTERS) if source else None


def _with_scrolling_parts(html: str, words: Words) -> str:
    """Make wide tables and code scroll by themselves. Text cannot match the tags: it is escaped."""
    opening = {tag: text.format(label=escape(words.text(f"site.{label}"))) for tag, (label, text) in _OPEN.items()}
    return _SCROLLING.sub(lambda tag: (_CLOSE if tag[1] else opening)[tag[2]], html)
