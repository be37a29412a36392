"""The channel of an account on X: posts and threads through the API v2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

import regex
from pydantic import BaseModel

from distributor.channels.api import (
    Article,
    Cost,
    Dedupe,
    Json,
    KindPresentation,
    Problem,
    RenderContext,
    Rendition,
    SendContext,
    Severity,
)
from distributor.channels.social.channel import PostLimits, SearchableSocialChannel, broadcast, words_of
from distributor.channels.social.post import Post, posts_of
from distributor.channels.x.client import XClient
from distributor.channels.x.settings import PostForm, XSettings
from distributor.channels.x.thread import section_posts
from distributor.rendering.fitting import split_thread
from distributor.rendering.measuring import url_spans, weighted_length

LIMIT = 280
_LIMITS = PostLimits(length=LIMIT, measure=weighted_length, unit="characters as X weighs them")
_CASHTAG = regex.compile(r"(?<!\S)\$[a-z]{1,6}(?:[._][a-z]{1,2})?(?![\p{L}\p{N}_])", flags=regex.IGNORECASE)

# The price of a post of a pay-per-use app, in US dollars (docs.x.com, "Pricing", since 2026-04-20).
_PRICE_WITH_LINK, _PRICE = Decimal("0.200"), Decimal("0.015")


class XChannel(SearchableSocialChannel[XSettings]):
    """Posts, or threads. Looking a post up reads the account's timeline: $0.001 for each post since the release."""

    kind = "x"
    settings_model: ClassVar[type[BaseModel]] = XSettings
    # By twitter-text.
    hashtag_joiners: ClassVar[str] = "\u200c\u200d"
    capabilities = broadcast(Dedupe.HINT)
    credentials = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    preview_template = "social/x.preview.html.j2"

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="X",
            sentence="Posts or threads of one account on X. X charges for each post.",
            steps=(
                "On developer.x.com open your project and its app, User authentication settings: Read and write.",
                "Under Keys and tokens copy the API key and secret, then make an access token and copy both parts.",
            ),
        )

    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        return _LIMITS

    def max_thread(self) -> int:
        return self.settings.max_parts

    def posts_about(self, article: Article, context: RenderContext, limits: PostLimits) -> Sequence[Post]:
        lead = self.compose_post(article, context, limits, has_link=self.settings.include_link)
        is_one = words_of(context).words_posts or self.settings.mode is PostForm.POST
        return [lead] if is_one else self._thread(article, lead)

    def check_posts(self, posts: Sequence[Post]) -> Iterator[Problem]:
        for number, post in enumerate(posts, start=1):
            if len(_CASHTAG.findall(post.text)) > 1:
                message = "X accepts one cashtag a post: remove all but one $"
                yield Problem(Severity.BLOCK, "cashtags", message, f"post {number} of {len(posts)}")
        if any(post.continues for post in posts):
            message = "X lets most apps post only the first part of a thread: the rest may be refused"
            yield Problem(Severity.WARN, "thread-may-stop", message)

    def preview_note(self, posts: Sequence[Post]) -> str:
        return f"X charges about {_price_of(posts)}"

    def estimate_cost(self, rendition: Rendition, recipients: int) -> Cost:
        price = _price_of(posts_of(rendition.payload))
        return replace(price, amount=price.amount * recipients)

    def open_client(self, context: SendContext) -> XClient:
        return XClient(self.settings, context)

    def _thread(self, article: Article, lead: Post) -> list[Post]:
        """The lead and the sections. A customized template may write more than fits into one post."""
        first, *more = split_thread(lead.text, limit=LIMIT, measure=weighted_length) or [""]
        max_replies = self.settings.max_parts - 1
        sections = section_posts(article, max_posts=max_replies, limit=LIMIT, measure=weighted_length)
        return [
            replace(lead, text=first),
            *(Post(text=text, language=article.language, continues=True) for text in [*more, *sections][:max_replies]),
        ]


def _price_of(posts: Sequence[Post]) -> Cost:
    """What X bills for these posts: for each by itself, and more for one with a URL."""
    amount = sum((_PRICE_WITH_LINK if post.link or url_spans(post.text) else _PRICE for post in posts), Decimal())
    return Cost(amount=amount, currency="USD")
