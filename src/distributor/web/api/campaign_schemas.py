"""Response schemas of campaigns: dispatches, totals, problems and routes in backoff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken
from distributor.domain.campaign import (
    Campaign,
    CampaignPurpose,
    CampaignState,
    Dispatch,
    DispatchState,
    UnknownPolicy,
)
from distributor.domain.event import EventKind
from distributor.domain.problems import Problem, Severity
from distributor.flow.publishing.report import CampaignReport, DispatchReport, state_of, summarise
from distributor.storage.paused_routes import RouteWait
from distributor.web.api.audiences import AudienceOut
from distributor.web.api.auth import text_for


class DispatchSummaryOut(BaseModel):
    """The dispatch of a campaign on one channel."""

    channel: str = Field(examples=["mail"])
    state: DispatchState
    scheduled_at: datetime | None = Field(description="When it starts; null in a draft whose time is open.")
    audience: int | None = Field(description="How many deliveries it has; null before it starts.")

    @classmethod
    def of(cls, dispatch: Dispatch) -> DispatchSummaryOut:
        return cls(
            channel=dispatch.channel_name,
            state=dispatch.state,
            scheduled_at=dispatch.scheduled_at,
            audience=dispatch.audience_size,
        )


class CampaignSummaryOut(BaseModel):
    """A campaign and the states of its dispatches."""

    id: int = Field(examples=[1])
    name: str
    purpose: CampaignPurpose
    state: CampaignState = Field(
        description="`draft`, `reviewed` or `approved` before it is scheduled; then the state of the dispatch that is "
        "least finished."
    )
    dispatches: list[DispatchSummaryOut]
    created_at: datetime

    @classmethod
    def of(cls, campaign: Campaign, dispatches: Sequence[Dispatch]) -> CampaignSummaryOut:
        return cls(
            id=campaign.id,
            name=campaign.name,
            purpose=campaign.purpose,
            state=state_of(campaign, dispatches),
            dispatches=[DispatchSummaryOut.of(one) for one in dispatches],
            created_at=campaign.created_at,
        )


class CampaignPage(BaseModel):
    """A page of campaigns, newest first."""

    items: list[CampaignSummaryOut]
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")


class TotalsOut(BaseModel):
    """The numbers of deliveries by state: `audience` is the sum of the others."""

    audience: int
    sent: int = Field(description="Includes those that bounced later.")
    deferred: int
    failed: int
    suppressed: int
    unknown: int = Field(description="It is unknown whether they were sent.")
    pending: int


class RouteWaitOut(BaseModel):
    """A route that is paused because its servers reject the sender, and how many deliveries wait for it."""

    route: str = Field(description="A relay, or RELAY/DESTINATION.", examples=["relay/google"])
    deliveries: int
    reason: str = Field(description="The server's reply.")
    since: datetime
    next_probe_at: datetime = Field(description="When one delivery is sent as a probe.")

    @classmethod
    def of(cls, wait: RouteWait, token: ApiToken) -> RouteWaitOut:
        return cls(
            route=wait.route.name,
            deliveries=wait.deliveries,
            reason=text_for(token, wait.route.reason),
            since=wait.route.since,
            next_probe_at=wait.route.next_probe_at,
        )


class ProblemOut(BaseModel):
    """A problem that the check of a rendition found."""

    severity: Severity
    code: str
    message: str

    @classmethod
    def of(cls, problem: Problem) -> ProblemOut:
        return cls(severity=problem.severity, code=problem.code, message=problem.message)


class DispatchOut(DispatchSummaryOut):
    """The dispatch of a campaign on one channel, with totals, problems and routes in backoff."""

    id: int
    kind: str = Field(examples=["email"])
    zone: str
    reason: str = Field(description="Why it is paused or has failed; empty otherwise.")
    problems: list[ProblemOut]
    totals: TotalsOut
    next_attempt_at: datetime | None = Field(description="When the next deferred delivery is retried.")
    waits: list[RouteWaitOut] = Field(description="Paused routes that deliveries wait for.")
    released_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def with_totals(cls, result: DispatchReport, token: ApiToken) -> DispatchOut:
        dispatch = result.dispatch
        return cls(
            **DispatchSummaryOut.of(dispatch).model_dump(),
            id=dispatch.id,
            kind=dispatch.kind,
            zone=dispatch.zone,
            reason=text_for(token, dispatch.reason),
            problems=[ProblemOut.of(one) for one in dispatch.problems],
            totals=TotalsOut(**summarise(result.totals)),
            next_attempt_at=result.next_attempt_at,
            waits=[RouteWaitOut.of(wait, token) for wait in result.waits],
            released_at=dispatch.released_at,
            finished_at=dispatch.finished_at,
        )


class EventCountOut(BaseModel):
    """How many events of a kind there were, and of how many deliveries."""

    total: int
    deliveries: int


class CampaignOut(BaseModel):
    """A campaign with its current states and totals."""

    id: int = Field(examples=[1])
    name: str
    purpose: CampaignPurpose
    state: CampaignState = Field(
        description="`draft`, `reviewed` or `approved` before it is scheduled; then the state of the dispatch that is "
        "least finished."
    )
    articles: list[str] = Field(description="Their slugs.", examples=[["the-quiet-feed"]])
    to_publish: list[str] = Field(
        description="The slugs of those of its articles that are not public yet: its release publishes them.",
        examples=[["the-quiet-feed"]],
    )
    audience: AudienceOut
    track_opens: bool
    track_clicks: bool
    unknown: UnknownPolicy = Field(description="What is done with deliveries whose outcome stays unknown.")
    totals: TotalsOut
    dispatches: list[DispatchOut]
    events: dict[EventKind, EventCountOut] = Field(examples=[{"open": {"total": 31, "deliveries": 20}}])
    created_at: datetime

    @classmethod
    def of(cls, result: CampaignReport, article_slugs: list[str], token: ApiToken) -> CampaignOut:
        campaign = result.campaign
        return cls(
            id=campaign.id,
            name=campaign.name,
            purpose=campaign.purpose,
            state=result.state,
            articles=article_slugs,
            to_publish=list(result.to_publish),
            audience=AudienceOut.of(campaign.audience),
            track_opens=campaign.track_opens,
            track_clicks=campaign.track_clicks,
            unknown=campaign.unknown_policy,
            totals=TotalsOut(**summarise(result.totals)),
            dispatches=[DispatchOut.with_totals(one, token) for one in result.dispatches],
            events={
                kind: EventCountOut(total=total, deliveries=deliveries)
                for kind, (total, deliveries) in result.events.items()
            },
            created_at=campaign.created_at,
        )


class CampaignCreatedOut(CampaignOut):
    """A campaign that was created, and how its times were read."""

    notes: list[str] = Field(
        description="What to know about its times: a wall-clock time that occurs twice, a zone whose sign is reversed.",
        examples=[[]],
    )
