"""`/v1/channels`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, JsonValue

from distributor.channels.api import Audience
from distributor.channels.registry import kinds
from distributor.domain.api_token import TokenScope
from distributor.storage import channels
from distributor.storage.channels import ChannelRecord
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(
    prefix="/v1/channels",
    tags=["channels"],
    dependencies=[RequestSlot, requires(TokenScope.CHANNELS_READ)],
    responses=COMMON_PROBLEMS,
)


class ChannelOut(BaseModel):
    """A configured channel, without its secrets."""

    name: str = Field(description="What a campaign calls it.", examples=["mail"])
    kind: str = Field(examples=["email"])
    audience: Audience | None = Field(
        description="Whom it sends to: `subscribers` of lists, or with `broadcast` an account or feeds of its own; "
        "null if its kind is not installed on this server."
    )
    message_options: list[str] = Field(
        description="The texts of a campaign that it uses.", examples=[["closing", "greeting", "subject"]]
    )
    settings: dict[str, JsonValue] = Field(
        description="Those that differ from the defaults of its kind.", examples=[{"sender": "News <news@example.org>"}]
    )
    discovered_limits: dict[str, JsonValue] = Field(
        description="Limits that the remote service reported.", examples=[{}]
    )

    @classmethod
    def of(cls, found: ChannelRecord) -> ChannelOut:
        kind = kinds().get(found.kind)
        return cls(
            name=found.name,
            kind=found.kind,
            audience=kind.capabilities.audience if kind else None,
            message_options=sorted(kind.capabilities.message_options) if kind else [],
            settings=dict(found.settings),
            discovered_limits=dict(found.discovered_limits),
        )


class ChannelsOut(BaseModel):
    """All channels, by name."""

    items: list[ChannelOut]


@router.get("")
def list_channels(app: App) -> ChannelsOut:
    """List the channels. They are configured by `distributor channel set`, which keeps their secrets encrypted."""
    with app.database.begin() as connection:
        return ChannelsOut(items=[ChannelOut.of(one) for one in channels.all_channels(connection)])


@router.get("/{channel}", responses=problem_responses(404))
def show_channel(app: App, channel: Annotated[ShortText, Path(description="The name.")]) -> ChannelOut:
    """Get a channel."""
    with app.database.begin() as connection:
        return ChannelOut.of(channels.find(connection, channel))
