"""The Mastodon channel: what it says, and to whom it hands it over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import Audience, Capabilities, Dedupe, RenderContext, SendContext
from distributor.channels.mastodon.account import MastodonClient, client_for, request_for
from distributor.channels.mastodon.limits import Limits, ask_for_limits
from distributor.channels.mastodon.settings import MastodonSettings
from distributor.channels.social.answers import Posted
from distributor.channels.social.checking import check_posts, worst_first
from distributor.channels.social.parts import Draft, reconcile_parts, send_parts
from distributor.channels.social.post import Post, card_of, file_of, posts_of
from distributor.channels.social.preview import show
from distributor.channels.social.settings import refuse_without
from distributor.channels.social.wording import PostSpec, compose
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.problems import Problem
from distributor.domain.rendition import Json, Rendition

_CREDENTIALS = ("access_token",)


class MastodonChannel:
    """One account on Mastodon or on a server that speaks its API. Several articles become several posts."""

    kind: ClassVar[str] = "mastodon"
    settings_model: ClassVar[type[BaseModel]] = MastodonSettings
    capabilities: ClassVar[Capabilities] = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.HINT, queue="social")

    def __init__(self, settings: MastodonSettings) -> None:
        self._settings = settings

    async def discover(self) -> Mapping[str, Json]:
        """The instance's limits. Raises ServiceError if it does not tell them."""
        async with client_for(self._settings) as client:
            return (await ask_for_limits(client, seconds=self._settings.timeout_seconds)).as_json()

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        limits = Limits.from_json(context.discovered_limits)
        posts = [self._post_about(article, context, limits) for article in articles]
        payload = {
            "name": context.site.name,
            "limits": limits.as_json(),
            "posts": [post.as_json() for post in posts],
        }
        return Rendition(self.kind, payload)

    def check(self, rendition: Rendition) -> list[Problem]:
        limits = Limits.from_json(rendition.payload["limits"])
        posts = posts_of(rendition.payload)
        return worst_first(check_posts(posts, limit=limits.max_characters, measure=limits.measure, unit="characters"))

    def preview(self, rendition: Rendition) -> str:
        limits = Limits.from_json(rendition.payload["limits"])
        return show(
            "social/mastodon.preview.html.j2",
            rendition.payload,
            account=self._settings.account,
            limit=limits.max_characters,
            measure=limits.measure,
        )

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return {"mastodon.json": file_of(posts_of(rendition.payload))}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [self._settings.account]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        for delivery in deliveries:
            refusal = refuse_without(self._settings, _CREDENTIALS, delivery)
            if refusal:
                yield refusal
                continue
            async with MastodonClient(self._settings, context.now) as account:
                yield await send_parts(self._drafts(rendition, delivery), delivery, context, account)

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """Looks for the posts on the account's own page."""
        refusal = refuse_without(self._settings, _CREDENTIALS, delivery)
        if refusal:
            return refusal
        async with MastodonClient(self._settings, context.now) as account:
            return await reconcile_parts(len(posts_of(rendition.payload)), delivery, context, account)

    def _post_about(self, article: Article, context: RenderContext, limits: Limits) -> Post:
        link = context.site.article_url(article)
        stationery = PostSpec(
            template="social/mastodon.txt.j2",
            limit=limits.max_characters,
            measure=limits.measure,
            hashtags=self._settings.hashtags,
            link=link,
        )
        wording = compose(article, context, stationery)
        return Post(
            text=wording.text,
            language=article.language,
            link=link,
            hashtags=wording.hashtags,
            card=card_of(article, context.site),
        )

    def _drafts(self, rendition: Rendition, delivery: Delivery) -> list[Draft]:
        return [partial(self._draft, post, delivery, number) for number, post in enumerate(posts_of(rendition.payload))]

    def _draft(self, post: Post, delivery: Delivery, number: int, before: Posted | None) -> Mapping[str, Json]:
        return request_for(post, self._settings, delivery=delivery, number=number)
