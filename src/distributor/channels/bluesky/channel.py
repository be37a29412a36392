"""The Bluesky channel: what it says, and to whom it hands it over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import Audience, Capabilities, Dedupe, RenderContext, SendContext
from distributor.channels.bluesky.account import BlueskyClient
from distributor.channels.bluesky.record import LIMIT, measure, request_for
from distributor.channels.bluesky.settings import BlueskySettings
from distributor.channels.bluesky.wire import BlueskySession
from distributor.channels.social.checking import check_posts, worst_first
from distributor.channels.social.parts import Draft, Request, reconcile_parts, send_parts
from distributor.channels.social.post import Post, card_of, file_of, posts_of
from distributor.channels.social.preview import show
from distributor.channels.social.settings import refuse_without
from distributor.channels.social.wording import PostSpec, compose
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition

_CREDENTIALS = ("handle", "app_password")


class BlueskyChannel:
    """One account on Bluesky. Several articles become several posts."""

    kind: ClassVar[str] = "bluesky"
    settings_model: ClassVar[type[BaseModel]] = BlueskySettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        audience=Audience.BROADCAST, dedupe=Dedupe.EXACT, queue="social"
    )

    def __init__(self, settings: BlueskySettings) -> None:
        self._settings = settings

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        posts = [self._post_about(article, context) for article in articles]
        return Rendition(self.kind, {"name": context.site.name, "posts": [post.as_json() for post in posts]})

    def check(self, rendition: Rendition) -> list[Problem]:
        posts = posts_of(rendition.payload)
        return worst_first(check_posts(posts, limit=LIMIT, measure=measure, unit="characters (or tens of bytes)"))

    def preview(self, rendition: Rendition) -> str:
        return show(
            "social/bluesky.preview.html.j2",
            rendition.payload,
            account=self._settings.account,
            limit=LIMIT,
            measure=measure,
        )

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return {"bluesky.json": file_of(posts_of(rendition.payload))}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [self._settings.account]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        for delivery in deliveries:
            refusal = refuse_without(self._settings, _CREDENTIALS, delivery)
            yield refusal or await self._deliver(rendition, delivery, context)

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """Reads the records that were to be written; what is not there is safe to send again."""
        async with BlueskyClient(self._settings, context.now) as account:
            return await reconcile_parts(len(posts_of(rendition.payload)), delivery, context, account)

    async def _deliver(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        async with BlueskyClient(self._settings, context.now) as account:
            session = await account.sign_in()
            if not isinstance(session, BlueskySession):
                return session.outcome_for(delivery)
            drafts = _drafts(posts_of(rendition.payload), session, delivery, context)
            return await send_parts(drafts, delivery, context, account)

    def _post_about(self, article: Article, context: RenderContext) -> Post:
        link = context.site.article_url(article)
        stationery = PostSpec(
            template="social/bluesky.txt.j2",
            limit=LIMIT,
            measure=measure,
            hashtags=self._settings.hashtags,
            link=link if self._settings.link_in_text else "",
        )
        wording = compose(article, context, stationery)
        return Post(
            text=wording.text,
            language=article.language,
            link=link,
            hashtags=wording.hashtags,
            card=card_of(article, context.site),
        )


def _drafts(posts: Sequence[Post], session: BlueskySession, delivery: Delivery, context: SendContext) -> list[Draft]:
    return [
        _whatever_came_before(request_for(post, did=session.did, delivery=delivery, number=number, now=context.now()))
        for number, post in enumerate(posts)
    ]


def _whatever_came_before(request: Request) -> Draft:
    return lambda before: request
