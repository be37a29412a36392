"""Wording: how much of an article a post has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import regex

from distributor.channels.api import RenderContext
from distributor.channels.social.post import lead_of, one_line, speakable
from distributor.domain.article import Article
from distributor.domain.hashtags import choose_hashtags
from distributor.rendering.fitting import Measure, beginnings, fit
from distributor.rendering.measuring import graphemes

# More than this is read on the page and not in a post.
_MOST_SENTENCES = 3
# A shorter beginning of a sentence says too little to be worth its ellipsis.
_LEAST_TEASER = 60

_BLANK_LINES = regex.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostText:
    """What a template is given to say: whole where there was room. `text` is what the template made of it."""

    title: str
    teaser: str
    hashtags: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSpec:
    """What posts are written on: the template of a network, its limit and its way of counting, and the link."""

    template: str
    limit: int
    measure: Measure
    hashtags: int
    link: str


def compose(article: Article, context: RenderContext, stationery: PostSpec) -> PostText:
    """The fullest wording that fits. Raises TemplateError if the template cannot be rendered.

    Whole sentences are left out first, down to one; then hashtags, the least fitting first. A sentence that is too
    long by itself is begun, or left out if there is little room. The title is shortened last and the link never. If
    what the template says by itself is over the limit, so is the answer.
    """
    chosen = choose_hashtags(article, most=stationery.hashtags)

    def written(wording: PostText) -> PostText:
        return replace(wording, text=_write(wording, article, context, stationery))

    def length(wording: PostText) -> int:
        return stationery.measure(written(wording).text)

    barest = PostText(title=one_line(article.title), teaser="", hashtags=())
    for wording in _from_full_to_bare(article, chosen, limit=stationery.limit, length=length):
        if length(wording) <= stationery.limit:
            return written(wording)
    if length(replace(barest, title="")) > stationery.limit:
        return written(barest)
    title = fit(barest.title, limit=stationery.limit, measure=lambda title: length(replace(barest, title=title)))
    return written(replace(barest, title=title))


def _from_full_to_bare(
    article: Article, hashtags: tuple[str, ...], *, limit: int, length: Callable[[PostText], int]
) -> Iterator[PostText]:
    headline = PostText(title=one_line(article.title), teaser="", hashtags=hashtags)
    teasers = _teasers(article)
    for teaser in reversed(teasers):
        yield replace(headline, teaser=teaser)
    if teasers:
        for fewer in _ever_fewer(hashtags):
            yield replace(headline, teaser=teasers[0], hashtags=fewer)
        begun = fit(teasers[0], limit=limit, measure=lambda teaser: length(replace(headline, teaser=teaser)))
        if graphemes(begun) >= _LEAST_TEASER:
            yield replace(headline, teaser=begun)
    yield headline
    for fewer in _ever_fewer(hashtags):
        yield replace(headline, hashtags=fewer)


def _ever_fewer(hashtags: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for most in reversed(range(len(hashtags))):
        yield hashtags[:most]


def _teasers(article: Article) -> list[str]:
    """The first sentence of the summary, the first two, and so on, without what the title says already."""
    summary = one_line(article.summary)
    lead = lead_of(article)
    # A summary that only repeats how the article begins may be shorter than there is room for.
    told = lead if lead.startswith(summary.removesuffix("…").rstrip()) else summary
    title = one_line(article.title)
    if told.casefold().startswith(title.casefold()):
        told = told[len(title) :].lstrip(" .:–—-")
    return beginnings(told)[:_MOST_SENTENCES]


def _write(wording: PostText, article: Article, context: RenderContext, stationery: PostSpec) -> str:
    values: Mapping[str, Any] = {
        "title": wording.title,
        "teaser": wording.teaser,
        "hashtags": [f"#{hashtag}" for hashtag in wording.hashtags],
        "link": stationery.link,
        "article": article,
        "site": context.site,
    }
    return tidy(context.templates.render(stationery.template, values))


def tidy(text: str) -> str:
    """The text fit to be posted: no spaces at the ends of lines, and never more than one blank line in a row."""
    lines = "\n".join(line.rstrip() for line in speakable(text).splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip()
