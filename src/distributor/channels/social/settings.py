"""What the settings of all social channels have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from distributor.domain.delivery import Delivery, Outcome, Verdict


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


def _bare_handle(handle: str) -> str:
    return handle.strip().removeprefix("@")


WebAddress = Annotated[str, AfterValidator(_web_address)]
Handle = Annotated[str, AfterValidator(_bare_handle)]


class SocialSettings(BaseModel):
    """Settings of an account on a network; without its credentials posts can be rendered and not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    handle: Handle = Field("", title="Account", description="the account's name on the network, with or without @")
    hashtags: int = Field(3, ge=0, le=10, title="Hashtags", description="how many hashtags a post has at most")
    timeout_seconds: float = Field(20, gt=0, le=60, title="Patience", description="seconds to wait for an answer")

    @property
    def account(self) -> str:
        """The account as the recipient of deliveries."""
        return f"@{self.handle}" if self.handle else "account"


def refuse_without(settings: BaseModel, names: tuple[str, ...], delivery: Delivery) -> Outcome | None:
    """The outcome of a delivery for which one of these settings is missing, or None if all are there."""
    values = {name: getattr(settings, name) for name in names}
    missing = [
        name
        for name, value in values.items()
        if not (value.get_secret_value() if isinstance(value, SecretStr) else value)
    ]
    if not missing:
        return None
    reply = f"the channel's setting {' and '.join(missing)} is empty: fill it in and resume"
    return Outcome.of(delivery, Verdict.SENDER_REJECTED, reply=reply)
