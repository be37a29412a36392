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
from distributor.domain.schedule import parse_start_times
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing import plan as planning
from distributor.flow.publishing.report import report
from distributor.flow.publishing.send_test import MAX_ADDRESSES, AskedTest, send_test
from distributor.storage import articles, campaigns, dispatches
from distributor.web.api.audiences import ArticleSlugs, AudienceIn
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.campaign_schemas import CampaignCreatedOut, CampaignOut, CampaignPage, CampaignSummaryOut
from distributor.web.api.fields import (
    MAX_BIGINT,
    IdInPath,
    Limit,
    Line,
    LongText,
    RequestBody,
    ShortText,
    Zone,
)
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

ReadToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)]
WriteToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)]
ChannelNames = Annotated[list[ShortText], Field(max_length=100, examples=[["mail"]])]


class OptionsIn(RequestBody):
    """The text around the articles, or in their place."""

    subject: Line = Field(
        "", description="Instead of the title; may contain merge fields such as `{{ subscriber.name }}`."
    )
    greeting: LongText = Field("", description="Text above the articles, in Markdown with merge fields.")
    closing: LongText = Field("", description="Text below the articles.")
    cut_after: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="In mails each article ends after so many blocks, with a link to its page to read on."
    )
    text: LongText = Field("", description="What a post says instead of the title and the summary of the article.")

    def options(self) -> MessageOptions:
        """The message options of the domain."""
        return MessageOptions(
            subject=self.subject,
            greeting=self.greeting,
            closing=self.closing,
            cut_after=self.cut_after,
            text=self.text,
        )


StartTime = Annotated[ShortText, Field(examples=["2027-03-01T09:00:00+01:00"])]


class CampaignCreate(OptionsIn):
    """A campaign to create: articles to send on channels."""

    name: Line = Field("", description="Default: the title of the first article.")
    articles: ArticleSlugs = Field(min_length=1, description="Their slugs.")
    channels: ChannelNames = Field(min_length=1, description="Their names, as in `distributor channel list`.")
    audience: AudienceIn = Field(
        default_factory=AudienceIn,
        description="For channels that send to subscribers; other channels reach their followers.",
    )
    at: StartTime | None = Field(
        None,
        description="When to start: a date and time with an offset, or without one the time in `zone`; or a delay such "
        "as `+2h`, or `now`. The campaign is then reviewed and scheduled; null: it stays a draft.",
    )
    times: dict[ShortText, StartTime] = Field(
        default_factory=dict,
        description="Start times of channels that differ from `at`; a delay counts from `at`.",
        examples=[{}],
    )
    zone: Zone = Field(
        "", description="The time zone of its times: an IANA name, or an offset such as `UTC+02:00`; default: UTC."
    )
    channel_options: dict[ShortText, OptionsIn] = Field(
        default_factory=dict, description="The texts of channels that differ from those of the campaign.", examples=[{}]
    )
    track_opens: StrictBool = True
    track_clicks: StrictBool = True
    unknown: UnknownPolicy = Field(
        UnknownPolicy.ASSUME_SENT, description="What to do with deliveries whose outcome stays unknown."
    )

    @model_validator(mode="after")
    def _times_of_its_channels(self) -> CampaignCreate:
        if self.times and self.at is None:
            raise ValueError("`times` are for channels that differ from `at`, which is missing")
        for name in self.times:
            if name not in self.channels:
                raise ValueError(f"`times` has a time for {name!r}, which is not among `channels`")
        return self


class RetryRequest(RequestBody):
    """Which of the failed deliveries to retry; empty or null selects all."""

    channels: ChannelNames = Field(default_factory=list)
    reasons: list[ShortText] = Field(
        default_factory=list, max_length=100, description="The reasons they failed for.", examples=[["mailboxfull"]]
    )
    failure: FailureCause | None = Field(
        None, description="`temporary`: only those given up on after temporary errors."
    )
    dry_run: StrictBool = Field(False, description="Only count them; retry nothing.")


class RetryOut(BaseModel):
    """How many failed deliveries are retried or skipped: `failed` is the sum of the others."""

    failed: int
    retried: int = Field(description="They are sent again.")
    not_selected: int = Field(description="They were not chosen, or their dispatch was cancelled.")
    not_sendable: int = Field(description="They go to subscribers who may not receive it any more, or not now.")
    received_since: int = Field(
        description="Subscribers, accounts and feeds that got one of the articles by another campaign."
    )


class TestRequest(RequestBody):
    """A test of a campaign: a mail to `to`, or a post over `via`."""

    channel: ShortText = Field("", description="The campaign's channel to test; default: the one that fits.")
    to: Annotated[list[ShortText], Field(max_length=MAX_ADDRESSES)] = Field(
        default_factory=list, description="The addresses that a mail goes to.", examples=[["me@example.org"]]
    )
    as_subscriber: ShortText = Field(
        "", description="The address of the subscriber whose merge fields the mail shows.", examples=[""]
    )
    via: ShortText = Field("", description="A channel of the same kind to send over: that of a test account.")


