"""Response schemas of campaigns: dispatches, totals, problems and routes in backoff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken
from distributor.domain.campaign import (
    Campaign,
    CampaignAction,
    CampaignEvent,
    CampaignPlan,
    CampaignPurpose,
    CampaignState,
    ChangePolicy,
    Dispatch,
    DispatchState,
    UnknownPolicy,
)
from distributor.domain.campaign_review import CampaignReview, Cost, DispatchReview, Reach
from distributor.domain.event import EventKind
from distributor.domain.message_options import MailLayout
from distributor.domain.problems import Problem, ReviewProblem, Severity
from distributor.domain.schedule import FollowUp
from distributor.flow.publishing.report import CampaignReport, DispatchReport, state_of, summarise
from distributor.storage.campaign_reviews import ReviewedDispatch, ReviewRecord
from distributor.storage.paused_routes import RouteWait
from distributor.web.api.audiences import AudienceOut
from distributor.web.api.auth import text_for


class FollowUpOut(BaseModel):
    """The channel that another one starts after."""

    channel: str = Field(examples=["mail"])
    seconds: int = Field(description="How long after it.", examples=[7200])

    @classmethod
    def of(cls, follow_up: FollowUp | None) -> FollowUpOut | None:
        return cls(channel=follow_up.channel_name, seconds=int(follow_up.after.total_seconds())) if follow_up else None


class DispatchSummaryOut(BaseModel):
    """The dispatch of a campaign on one channel."""

    channel: str = Field(examples=["mail"])
    state: DispatchState
    scheduled_at: datetime | None = Field(description="When it starts; null in a draft whose time is open.")
    audience: int | None = Field(description="How many deliveries it has; null before it starts.")
    follows: FollowUpOut | None = Field(description="What it starts after, and moves with; null: a time of its own.")

    @classmethod
    def of(cls, dispatch: Dispatch) -> DispatchSummaryOut:
        return cls(
            channel=dispatch.channel_name,
            state=dispatch.state,
            scheduled_at=dispatch.scheduled_at,
            audience=dispatch.audience_size,
            follows=FollowUpOut.of(dispatch.follow_up),
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
    where: str = Field(description="Its place in what is sent; empty for the whole.")

    @classmethod
    def of(cls, problem: Problem, token: ApiToken) -> ProblemOut:
        return cls(
            severity=problem.severity,
            code=problem.code,
            message=text_for(token, problem.message),
            where=problem.where,
        )


class DispatchOut(DispatchSummaryOut):
    """The dispatch of a campaign on one channel, with totals, problems and routes in backoff."""

    id: int
    kind: str = Field(examples=["email"])
    zone: str
    reason: str = Field(description="Why it is paused or has failed; empty otherwise.")
    held: bool = Field(
        description="It waits since the database was restored, and goes on when it is resumed with `after_restore`."
    )
    known_until: datetime | None = Field(
        description="What was sent of it between this and a restore is not in the database; null if none matters."
    )
    problems: list[ProblemOut] = Field(description="Those of the review that it was scheduled on, or found since.")
    totals: TotalsOut
    next_attempt_at: datetime | None = Field(description="When the next deferred delivery is retried.")
    waits: list[RouteWaitOut] = Field(description="Paused routes that deliveries wait for.")
    prepared_at: datetime | None = Field(description="When what it sends was made for good, near its time.")
    released_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def with_totals(cls, result: DispatchReport, token: ApiToken, *, counts: bool) -> DispatchOut:
        """`counts` is whether the token may see what the problems say about numbers of subscribers."""
        dispatch = result.dispatch
        return cls(
            **DispatchSummaryOut.of(dispatch).model_dump(),
            id=dispatch.id,
            kind=dispatch.kind,
            zone=dispatch.zone,
            reason=text_for(token, dispatch.reason),
            held=dispatch.is_held,
            known_until=dispatch.known_until,
            problems=[ProblemOut.of(one, token) for one in dispatch.problems if counts],
            totals=TotalsOut(**summarise(result.totals)),
            next_attempt_at=result.next_attempt_at,
            waits=[RouteWaitOut.of(wait, token) for wait in result.waits],
            prepared_at=dispatch.prepared_at,
            released_at=dispatch.released_at,
            finished_at=dispatch.finished_at,
        )


class OptionsOut(BaseModel):
    """The texts of a campaign on a channel, as in `OptionsIn`."""

    subject: str
    greeting: str
    closing: str
    cut_after: int | None
    text: str
    preheader: str
    layout: MailLayout | None
    thread: list[str] = Field(description="The posts that continue `text`.")
    hashtags: list[str] | None = Field(description="Those under a post; null: as of the campaign.")


class EventCountOut(BaseModel):
    """How many events of a kind there were, and of how many deliveries."""

    total: int
    deliveries: int


class CampaignOut(BaseModel):
    """A campaign with its current states and totals."""

    id: int = Field(examples=[1])
    version: int = Field(description="It grows with each edit.", examples=[1])
    name: str
    purpose: CampaignPurpose
    state: CampaignState = Field(
        description="`draft`, `reviewed` or `approved` before it is scheduled; then the state of the dispatch that is "
        "least finished."
    )
    undo_until: datetime | None = Field(
        description="Until when it can be undone for sure; null for a draft, and if a part of it is released."
    )
    articles: list[str] = Field(description="Their slugs.", examples=[["the-quiet-feed"]])
    to_publish: list[str] = Field(
        description="The slugs of those of its articles that are not public yet: its release publishes them.",
        examples=[["the-quiet-feed"]],
    )
    revised: list[str] = Field(
        description="Which of its articles were revised since the review that it is scheduled on.",
        examples=[["article the-quiet-feed was revised twice since the review"]],
    )
    audience: AudienceOut
    subject: str
    greeting: str
    closing: str
    cut_after: int | None
    text: str
    preheader: str
    layout: MailLayout | None = Field(description="How mails show the articles; null: whole.")
    thread: list[str] = Field(description="The posts that continue `text`.")
    hashtags: list[str] | None = Field(description="Those under a post; null: chosen from the article's tags.")
    channel_options: dict[str, OptionsOut] = Field(
        description="The texts of channels that differ from those of the campaign.", examples=[{}]
    )
    track_opens: bool
    track_clicks: bool
    unknown: UnknownPolicy = Field(description="What is done with deliveries whose outcome stays unknown.")
    needs_approval: bool
    on_change: ChangePolicy = Field(description="What is done if it would go out other than it was reviewed.")
    totals: TotalsOut
    dispatches: list[DispatchOut]
    events: dict[EventKind, EventCountOut] = Field(examples=[{"open": {"total": 31, "deliveries": 20}}])
    created_at: datetime

    @classmethod
    def of(cls, result: CampaignReport, plan: CampaignPlan, token: ApiToken, *, counts: bool) -> CampaignOut:
        """`counts` is whether the token may see numbers of subscribers before the release."""
        campaign, options = result.campaign, plan.message_options
        return cls(
            id=campaign.id,
            version=campaign.version,
            name=campaign.name,
            purpose=campaign.purpose,
            state=result.state,
            undo_until=_undo_until(result),
            articles=list(plan.article_slugs),
            to_publish=list(result.to_publish),
            revised=list(result.revised),
            audience=AudienceOut.of(campaign.audience),
            subject=options.subject,
            greeting=options.greeting,
            closing=options.closing,
            cut_after=options.cut_after,
            text=options.text,
            preheader=options.preheader,
            layout=options.layout,
            thread=list(options.thread),
            hashtags=None if options.hashtags is None else list(options.hashtags),
            channel_options={
                name: OptionsOut.model_validate(one, from_attributes=True) for name, one in plan.channel_options.items()
            },
            track_opens=campaign.track_opens,
            track_clicks=campaign.track_clicks,
            unknown=campaign.unknown_policy,
            needs_approval=campaign.needs_approval,
            on_change=campaign.on_change,
            totals=TotalsOut(**summarise(result.totals)),
            dispatches=[DispatchOut.with_totals(one, token, counts=counts) for one in result.dispatches],
            events={
                kind: EventCountOut(total=total, deliveries=deliveries)
                for kind, (total, deliveries) in result.events.items()
            },
            created_at=campaign.created_at,
        )


class ReviewProblemOut(ProblemOut):
    """A problem that a review found, and where."""

    channel: str | None = Field(description="Null: of the campaign as a whole.")

    @classmethod
    def found(cls, found: ReviewProblem, token: ApiToken) -> ReviewProblemOut:
        return cls(channel=found.channel_name or None, **ProblemOut.of(found.problem, token).model_dump())


class CostOut(BaseModel):
    """What a remote service is going to bill."""

    amount: str = Field(examples=["0.015"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])

    @classmethod
    def of(cls, cost: Cost) -> CostOut:
        return cls(amount=str(cost.amount), currency=cost.currency)


class DispatchReviewOut(BaseModel):
    """What one channel would send now."""

    channel: str
    kind: str
    reach: Reach = Field(description="`sent` to subscribers, `published` in feeds, or `posted` on accounts.")
    scheduled_at: datetime | None = Field(description="Null: its time is open.")
    local_time: datetime | None = Field(description="The same in its time zone.")
    zone: str
    recipients: int = Field(description="Subscribers, feeds or accounts, as of now.")
    cost: CostOut | None
    problems: list[ProblemOut] = Field(description="What blocks first.")
    digest: str | None = Field(description="The hash of what it would send; null if that cannot be rendered.")

    @classmethod
    def of(cls, found: DispatchReview, token: ApiToken) -> DispatchReviewOut:
        return cls(
            channel=found.channel_name,
            kind=found.kind,
            reach=found.reach,
            scheduled_at=found.scheduled_at,
            local_time=found.local_time,
            zone=found.zone,
            recipients=found.recipients,
            cost=CostOut.of(found.cost) if found.cost else None,
            problems=[ProblemOut.of(one, token) for one in found.problems],
            digest=found.rendition.digest if found.rendition else None,
        )


class ReviewOut(BaseModel):
    """A campaign as it would go out now, on all channels that are not released yet, and what is wrong with it."""

    made_at: datetime
    sentence: str = Field(
        description="Who gets what, when and where.",
        examples=["Sends “The quiet feed” over mail to 1,204 subscribers on Mon 1 Mar 2027 09:00 UTC; no problems"],
    )
    articles: dict[str, int] = Field(
        description="Their revisions by slug, as they were reviewed.", examples=[{"the-quiet-feed": 2}]
    )
    to_publish: list[str] = Field(description="The slugs of those that its release publishes.")
    already_received: int = Field(description="Subscribers who are left out because they got an article before.")
    costs: list[CostOut] = Field(description="Their sum in each currency.")
    blockers: list[ReviewProblemOut] = Field(description="What keeps all channels from being sent.")
    warnings: list[ReviewProblemOut]
    dispatches: list[DispatchReviewOut]

    @classmethod
    def of(cls, made: CampaignReview, token: ApiToken) -> ReviewOut:
        return cls(
            made_at=made.made_at,
            sentence=made.sentence,
            articles=dict(made.revisions),
            to_publish=list(made.to_publish),
            already_received=made.received,
            costs=[CostOut.of(one) for one in made.costs],
            blockers=[ReviewProblemOut.found(one, token) for one in made.blockers],
            warnings=[ReviewProblemOut.found(one, token) for one in made.warnings],
            dispatches=[DispatchReviewOut.of(one, token) for one in made.dispatches],
        )


class CampaignResultOut(CampaignOut):
    """A campaign as it is after a change, and the review that was made of it."""

    notes: list[str] = Field(
        description="What to know about its times: a wall-clock time that occurs twice, a zone whose sign is reversed.",
        examples=[[]],
    )
    review: ReviewOut | None = Field(
        description="Null if none was needed, and if it has numbers of a segment on addresses and the token lacks "
        "`subscribers:read`."
    )


class ReviewedDispatchOut(BaseModel):
    """What a review showed of a channel."""

    channel: str
    scheduled_at: datetime | None
    recipients: int
    problems: list[ProblemOut]

    @classmethod
    def of(cls, found: ReviewedDispatch, token: ApiToken) -> ReviewedDispatchOut:
        return cls(
            channel=found.channel_name,
            scheduled_at=found.scheduled_at,
            recipients=found.recipients,
            problems=[ProblemOut.of(one, token) for one in found.problems],
        )


class StoredReviewOut(BaseModel):
    """A review that was made of a campaign: what was shown, when and to whom, and what was decided on it."""

    id: int
    version: int = Field(description="The version of the campaign that it showed.")
    made_at: datetime
    by: str = Field(examples=["api:shop"])
    sentence: str
    articles: dict[str, int] = Field(description="Their revisions by slug.", examples=[{"the-quiet-feed": 2}])
    blockers: int = Field(description="How many problems blocked it.")
    problems: list[ProblemOut] = Field(description="Those of the campaign as a whole.")
    dispatches: list[ReviewedDispatchOut]
    approved_by: str | None
    approved_at: datetime | None
    accepted_at: datetime | None = Field(description="When the campaign was scheduled or resumed on it.")

    @classmethod
    def of(cls, found: ReviewRecord, token: ApiToken) -> StoredReviewOut:
        return cls(
            id=found.id,
            version=found.version,
            made_at=found.made_at,
            by=found.made_by,
            sentence=found.sentence,
            articles=dict(found.revisions),
            blockers=found.blockers,
            problems=[ProblemOut.of(one, token) for one in found.problems],
            dispatches=[ReviewedDispatchOut.of(one, token) for one in found.dispatches],
            approved_by=found.approved_by or None,
            approved_at=found.approved_at,
            accepted_at=found.accepted_at,
        )


class ReviewPage(BaseModel):
    """A page of reviews, newest first."""

    items: list[StoredReviewOut]
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")


class CampaignEventOut(BaseModel):
    """An entry of the history of a campaign."""

    action: CampaignAction
    by: str = Field(description="Who or what did it.", examples=["api:shop"])
    detail: str = Field(description="What was edited, the new times, why it was paused.")
    version: int = Field(description="The version of the campaign that followed.")
    at: datetime

    @classmethod
    def of(cls, event: CampaignEvent, token: ApiToken) -> CampaignEventOut:
        return cls(
            action=event.action,
            by=event.actor,
            detail=text_for(token, event.detail),
            version=event.version,
            at=event.created_at,
        )


class CampaignHistoryOut(BaseModel):
    """What happened to a campaign, the first event first."""

    items: list[CampaignEventOut]


def _undo_until(result: CampaignReport) -> datetime | None:
    planned = [one.dispatch for one in result.dispatches]
    if any(one.released_at is not None for one in planned):
        return None
    return min(
        (one.scheduled_at for one in planned if one.state is DispatchState.SCHEDULED and one.scheduled_at), default=None
    )
