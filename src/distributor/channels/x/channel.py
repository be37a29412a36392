"""The X channel: what it says, and to whom it hands it over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import regex
from pydantic import BaseModel

from distributor.channels.api import Audience, Capabilities, Dedupe, RenderContext, SendContext
from distributor.channels.social.checking import check_posts, worst_first
from distributor.channels.social.parts import Draft, reconcile_parts, send_parts
from distributor.channels.social.post import Post, card_of, file_of, posts_of
from distributor.channels.social.preview import show
from distributor.channels.social.settings import refuse_without
from distributor.channels.social.wording import PostSpec, compose
from distributor.channels.x.account import XClient, request_for
from distributor.channels.x.settings import Mode, XSettings
from distributor.channels.x.thread import digest
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.rendering.fitting import split_thread
from distributor.rendering.measuring import weighted_length

LIMIT = 280
_CREDENTIALS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
_CASHTAG = regex.compile(r"(?<!\S)\$[a-z]{1,6}(?:[._][a-z]{1,2})?(?![\p{L}\p{N}_])", flags=regex.IGNORECASE)

# What X takes for a post of a pay-per-use app, in US dollars (docs.x.com, "Pricing", since 2026-04-20).
_PRICE_WITH_LINK, _PRICE = 0.200, 0.015


class XChannel:
    """One account on X. A post that was not answered is looked for on the account's timeline."""

    kind: ClassVar[str] = "x"
    settings_model: ClassVar[type[BaseModel]] = XSettings
    capabilities: ClassVar[Capabilities] = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.HINT, queue="social")

    def __init__(self, settings: XSettings) -> None:
        self._settings = settings

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        posts = [post for article in articles for post in self._posts_about(article, context)]
        return Rendition(self.kind, {"name": context.site.name, "posts": [post.as_json() for post in posts]})

    def check(self, rendition: Rendition) -> list[Problem]:
        posts = posts_of(rendition.payload)
        found = check_posts(posts, limit=LIMIT, measure=weighted_length, unit="characters as X weighs them")
        return worst_first([*found, *_check_rules_of_x(posts)])

    def preview(self, rendition: Rendition) -> str:
        posts = posts_of(rendition.payload)
        price = sum(_PRICE_WITH_LINK if post.link else _PRICE for post in posts)
        return show(
            "social/x.preview.html.j2",
            rendition.payload,
            account=self._settings.account,
            limit=LIMIT,
            measure=weighted_length,
            note=f"X charges about ${price:.{2 if price >= 0.1 else 3}f}",
        )

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return {"x.json": file_of(posts_of(rendition.payload))}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [self._settings.account]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        drafts = [_draft_of(post) for post in posts_of(rendition.payload)]
        for delivery in deliveries:
            refusal = refuse_without(self._settings, _CREDENTIALS, delivery)
            if refusal:
                yield refusal
                continue
            with XClient(self._settings, context.now) as account:
                yield await send_parts(drafts, delivery, context, account)

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """Looks for the posts on the account's own timeline; costs $0.001 for each post made since the release."""
        refusal = refuse_without(self._settings, _CREDENTIALS, delivery)
        if refusal:
            return refusal
        with XClient(self._settings, context.now) as account:
            return await reconcile_parts(len(posts_of(rendition.payload)), delivery, context, account)

    def _posts_about(self, article: Article, context: RenderContext) -> Iterator[Post]:
        link = context.site.article_url(article) if self._settings.include_link else ""
        stationery = PostSpec(
            template="social/x.txt.j2",
            limit=LIMIT,
            measure=weighted_length,
            hashtags=self._settings.hashtags,
            link=link,
        )
        wording = compose(article, context, stationery)
        card = card_of(article, context.site) if link else None
        lead = Post(text=wording.text, language=article.language, link=link, hashtags=wording.hashtags, card=card)
        yield from [lead] if self._settings.mode is Mode.POST else self._thread(article, lead)

    def _thread(self, article: Article, lead: Post) -> list[Post]:
        """The lead and the sections. A template of one's own may say more than fits into one post."""
        first, *more = split_thread(lead.text, limit=LIMIT, measure=weighted_length) or [""]
        sections = digest(article, most=self._settings.max_parts - 1, limit=LIMIT, measure=weighted_length)
        texts = [*more, *sections][: self._settings.max_parts - 1]
        return [
            replace(lead, text=first),
            *(Post(text=text, language=article.language, continues=True) for text in texts),
        ]


def _draft_of(post: Post) -> Draft:
    return lambda before: request_for(post.text, in_reply_to=before.remote_id if post.continues and before else None)


def _check_rules_of_x(posts: Sequence[Post]) -> Iterator[Problem]:
    for number, post in enumerate(posts, start=1):
        if len(_CASHTAG.findall(post.text)) > 1:
            message = "X takes one cashtag a post: take all but one $ away"
            yield Problem(Severity.BLOCK, "cashtags", message, f"post {number} of {len(posts)}")
    if any(post.continues for post in posts):
        message = "X lets most apps make only the first post of a thread: the rest may be refused"
        yield Problem(Severity.WARN, "thread-may-stop", message)
