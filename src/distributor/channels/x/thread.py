"""The posts of a thread after the first: the beginning of each section of the article."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distributor.channels.api import Article
from distributor.channels.social.compose import tidy
from distributor.channels.social.post import one_line
from distributor.domain.blocks import Block, Heading, List, Paragraph, Quote, plain_text, text_of
from distributor.rendering.fitting import Measure, beginnings, fit

# A sentence that ends so introduces what no longer fits ("Key findings include:").
_INTRODUCING = (":", "：")


def section_posts(article: Article, *, max_posts: int, limit: int, measure: Measure) -> list[str]:
    """At most `max_posts` texts, each with the heading of a section and as many whole sentences as fit.

    If there are more sections than posts, those under lesser headings are left out first, then the last ones.
    """
    chosen = sorted(_sections(article), key=lambda section: section.level)[:max_posts]
    posts = (_begin(section, limit, measure) for section in sorted(chosen, key=lambda section: section.place))
    return [post for post in posts if post]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    place: int
    level: int
    heading: str
    paragraphs: list[str]


def _sections(article: Article) -> Iterator[_Section]:
    """The sections with text under their heading; what precedes the first heading is in the first post."""
    current: _Section | None = None
    for place, block in enumerate([*article.body, Heading(level=1, runs=())]):
        if isinstance(block, Heading):
            if current and current.paragraphs:
                yield current
            current = _Section(place=place, level=block.level, heading=one_line(text_of(block.runs)), paragraphs=[])
        elif current and (text := _text_of(block)):
            current.paragraphs.append(text)


def _text_of(block: Block) -> str:
    match block:
        case Paragraph(runs=runs):
            return one_line(text_of(runs))
        case List(items=items):
            return "\n".join(f"• {one_line(plain_text(item.blocks))}" for item in items)
        case Quote(blocks=blocks):
            return f"“{one_line(plain_text(blocks))}”"
        case _:
            return ""


def _begin(section: _Section, limit: int, measure: Measure) -> str:
    """The beginning of the section that fits into a post, or nothing if only its heading would be left."""
    whole = tidy("\n\n".join([section.heading, *section.paragraphs]))
    longest_first = reversed(list(beginnings(fit(whole, limit=limit, measure=measure))))
    beginning = next((text for text in longest_first if not text.endswith(_INTRODUCING)), "")
    return beginning if len(beginning) > len(section.heading) else ""