@router.get("", dependencies=[requires(TokenScope.CAMPAIGNS_READ)])
def list_campaigns(
    app: App,
    purpose: Annotated[
        CampaignPurpose, Query(description="`confirmation`: the confirmation mails of sign-ups; `test`: the tests.")
    ] = CampaignPurpose.ARTICLES,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> CampaignPage:
    """List the campaigns, newest first."""
    with app.database.begin() as connection:
        found = campaigns.latest(connection, limit=limit + 1, purpose=purpose, before_id=before)
        kept = found[:limit]
        items = [CampaignSummaryOut.of(one, dispatches.of_campaign(connection, one.id)) for one in kept]
    return CampaignPage(items=items, next=kept[-1].id if len(found) > limit else None)


@router.post("", status_code=201, responses=problem_responses(404, 409))
def create_campaign(
    app: App,
    token: WriteToken,
    body: CampaignCreate,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="A unique key for each campaign: a request repeated with its key creates no second campaign.",
        ),
    ] = None,
) -> CampaignCreatedOut:
    """Create a campaign: a draft, or with a time one that is reviewed on all channels and scheduled.

    One that is more than six hours late is paused.
    """
    start = parse_start_times(body.at or "now", body.times, zone=body.zone or None, now=app.clock())
    new_plan = CampaignPlan(
        name=body.name,
        article_slugs=tuple(body.articles),
        channel_names=tuple(body.channels),
        audience=body.audience.plan(),
        starts_at=start.starts_at if body.at else None,
        times=start.times if body.at else {},
        zone=body.zone or "UTC",
        track_opens=body.track_opens,
        track_clicks=body.track_clicks,
        unknown_policy=body.unknown,
        message_options=body.options(),
        channel_options={name: one.options() for name, one in body.channel_options.items()},
    )
    make, key = planning.plan if body.at else planning.create_campaign, _plan_key(token, idempotency_key, body)
    created = _campaign_out(app, make(app, new_plan, key=key, actor=token.name), token)
    return CampaignCreatedOut(**dict(created), notes=list(start.notes))


@router.get("/{campaign_id}", responses=problem_responses(404))
def show_campaign(app: App, token: ReadToken, campaign_id: IdInPath) -> CampaignOut:
    """Get a campaign with its dispatches, delivery totals and routes in backoff."""
    return _campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/pause", responses=problem_responses(404, 409))
def pause_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Pause a campaign: batches being sent are finished, and no new ones start."""
    campaign_control.pause(app, campaign_id, actor=token.name)
    return _campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/resume", responses=problem_responses(404, 409))
def resume_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Resume a campaign that is paused, or whose rendering failed and whose cause is fixed."""
    campaign_control.resume(app, campaign_id, actor=token.name)
    return _campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/cancel", responses=problem_responses(404, 409))
def cancel_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Cancel a campaign for good; what was sent stays sent."""
    campaign_control.cancel(app, campaign_id, actor=token.name)
    return _campaign_out(app, campaign_id, token)


@router.post(
    "/{campaign_id}/retry-failed",
    dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)],
    responses=problem_responses(404, 409),
)
def retry_failed(app: App, campaign_id: IdInPath, body: RetryRequest) -> RetryOut:
    """Retry failed deliveries, except to recipients who may not receive it any more or received it since."""
    choice = FailureChoice(channel_names=tuple(body.channels), reasons=tuple(body.reasons), cause=body.failure)
    act = campaign_control.count_failed if body.dry_run else campaign_control.retry_failed
    return RetryOut.model_validate(act(app, campaign_id, choice), from_attributes=True)


@router.post("/{campaign_id}/test", status_code=201, responses=problem_responses(404, 409))
def test_campaign(app: App, token: WriteToken, campaign_id: IdInPath, body: TestRequest) -> CampaignOut:
    """Send a test of a campaign in any state to the team. The response is the test: a campaign that counts nowhere."""
    asked = AskedTest(channel_name=body.channel, via=body.via, addresses=tuple(body.to), seen_by=body.as_subscriber)
    return _campaign_out(app, send_test(app, campaign_id, asked, actor=token.name), token)


def _campaign_out(app: AppContext, campaign_id: int, token: ApiToken) -> CampaignOut:
    campaign_report = report(app, campaign_id)
    with app.database.begin() as connection:
        found = articles.find_many(connection, campaign_report.campaign.article_ids)
    return CampaignOut.of(campaign_report, [one.article.slug for one in found], token)


def _plan_key(token: ApiToken, idempotency_key: str | None, body: CampaignCreate) -> PlanKey | None:
    """The plan key for an idempotency key; the keys of two tokens are independent."""
    if idempotency_key is None:
        return None
    name = hashlib.sha256(f"{token.id}:{idempotency_key}".encode()).hexdigest()
    return PlanKey(name=f"api:{name}", digest=hashlib.sha256(body.model_dump_json().encode()).hexdigest())
