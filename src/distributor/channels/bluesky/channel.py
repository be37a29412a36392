"""The channel of an account on Bluesky, or on another server of the AT Protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import Article, Dedupe, Json, KindPresentation, RenderContext, SendContext
from distributor.channels.bluesky.client import BlueskyClient
from distributor.channels.bluesky.record import LIMIT, measure
from distributor.channels.bluesky.settings import BlueskySettings
from distributor.channels.social.channel import MAX_THREAD, PostLimits, SearchableSocialChannel, broadcast
from distributor.channels.social.post import Post

_LIMITS = PostLimits(length=LIMIT, measure=measure, unit="characters (or tens of bytes)")


class BlueskyChannel(SearchableSocialChannel[BlueskySettings]):
    """Posts with link cards. Records are read without signing in."""

    kind = "bluesky"
    settings_model: ClassVar[type[BaseModel]] = BlueskySettings
    capabilities = broadcast(Dedupe.EXACT)
    credentials = ("handle", "app_password")
    lookup_credentials = ()
    preview_template = "social/bluesky.preview.html.j2"

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="Bluesky",
            sentence="Posts of one account on Bluesky, with a card that leads to the article.",
            steps=(
                "Open Bluesky, Settings, Privacy and security, App passwords.",
                "Add one and copy it: it is shown once.",
            ),
        )

    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        return _LIMITS

    def posts_about(self, article: Article, context: RenderContext, limits: PostLimits) -> Sequence[Post]:
        return [self.compose_post(article, context, limits, link_in_text=self.settings.link_in_text)]

    def max_thread(self) -> int:
        return MAX_THREAD

    def open_client(self, context: SendContext) -> BlueskyClient:
        return BlueskyClient(self.settings, context)
