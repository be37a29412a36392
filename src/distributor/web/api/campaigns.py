"""`/v1/campaigns`"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field, StrictBool, model_validator

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.campaign import (
    CampaignPlan,
    CampaignPurpose,
    FailureCause,
    FailureChoice,
    PlanKey,
    UnknownPolicy,
)
from distributor.domain.message_options import MessageOptions
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.report import report
from distributor.storage import articles, campaigns, dispatches
from distributor.web.api.audiences import ArticleSlugs, AudienceIn
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import MAX_BIGINT, RequestBody, Limit, Line, Timestamp, NumberInPath, LongText, ShortText, Zone
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.reports import CampaignPage, CampaignSummaryOut, CampaignOut

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

ChannelNames = Annotated[list[ShortText], Field(max_length=100, examples=[["mail"]])]


class CampaignCreate(RequestBody):
    """Articles that are to go out on channels."""

    name: Line = Field("", description="Default: the title of the first article.")
    articles: ArticleSlugs = Field(min_length=1, description="Their slugs.")
    channels: ChannelNames = Field(min_length=1, description="Their names, as in `distributor channel list`.")
    audience: AudienceIn = Field(
        default_factory=AudienceIn, description="For channels that send to people; others reach their followers."
    )
    at: Timestamp | None = Field(None, description="When; null for now.")
    times: dict[ShortText, Timestamp] = Field(
        default_factory=dict, description="Channels that have their own time.", examples=[{}]
    )
    zone: Zone = Field("UTC", description="The IANA time zone that its times are shown in.")
    subject: Line = Field("", description="Instead of the titles; may name fields, as in `{{ subscriber.name }}`.")
    greeting: LongText = Field("", description="Above the articles, in Markdown; may name fields.")
    closing: LongText = Field("", description="Below them.")
    track_opens: StrictBool = True
    track_clicks: StrictBool = True
    unknown: UnknownPolicy = Field(
        UnknownPolicy.ASSUME_SENT, description="What to do where an answer is lost for good."
    )

    @model_validator(mode="after")
    def _times_of_its_channels(self) -> CampaignCreate:
        for name in self.times:
            if name not in self.channels:
                raise ValueError(f"`times` has a time for {name!r}, which is not among `channels`")
        return self


class RetryRequest(RequestBody):
    """Which of the failed deliveries are to be sent again; what is empty or null leaves out none."""

    channels: ChannelNames = Field(default_factory=list)
    reasons: list[ShortText] = Field(
        default_factory=list, max_length=100, description="Why they failed, in a word.", examples=[["mailboxfull"]]
    )
    cause: FailureCause | None = Field(
        None, description="`temporary`: what was given up on after trouble that may have passed."
    )
    dry_run: StrictBool = Field(False, description="Only count them.")


class RetryOut(BaseModel):
    """What becomes of the failed deliveries: `failed` is the sum of the others."""

    failed: int
    again: int = Field(description="They are sent again.")
    not_meant: int = Field(description="They were not chosen, or their dispatch was cancelled.")
    held_back: int = Field(description="They go to people who may not be written to any more, or not now.")
    got_since: int = Field(description="They go to people whom another campaign has given one of the articles.")


@router.get("", dependencies=[requires(TokenScope.CAMPAIGNS_READ)])
def list_campaigns(
    app: App,
    purpose: Annotated[
        CampaignPurpose, Query(description="`confirmation`: the mails that ask who signed up to confirm it.")
    ] = CampaignPurpose.ARTICLES,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> CampaignPage:
    """The campaigns, the newest first."""
    with app.database.begin() as connection:
        found = campaigns.latest(connection, limit=limit + 1, purpose=purpose, before_id=before)
        kept = found[:limit]
        items = [CampaignSummaryOut.of(one, dispatches.of_campaign(connection, one.id)) for one in kept]
    return CampaignPage(items=items, next=kept[-1].id if len(found) > limit else None)


@router.post("", status_code=201, responses=problem_responses(404, 409))
def create_campaign(
    app: App,
    token: Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)],
    body: CampaignCreate,
    repeat_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="Of your choice, a new one for each campaign. The same again is the same campaign.",
        ),
    ] = None,
) -> CampaignOut:
    """Plan a campaign; it goes out by itself when its time comes."""
    asked = CampaignPlan(
        name=body.name,
        article_slugs=tuple(body.articles),
        channel_names=tuple(body.channels),
        audience=body.audience.plan(),
        starts_at=body.at or app.clock(),
        times=body.times,
        zone=body.zone or "UTC",
        track_opens=body.track_opens,
        track_clicks=body.track_clicks,
        unknown_policy=body.unknown,
        cover=MessageOptions(subject=body.subject, greeting=body.greeting, closing=body.closing),
    )
    return _shown(app, plan(app, asked, key=_plan_key(token, repeat_key, body)))


@router.get("/{number}", dependencies=[requires(TokenScope.CAMPAIGNS_READ)], responses=problem_responses(404))
def show_campaign(app: App, number: NumberInPath) -> CampaignOut:
    """One campaign: its dispatches, what became of its deliveries, and what holds them back."""
    return _shown(app, number)


@router.post("/{number}/pause", dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)], responses=problem_responses(404, 409))
def pause_campaign(app: App, number: NumberInPath) -> CampaignOut:
    """Hold a campaign: nothing new is begun after the batches at work."""
    campaign_control.pause(app, number)
    return _shown(app, number)


@router.post("/{number}/resume", dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)], responses=problem_responses(404, 409))
def resume_campaign(app: App, number: NumberInPath) -> CampaignOut:
    """Let a campaign go on that is paused, or whose rendering failed for a cause that has been mended."""
    campaign_control.resume(app, number)
    return _shown(app, number)


@router.post("/{number}/cancel", dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)], responses=problem_responses(404, 409))
def cancel_campaign(app: App, number: NumberInPath) -> CampaignOut:
    """Stop a campaign for good; what was sent stays sent."""
    campaign_control.cancel(app, number)
    return _shown(app, number)


@router.post("/{number}/retry-failed", dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)], responses=problem_responses(404, 409))
def retry_failed(app: App, number: NumberInPath, body: RetryRequest) -> RetryOut:
    """Send failed deliveries again, but not to people who may not be written to any more, or got it since."""
    choice = FailureChoice(channel_names=tuple(body.channels), reasons=tuple(body.reasons), cause=body.cause)
    act = campaign_control.count_failed if body.dry_run else campaign_control.retry_failed
    return RetryOut.model_validate(act(app, number, choice), from_attributes=True)


def _shown(app: AppContext, number: int) -> CampaignOut:
    told = report(app, number)
    with app.database.begin() as connection:
        about = articles.find_many(connection, told.campaign.article_ids)
    return CampaignOut.of(told, [one.article.slug for one in about])


def _plan_key(token: ApiToken, repeat_key: str | None, body: CampaignCreate) -> PlanKey | None:
    """Keys of two tokens have nothing to do with each other."""
    if repeat_key is None:
        return None
    name = hashlib.sha256(f"{token.id}:{repeat_key}".encode()).hexdigest()
    return PlanKey(name=f"api:{name}", digest=hashlib.sha256(body.model_dump_json().encode()).hexdigest())
