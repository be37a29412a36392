"""The channel of an account on Mastodon, or on a server that implements its API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import Dedupe, Json, KindPresentation, SendContext
from distributor.channels.mastodon.client import MastodonClient, http_client
from distributor.channels.mastodon.limits import InstanceLimits, fetch_limits
from distributor.channels.mastodon.settings import MastodonSettings
from distributor.channels.social.channel import MAX_THREAD, PostLimits, SearchableSocialChannel, broadcast


class MastodonChannel(SearchableSocialChannel[MastodonSettings]):
    """Posts statuses; every instance has limits of its own, which the rendition keeps."""

    kind = "mastodon"
    settings_model: ClassVar[type[BaseModel]] = MastodonSettings
    # Tag::HASHTAG_SEPARATORS of its source.
    hashtag_joiners: ClassVar[str] = "\u200c"
    capabilities = broadcast(Dedupe.HINT)
    credentials = ("access_token",)
    preview_template = "social/mastodon.preview.html.j2"

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="Mastodon",
            sentence="Posts of one account on a Mastodon server, with pictures and content warnings.",
            steps=(
                "On your server open Preferences, Development, New application.",
                "Tick write:statuses, write:media, read:statuses and read:accounts, and save.",
                "Open the application again and copy “Your access token”.",
            ),
        )

    @classmethod
    def required_settings(cls) -> Sequence[Sequence[str]]:
        # The token is not sent to a server that no one named.
        return [("instance_url",), *super().required_settings()]

    async def discover(self) -> Mapping[str, Json]:
        """The instance's limits. Raises ServiceError if it does not publish them."""
        client = http_client(self.settings)
        try:
            return (await fetch_limits(client, self.settings.instance_url)).as_json()
        finally:
            await client.close()

    def frozen_limits(self, discovered: Mapping[str, Json]) -> Mapping[str, Json]:
        return InstanceLimits.from_json(discovered).as_json()

    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        limits = InstanceLimits.from_json(frozen)
        return PostLimits(length=limits.max_characters, measure=limits.measure)

    def max_thread(self) -> int:
        return MAX_THREAD

    def open_client(self, context: SendContext) -> MastodonClient:
        return MastodonClient(self.settings, context)
