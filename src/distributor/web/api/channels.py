"""`/v1/channels` and `/v1/channel-kinds`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, JsonValue

from distributor.channels.api import Audience
from distributor.channels.registry import describe_settings, kinds
from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.diagnostics import DiagnosticStatus
from distributor.flow.delivery.channel_test import run_channel_test
from distributor.flow.operations.channel_settings import change, configure, remove
from distributor.storage import channels
from distributor.storage.channels import ChannelRecord
from distributor.web.api.auth import App, RequestSlot, requires, text_for
from distributor.web.api.fields import Address, RequestBody, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(tags=["channels"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

_Reads = requires(TokenScope.CHANNELS_READ)
WriteToken = Annotated[ApiToken, requires(TokenScope.CHANNELS_WRITE)]
ChannelInPath = Annotated[ShortText, Path(description="The name.")]
Settings = Annotated[
    dict[ShortText, JsonValue],
    Field(
        max_length=200,
        description="By the names that `GET /v1/channel-kinds` lists. Secrets are stored encrypted and never returned.",
        examples=[{"smtp_url": "smtp://news:secret@relay.example.org", "sender": "News <news@example.org>"}],
    ),
]


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


class SettingOut(BaseModel):
    """A setting of a kind of channels."""

    name: str = Field(examples=["smtp_url"])
    form: str = Field(description="What a value looks like.", examples=["text"])
    default: JsonValue = Field(description="null for what is required or secret.")
    description: str
    is_required: bool = Field(description="Whether it, or one of its alternatives, has to be given.")
    alternatives: tuple[str, ...] = Field(examples=[["relays"]])
    is_secret: bool
    managing_command: str = Field(description="The command that sets it, if it cannot be set here; or empty.")


class ChannelKindOut(BaseModel):
    """A kind of channels, and its settings."""

    kind: str = Field(examples=["email"])
    audience: Audience
    settings: list[SettingOut]


class ChannelKindsOut(BaseModel):
    """The installed kinds, in alphabetical order."""

    items: list[ChannelKindOut]


class ChannelPut(RequestBody):
    """All settings of a channel: those that are missing get their defaults, and DKIM keys stay."""

    kind: ShortText = Field(description="It cannot change.", examples=["email"])
    settings: Settings


class ChannelUpdate(RequestBody):
    """The settings to change, and those that get their defaults again; all others stay."""

    settings: Settings = Field(default_factory=dict)
    unset: list[ShortText] = Field(default_factory=list, max_length=200, examples=[["reply_to"]])


class ChannelTestRequest(RequestBody):
    """Where the mail of a test goes; without it nothing is sent."""

    to: Address | None = None


class FindingOut(BaseModel):
    """One thing that was tried."""

    check: str = Field(examples=["sender"])
    state: DiagnosticStatus
    finding: str = Field(description="What was found, and after a failure what to do.")


class ChannelTestOut(BaseModel):
    """What a test of a channel found, up to the first failure."""

    works: bool
    findings: list[FindingOut]
    campaign: int | None = Field(description="The campaign that sends the mail; it counts nowhere.", examples=[12])


@router.get("/v1/channel-kinds", dependencies=[_Reads])
def list_kinds() -> ChannelKindsOut:
    """List the kinds of channels and their settings."""
    return ChannelKindsOut(
        items=[
            ChannelKindOut(
                kind=name,
                audience=kind.capabilities.audience,
                settings=[SettingOut.model_validate(one, from_attributes=True) for one in describe_settings(name)],
            )
            for name, kind in kinds().items()
        ]
    )


@router.get("/v1/channels", dependencies=[_Reads])
def list_channels(app: App) -> ChannelsOut:
    """List the channels."""
    with app.database.begin() as connection:
        return ChannelsOut(items=[ChannelOut.of(one) for one in channels.all_channels(connection)])


@router.get("/v1/channels/{channel}", dependencies=[_Reads], responses=problem_responses(404))
def show_channel(app: App, channel: ChannelInPath) -> ChannelOut:
    """Get a channel."""
    with app.database.begin() as connection:
        return ChannelOut.of(channels.find(connection, channel))


@router.put("/v1/channels/{channel}", responses=problem_responses(404, 409))
def set_channel(app: App, token: WriteToken, channel: ChannelInPath, body: ChannelPut) -> ChannelOut:
    """Create a channel, or replace its settings. Every required setting that is missing is named.

    The name of a channel that was removed is free; one of the same name and kind continues its history.
    """
    configure(app, channel, body.kind, body.settings)
    return show_channel(app, channel)


@router.patch("/v1/channels/{channel}", responses=problem_responses(404))
def update_channel(app: App, token: WriteToken, channel: ChannelInPath, body: ChannelUpdate) -> ChannelOut:
    """Change some settings of a channel."""
    change(app, channel, body.settings, unset=body.unset)
    return show_channel(app, channel)


@router.delete("/v1/channels/{channel}", status_code=204, responses=problem_responses(404, 409))
def remove_channel(app: App, token: WriteToken, channel: ChannelInPath) -> None:
    """Remove a channel: its secrets, DKIM keys too, are deleted for good, and what it has sent stays on record.

    Refused while a campaign that is not finished needs it.
    """
    remove(app, channel)


@router.post("/v1/channels/{channel}/test", responses=problem_responses(404, 409))
def test_channel(app: App, token: WriteToken, channel: ChannelInPath, body: ChannelTestRequest) -> ChannelTestOut:
    """Let a channel connect, sign in and ask who it is, for up to a minute; then send a mail, if one is asked for.

    The mail goes the way of every mail: `GET /v1/campaigns/{campaign_id}` shows its outcome.
    """
    test = run_channel_test(app, channel, to=body.to or "")
    return ChannelTestOut(
        works=test.works,
        findings=[
            FindingOut(check=one.check, state=one.state, finding=text_for(token, one.sentence)) for one in test.findings
        ],
        campaign=test.campaign_id,
    )
