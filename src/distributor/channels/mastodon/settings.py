"""The settings of an account on Mastodon."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, SecretStr

from distributor.channels.social.settings import SocialSettings, WebAddress, is_public


class StatusVisibility(StrEnum):
    """Who sees a post: everyone, everyone but not in the public timelines, or followers only."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class MastodonSettings(SocialSettings):
    """Settings of a channel of kind mastodon. The token is from the account's settings, under Development."""

    instance_url: WebAddress = Field(
        "https://mastodon.social", title="Instance", description="the server the account is on"
    )
    access_token: SecretStr = Field(
        SecretStr(""),
        title="Access token",
        description="from the account's settings under Development, with the scopes write:statuses, read:statuses, "
        "read:accounts",
    )
    visibility: StatusVisibility = Field(StatusVisibility.PUBLIC, title="Visibility", description="who sees the posts")
    language: str = Field(
        "", title="Language", pattern="^([a-z]{2,3})?$", description="ISO 639 code; empty: that of the article"
    )
    hashtags: int = Field(5, ge=0, le=10, title="Hashtags", description="how many hashtags a post has at most")

    @property
    def network(self) -> str:
        return self.instance_url

    @property
    def _needs_server(self) -> bool:
        # Every instance has accounts of its own; a name may say which.
        return "@" not in self.handle or not is_public(self.network)
