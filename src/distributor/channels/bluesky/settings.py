"""The settings of an account on Bluesky."""

from __future__ import annotations

from pydantic import Field, SecretStr

from distributor.channels.social.settings import SocialSettings, WebAddress


class BlueskySettings(SocialSettings):
    """Settings of a channel of kind bluesky."""

    app_password: SecretStr = Field(
        SecretStr(""), title="App password", description="made under Privacy and security; not the account's password"
    )
    link_in_text: bool = Field(
        False, title="Link in the text", description="besides the card, at the cost of its full length"
    )
    service_url: WebAddress = Field("https://bsky.social", title="Service", description="the server the account is on")
    web_url: WebAddress = Field("https://bsky.app", title="Website", description="where posts are read")

    @property
    def network(self) -> str:
        return self.service_url
