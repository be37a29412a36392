"""The settings of an account on X."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, SecretStr

from distributor.channels.social.settings import SocialSettings, WebAddress


class PostForm(StrEnum):
    """One post with the link, or the same followed by the article's sections as replies."""

    POST = "post"
    THREAD = "thread"


class XSettings(SocialSettings):
    """Settings of a channel of kind x. The four keys are from the app's page on developer.x.com (OAuth 1.0a)."""

    consumer_key: SecretStr = Field(
        SecretStr(""), title="API key", description="from the app's page on developer.x.com"
    )
    consumer_secret: SecretStr = Field(SecretStr(""), title="API key secret", description="shown beside the API key")
    access_token: SecretStr = Field(
        SecretStr(""), title="Access token", description="from the same page, with the permission to read and write"
    )
    access_token_secret: SecretStr = Field(
        SecretStr(""), title="Access token secret", description="shown beside the access token"
    )
    user_id: str = Field("", title="Account number", description="saves a call when a response was lost; may be empty")
    # X answers replies of most apps with 403 unless the author of the first post asked for them (since 2026-02-23).
    mode: PostForm = Field(PostForm.POST, title="Form", description="thread: X may refuse all but the first post of it")
    max_parts: int = Field(5, ge=2, le=25, title="Posts of a thread", description="how many posts a thread has at most")
    include_link: bool = Field(
        True, title="Link", description="X charges $0.20 for a post with a link and $0.015 for one without"
    )
    api_url: WebAddress = Field("https://api.twitter.com", title="API", description="another host, for trials")
    web_url: WebAddress = Field("https://x.com", title="Website", description="where posts are read")

    @property
    def network(self) -> str:
        return self.api_url
