"""Composing a post: as much of an article as the network's limit has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import regex

from distributor.channels.api import Article, RenderContext
from distributor.channels.social.post import clean_text, lead_of, one_line
from distributor.domain.hashtags import choose_hashtags, without_joiners
from distributor.rendering.fitting import Measure, beginnings, fit
from distributor.rendering.measuring import graphemes

# More than this is read on the page and not in a post.
_MAX_SENTENCES = 3
# A shorter beginning of a sentence is not worth its ellipsis.
_MIN_TEASER = 60

_BLANK_LINES = regex.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostText:
    """The variables of a template, shortened as far as needed. `text` is the rendered template."""

    title: str
    teaser: str
    hashtags: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSpec:
    """How a post is composed: the template, the limit and how it is measured, the number of hashtags, and the link.

    An empty `link` leaves the link out of the text. `own_hashtags` are those that a person chose, None: they are chosen
    from the article's tags. Of the joiners in them only those in `joiners` stay, which do not end a hashtag there.
    """

    template: str
    limit: int
    measure: Measure
    hashtags: int
    link: str
    own_hashtags: tuple[str, ...] | None = None
    joiners: str = ""


def compose(article: Article, context: RenderContext, spec: PostSpec) -> PostText:
    """The longest text that fits. Raises TemplateError if the template cannot be rendered.

    Whole sentences are left out first, down to one; then hashtags, the least relevant first. A sentence that is too
    long by itself is cut, or left out if there is little room. The title is shortened last and the link never. If the
    template's own text exceeds the limit, so does the result. Hashtags that a person chose are never left out.
    """

    def rendered(candidate: PostText) -> PostText:
        return replace(candidate, text=_render(candidate, article, context, spec))

    def length(candidate: PostText) -> int:
        return spec.measure(rendered(candidate).text)

    choices = _hashtag_choices(article, spec)
    shortest = PostText(title=one_line(article.title), teaser="", hashtags=choices[-1])
    for candidate in _from_longest_to_shortest(article, choices, limit=spec.limit, length=length):
        if length(candidate) <= spec.limit:
            return rendered(candidate)
    if length(replace(shortest, title="")) > spec.limit:
        return rendered(shortest)
    title = fit(shortest.title, limit=spec.limit, measure=lambda title: length(replace(shortest, title=title)))
    return rendered(replace(shortest, title=title))


def compose_written(text: str, article: Article, context: RenderContext, spec: PostSpec) -> PostText:
    """The text as a person wrote it, with the link, and as many of the hashtags as there is room for.

    Nothing of the text is left out, nor of the hashtags that a person chose: the result may exceed the limit. Raises
    TemplateError if the template cannot be rendered.
    """
    for hashtags in _hashtag_choices(article, spec):
        candidate = PostText(title=text, teaser="", hashtags=hashtags)
        rendered = replace(candidate, text=_render(candidate, article, context, spec))
        if spec.measure(rendered.text) <= spec.limit:
            break
    return rendered


def _hashtag_choices(article: Article, spec: PostSpec) -> list[tuple[str, ...]]:
    """The hashtags to try in turn: fewer and fewer, the least relevant left out first."""
    if spec.own_hashtags is not None:
        return [without_joiners(spec.own_hashtags, kept=spec.joiners)]
    chosen = without_joiners(choose_hashtags(article, most=spec.hashtags), kept=spec.joiners)
    return [chosen[:most] for most in reversed(range(len(chosen) + 1))]


def _from_longest_to_shortest(
    article: Article, choices: Sequence[tuple[str, ...]], *, limit: int, length: Callable[[PostText], int]
) -> Iterator[PostText]:
    headline = PostText(title=one_line(article.title), teaser="", hashtags=choices[0])
    teasers = _teasers(article)
    for teaser in reversed(teasers):
        yield replace(headline, teaser=teaser)
    if teasers:
        for fewer in choices[1:]:
            yield replace(headline, teaser=teasers[0], hashtags=fewer)
        cut = fit(teasers[0], limit=limit, measure=lambda teaser: length(replace(headline, teaser=teaser)))
        if graphemes(cut) >= _MIN_TEASER:
            yield replace(headline, teaser=cut)
    yield headline
    for fewer in choices[1:]:
        yield replace(headline, hashtags=fewer)


def _teasers(article: Article) -> list[str]:
    """The first sentence of the summary, the first two, and so on, without a repetition of the title."""
    summary = one_line(article.summary)
    lead = lead_of(article)
    # A summary that repeats the beginning of the article may be shorter than there is room for.
    source = lead if lead.startswith(summary.removesuffix("…").rstrip()) else summary
    title = one_line(article.title)
    if source.casefold().startswith(title.casefold()):
        source = source[len(title) :].lstrip(" .:–—-")
    return list(islice(beginnings(source), _MAX_SENTENCES))


def _render(candidate: PostText, article: Article, context: RenderContext, spec: PostSpec) -> str:
    values: Mapping[str, Any] = {
        "title": candidate.title,
        "teaser": candidate.teaser,
        "hashtags": [f"#{hashtag}" for hashtag in candidate.hashtags],
        "link": spec.link,
        "article": article,
        "site": context.site,
    }
    return tidy(context.templates.render(spec.template, values))


def tidy(text: str) -> str:
    """The text without spaces at the ends of lines and without more than one blank line in a row."""
    lines = "\n".join(line.rstrip() for line in clean_text(text).splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip()
