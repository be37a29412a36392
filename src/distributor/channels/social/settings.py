"""What the settings of all social channels have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


def _bare_handle(handle: str) -> str:
    return handle.strip().removeprefix("@")


WebAddress = Annotated[str, AfterValidator(_web_address)]
Handle = Annotated[str, AfterValidator(_bare_handle)]


class SocialSettings(BaseModel):
    """Settings of an account on a network; without credentials posts can be rendered but not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    handle: Handle = Field("", title="Account", description="the account's name on the network, with or without @")
    hashtags: int = Field(3, ge=0, le=10, title="Hashtags", description="how many hashtags a post has at most")
    timeout_seconds: float = Field(20, gt=0, le=60, title="Timeout", description="seconds to wait for a response")

    @property
    def account(self) -> str:
        """The account as the recipient of deliveries."""
        return f"@{self.handle}" if self.handle else "account"

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Those of the settings called `names` that are empty."""
        return [name for name in names if not _plain(getattr(self, name))]


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
