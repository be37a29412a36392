"""What the API says of a campaign: its dispatches, what became of its deliveries, and what holds them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from distributor.domain.campaign import (
    Campaign,
    CampaignPurpose,
    Dispatch,
    DispatchState,
    UnknownPolicy,
    campaign_state,
)
from distributor.domain.event import EventKind
from distributor.domain.problems import Problem, Severity
from distributor.flow.publishing.report import CampaignReport, DispatchReport, summarise
from distributor.storage.paused_routes import RouteWait
from distributor.web.api.audiences import AudienceOut


class DispatchSummaryOut(BaseModel):
    """A campaign on one channel."""

    channel: str = Field(examples=["mail"])
    state: DispatchState
    scheduled_at: datetime
    audience: int | None = Field(description="How many deliveries were made at its release; null before.")

    @classmethod
    def of(cls, dispatch: Dispatch) -> DispatchSummaryOut:
        return cls(
            channel=dispatch.channel_name,
            state=dispatch.state,
            scheduled_at=dispatch.scheduled_at,
            audience=dispatch.audience_size,
        )


class CampaignSummaryOut(BaseModel):
    """A campaign, and where its dispatches are."""

    id: int = Field(examples=[1])
    name: str
    purpose: CampaignPurpose
    state: DispatchState = Field(description="That of its least finished dispatch.")
    dispatches: list[DispatchSummaryOut]
    created_at: datetime

    @classmethod
    def of(cls, campaign: Campaign, dispatches: Sequence[Dispatch]) -> CampaignSummaryOut:
        return cls(
            id=campaign.id,
            name=campaign.name,
            purpose=campaign.purpose,
            state=campaign_state(one.state for one in dispatches),
            dispatches=[DispatchSummaryOut.of(one) for one in dispatches],
            created_at=campaign.created_at,
        )


class CampaignPage(BaseModel):
    """Campaigns, the newest first."""

    items: list[CampaignSummaryOut]
    next: int | None = Field(description="Ask again with `before` set to this for the next page; null on the last.")


class TotalsOut(BaseModel):
    """How many deliveries are where: `audience` is the sum of the others."""

    audience: int
    sent: int = Field(description="Those that came back later, too: `bounced` is a state of what was sent.")
    deferred: int
    failed: int
    suppressed: int
    unknown: int = Field(description="They may or may not have arrived.")
    pending: int


class RouteWaitOut(BaseModel):
    """A route that is paused because its servers reject the sender, and how many deliveries wait for it."""

    route: str = Field(description="A relay, or RELAY/DESTINATION.", examples=["relay/google"])
    deliveries: int
    reason: str = Field(description="What was answered there.")
    since: datetime
    next_probe_at: datetime = Field(description="From then on one delivery tries whether that has passed.")

    @classmethod
    def of(cls, wait: RouteWait) -> RouteWaitOut:
        return cls(
            route=wait.route.name,
            deliveries=wait.deliveries,
            reason=wait.route.reason,
            since=wait.route.since,
            next_probe_at=wait.route.next_probe_at,
        )


class ProblemOut(BaseModel):
    """What the check found in what is to be said."""

    severity: Severity
    code: str
    message: str

    @classmethod
    def of(cls, problem: Problem) -> ProblemOut:
        return cls(severity=problem.severity, code=problem.code, message=problem.message)


class DispatchOut(DispatchSummaryOut):
    """A campaign on one channel, what became of it, and what holds it back."""

    id: int
    kind: str = Field(examples=["email"])
    zone: str
    reason: str = Field(description="Why it is paused or has failed, or empty.")
    problems: list[ProblemOut]
    totals: TotalsOut
    next_attempt_at: datetime | None = Field(description="When the next deferred delivery is tried again.")
    waits: list[RouteWaitOut] = Field(description="Paused routes that deliveries wait for.")
    released_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def with_totals(cls, told: DispatchReport) -> DispatchOut:
        dispatch = told.dispatch
        return cls(
            **DispatchSummaryOut.of(dispatch).model_dump(),
            id=dispatch.id,
            kind=dispatch.kind,
            zone=dispatch.zone,
            reason=dispatch.reason,
            problems=[ProblemOut.of(one) for one in dispatch.problems],
            totals=TotalsOut(**summarise(told.totals)),
            next_attempt_at=told.next_attempt_at,
            waits=[RouteWaitOut.of(wait) for wait in told.waits],
            released_at=dispatch.released_at,
            finished_at=dispatch.finished_at,
        )


class EventCountOut(BaseModel):
    """How often something happened, and to how many deliveries."""

    total: int
    deliveries: int


class CampaignOut(BaseModel):
    """A campaign as it stands."""

    id: int = Field(examples=[1])
    name: str
    purpose: CampaignPurpose
    state: DispatchState = Field(description="That of its least finished dispatch.")
    articles: list[str] = Field(description="Their slugs.", examples=[["the-quiet-feed"]])
    audience: AudienceOut
    track_opens: bool
    track_clicks: bool
    unknown: UnknownPolicy = Field(description="What is done if an answer is lost for good.")
    totals: TotalsOut
    dispatches: list[DispatchOut]
    events: dict[EventKind, EventCountOut] = Field(examples=[{"open": {"total": 31, "deliveries": 20}}])
    created_at: datetime

    @classmethod
    def of(cls, told: CampaignReport, article_slugs: list[str]) -> CampaignOut:
        campaign = told.campaign
        return cls(
            id=campaign.id,
            name=campaign.name,
            purpose=campaign.purpose,
            state=told.state,
            articles=article_slugs,
            audience=AudienceOut.of(campaign.audience),
            track_opens=campaign.track_opens,
            track_clicks=campaign.track_clicks,
            unknown=campaign.unknown_policy,
            totals=TotalsOut(**summarise(told.totals)),
            dispatches=[DispatchOut.with_totals(one) for one in told.dispatches],
            events={
                kind: EventCountOut(total=total, deliveries=deliveries)
                for kind, (total, deliveries) in told.events.items()
            },
            created_at=campaign.created_at,
        )
