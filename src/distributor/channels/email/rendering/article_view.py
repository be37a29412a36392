"""Articles as the templates of a mail get them: rendered, with every text safe from tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from markupsafe import Markup

from distributor.channels.api import Site
from distributor.channels.email.personalization.literal import keep_literal
from distributor.domain.article import Article
from distributor.domain.blocks import Block, Heading, Paragraph, Run, plain_text
from distributor.domain.tags import Tag
from distributor.rendering.html import direction_of, html_of
from distributor.rendering.sanitize import resolver_for
from distributor.rendering.text import text_of_blocks

# The width of the text of a mail, in pixels.
MAIL_WIDTH = 520
_LONGEST_PREHEADER = 140
_LONGEST_TEASER = 400
# More links than these are a wall at the end of a mail; the page of the article has all of them.
_MAX_TAGS = 5


@dataclass(frozen=True, slots=True)
class TagView:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class TextView:
    """The parts of an article as lines of plain text."""

    title: str
    summary: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleView:
    """One article in a mail. `summary` is empty if the body begins with the same text; `start` is left or right.

    `is_cut` means that the mail has only the beginning of the article, and its page the rest. `tags` are the first
    ones, and `more_tags` is how many its page has besides. `hero` is the image above the title, or empty.
    """

    title: str
    summary: str
    author: str
    language: str
    direction: str
    start: str
    url: str
    tags: tuple[TagView, ...]
    more_tags: int
    hero: Markup
    html: Markup
    text: TextView
    is_cut: bool


def article_view(
    article: Article, site: Site, *, styles: Mapping[str, str], section_level: int, cut_after: int | None = None
) -> ArticleView:
    """The article as the templates see it, or its first `cut_after` blocks.

    `styles` and `section_level` are those of `html_of`.
    """
    url = site.article_url(article)
    resolve = resolver_for(url)
    shown = replace(article, body=article.body[:cut_after])
    summary = "" if _begins_with(article, article.summary) else article.summary
    write = partial(html_of, resolve=resolve, styles=styles, section_level=section_level, mail_width=MAIL_WIDTH)
    text = TextView(
        title=_lines(Heading(1, (Run(_one_line(article.title)),))),
        summary=_lines(Paragraph((Run(_one_line(summary)),))),
        body=keep_literal(text_of_blocks(shown.illustrated_body, resolve=resolve)),
    )
    language = article.language or site.language
    direction = direction_of(language)
    return ArticleView(
        title=keep_literal(_one_line(article.title)),
        summary=keep_literal(_one_line(summary)),
        author=keep_literal(_one_line(article.author)),
        language=keep_literal(language),
        direction=direction,
        start="right" if direction == "rtl" else "left",
        url=url,
        tags=tuple(TagView(keep_literal(tag.label), _tag_url(site, tag)) for tag in article.tags[:_MAX_TAGS]),
        more_tags=max(len(article.tags) - _MAX_TAGS, 0),
        hero=Markup(keep_literal(write([shown.hero] if shown.hero else []))),  # noqa: S704 - sanitized by html_of
        # Several articles of a mail may have the same anchors.
        html=Markup(keep_literal(write(shown.body_below_hero, anchor_prefix=f"{article.slug}-"))),  # noqa: S704 - sanitized by html_of
        text=text,
        is_cut=cut_after is not None and len(article.body) > cut_after,
    )


def teaser_view(article: Article, site: Site, *, styles: Mapping[str, str], section_level: int) -> ArticleView:
    """The article as far as a teaser shows it: picture, title and summary, without its text and its tags."""
    view = article_view(article, site, styles=styles, section_level=section_level)
    summary = preheader_of(article, longest=_LONGEST_TEASER)
    return replace(
        view,
        summary=keep_literal(summary),
        html=Markup(),
        tags=(),
        more_tags=0,
        text=replace(view.text, summary=_lines(Paragraph((Run(summary),))), body=""),
        is_cut=True,
    )


def preheader_of(article: Article, *, longest: int = _LONGEST_PREHEADER) -> str:
    """What an inbox shows beside the subject: the summary, else the beginning of the body, cut at a word."""
    text = _one_line(article.summary) or _one_line(plain_text(article.body))
    if len(text) <= longest:
        return text
    cut = text[:longest]
    return cut[: cut.rfind(" ")].rstrip(" ,;:.–—-") + "…" if " " in cut else cut + "…"


def _begins_with(article: Article, summary: str) -> bool:
    opening = _one_line(summary).rstrip("….")
    return bool(opening) and _one_line(plain_text(article.body)).startswith(opening)


def _tag_url(site: Site, tag: Tag) -> str:
    return f"{site.public_url}/tags/{quote(tag.slug)}"


def _lines(block: Block) -> str:
    return keep_literal(text_of_blocks((block,)))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
