"""What a person may set about the feeds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator


class FeedSettings(BaseModel):
    """Settings of a channel of kind feed. What is left empty is taken from the site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field("", title="Title", description="name of the main feed; empty: the name of the site")
    description: str = Field("", title="Description", description="what the feed is about, in one sentence")
    language: str = Field("", title="Language", description="BCP 47 language of the feed; empty: that of the site")
    icon: str = Field("", title="Icon", description="address of a square PNG, JPEG or GIF, best 512 pixels wide")
    hub: str = Field("", title="WebSub hub", description="address of the hub that tells readers of changes at once")
    items: int = Field(50, ge=1, le=500, title="Articles", description="how many articles a feed holds at most")
    max_bytes: int = Field(
        1_000_000,
        ge=10_000,
        le=5_000_000,
        title="Size",
        description="how many bytes a feed may have; the oldest articles are left out beyond that",
    )

    @field_validator("icon", "hub")
    @classmethod
    def _a_web_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url
