"""`/v1/results` and `/v1/campaigns/{campaign_id}/results`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.proportion import Proportion
from distributor.flow.publishing.results import (
    MEASURES,
    CampaignResults,
    CampaignSummary,
    ChannelResults,
    ClickPoint,
    LinkResults,
    ResponseCount,
    ResponseTotals,
    ResultsOverview,
    TagResults,
    results_of,
    results_overview,
)
from distributor.web.api.auth import App, RequestSlot, requires, text_for
from distributor.web.api.fields import MAX_BIGINT, IdInPath, Limit
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

ReadToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)]


class ProportionOut(BaseModel):
    """A part of a whole, and the interval of 95 % in which the true rate lies (Wilson)."""

    count: int
    of: int = Field(description="How many messages arrived.")
    rate: float | None = Field(description="From 0 to 1; null of nothing.", examples=[0.333333])
    low: float | None = Field(description="The lower end of the interval.", examples=[0.061492])
    high: float | None = Field(description="The upper end of the interval.", examples=[0.792345])

    @classmethod
    def of_proportion(cls, found: Proportion) -> ProportionOut:
        low, high = found.interval or (None, None)
        return cls(count=found.part, of=found.whole, rate=found.value, low=low, high=high)


class ResponseCountOut(BaseModel):
    """Of how many messages something happened; each counts once."""

    people: ProportionOut = Field(description="Without known machines, such as scanners of links.")
    all: ProportionOut = Field(description="With them.")
    events: int = Field(description="How often it happened in all.")

    @classmethod
    def of(cls, found: ResponseCount) -> ResponseCountOut:
        return cls(
            people=ProportionOut.of_proportion(found.people),
            all=ProportionOut.of_proportion(found.all),
            events=found.events,
        )


class ResponsesOut(BaseModel):
    """What came of deliveries."""

    audience: int
    states: dict[DeliveryState, int] = Field(examples=[{"sent": 1200, "bounced": 3}])
    delivered: int = Field(description="How many arrived, as far as the other side said.")
    responses: dict[EventKind, ResponseCountOut] = Field(
        description="Clicks, opens (an indication only), unsubscribes and complaints; none of channels whose messages "
        "do not go to people.",
        examples=[{}],
    )
    clicked_unopened: int = Field(description="How many were clicked and show no open: images were not loaded.")

    @classmethod
    def of_totals(cls, found: ResponseTotals, *, is_personal: bool) -> ResponsesOut:
        return cls(
            audience=found.totals.audience,
            states={state: found.totals[state] for state in DeliveryState if found.totals[state]},
            delivered=found.delivered,
            responses={kind: ResponseCountOut.of(found.count(kind)) for kind in MEASURES} if is_personal else {},
            clicked_unopened=found.clicked_unopened,
        )


class ChannelResultsOut(ResponsesOut):
    """What came of a campaign on one channel."""

    channel: str = Field(examples=["mail"])
    kind: str = Field(examples=["email"])

    @classmethod
    def of(cls, found: ChannelResults) -> ChannelResultsOut:
        responses = ResponsesOut.of_totals(found.responses, is_personal=found.is_personal)
        return cls(channel=found.dispatch.channel_name, kind=found.dispatch.kind, **dict(responses))


class LinkResultsOut(BaseModel):
    """The clicks on one link of the messages on one channel; also of a link that nobody clicked."""

    channel: str = Field(examples=["mail"])
    url: str = Field(examples=["https://example.org/offer"])
    clicks: ResponseCountOut

    @classmethod
    def of(cls, found: LinkResults, token: ApiToken) -> LinkResultsOut:
        return cls(channel=found.channel_name, url=text_for(token, found.url), clicks=ResponseCountOut.of(found.clicks))


class ClickPointOut(BaseModel):
    """How many messages were clicked within so many hours after the release."""

    hours: int
    people: int
    all: int

    @classmethod
    def of(cls, found: ClickPoint) -> ClickPointOut:
        return cls(hours=found.hours, people=found.people, all=found.all)


class CampaignResultsOut(BaseModel):
    """What came of a campaign."""

    campaign: int = Field(examples=[1])
    name: str
    released_at: datetime | None = Field(description="Null if nothing is released.")
    total: ResponsesOut = Field(description="The sum over the channels whose messages go to people.")
    channels: list[ChannelResultsOut]
    links: list[LinkResultsOut] = Field(description="The most clicked first.")
    clicks_over_time: list[ClickPointOut] = Field(description="A point for each of the first 72 hours that has passed.")

    @classmethod
    def of(cls, found: CampaignResults, token: ApiToken) -> CampaignResultsOut:
        return cls(
            campaign=found.campaign.id,
            name=found.campaign.name,
            released_at=found.released_at,
            total=ResponsesOut.of_totals(found.responses, is_personal=found.has_people),
            channels=[ChannelResultsOut.of(one) for one in found.channels],
            links=[LinkResultsOut.of(one, token) for one in found.links],
            clicks_over_time=[ClickPointOut.of(one) for one in found.clicks_over_time],
        )


class CampaignSummaryResultsOut(ResponsesOut):
    """What came of one of several campaigns, on the channels whose messages go to people."""

    campaign: int = Field(examples=[1])
    name: str
    released_at: datetime

    @classmethod
    def of(cls, found: CampaignSummary) -> CampaignSummaryResultsOut:
        campaign = found.campaign
        responses = ResponsesOut.of_totals(found.responses, is_personal=True)
        return cls(campaign=campaign.id, name=campaign.name, released_at=campaign.released_at, **dict(responses))


class TagResultsOut(BaseModel):
    """The clicks by people on the articles with a tag in the last year."""

    tag: str = Field(examples=["Local news"])
    clicks: ProportionOut

    @classmethod
    def of(cls, found: TagResults) -> TagResultsOut:
        return cls(tag=found.label, clicks=ProportionOut.of_proportion(found.clicks))


class ResultsPage(BaseModel):
    """A page of the results of campaigns, newest first."""

    items: list[CampaignSummaryResultsOut]
    median_rate: float | None = Field(
        description="The median of clicks by people over deliveries of the last campaigns; null of fewer than three."
    )
    tags: list[TagResultsOut] = Field(description="The most clicked first; of tags with at least 200 deliveries.")
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")

    @classmethod
    def of(cls, found: ResultsOverview) -> ResultsPage:
        return cls(
            items=[CampaignSummaryResultsOut.of(one) for one in found.campaigns],
            median_rate=found.median_rate,
            tags=[TagResultsOut.of(one) for one in found.tags],
            next=found.next_id,
        )


@router.get("/results", dependencies=[requires(TokenScope.CAMPAIGNS_READ)])
def list_results(
    app: App,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> ResultsPage:
    """List what came of the campaigns that were released, newest first, and of their articles by tag."""
    return ResultsPage.of(results_overview(app, before_id=before, limit=limit))


@router.get("/campaigns/{campaign_id}/results", responses=problem_responses(404))
def show_results(app: App, token: ReadToken, campaign_id: IdInPath) -> CampaignResultsOut:
    """Get what came of a campaign: clicks, opens, unsubscribes and complaints by channel and link.

    Rates are of what was delivered, with the Wilson interval of 95 %, without and with known machines.
    """
    return CampaignResultsOut.of(results_of(app, campaign_id), token)
