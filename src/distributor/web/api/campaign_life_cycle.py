"""`/v1/campaigns/{campaign_id}/review`, `approve`, `schedule`, `reschedule`, `undo`, `duplicate` and `history`"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.errors import InputError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing import plan as planning
from distributor.storage import campaign_reviews, campaigns
from distributor.web.api.audiences import shows_counts
from distributor.web.api.auth import App, RequestSlot, actor_of, require_addresses, requires
from distributor.web.api.campaign_requests import ApprovalRequest, RescheduleRequest, ReviewRequest, ScheduleRequest
from distributor.web.api.campaign_schemas import (
    CampaignEventOut,
    CampaignHistoryOut,
    CampaignOut,
    CampaignResultOut,
    ReviewOut,
    ReviewPage,
    StoredReviewOut,
)
from distributor.web.api.campaigns import WriteToken, campaign_out, campaign_result
from distributor.web.api.fields import MAX_BIGINT, IdInPath, Limit
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], responses=COMMON_PROBLEMS)

ReadToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)]
ApprovingToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_APPROVE)]


async def _review_slot(request: Request, body: ReviewRequest) -> AsyncIterator[None]:
    """What waits for other servers takes no slot of other requests."""
    async with request.app.state.review_slots if body.links else request.app.state.request_slots:
        yield


@router.post(
    "/{campaign_id}/review",
    dependencies=[Depends(_review_slot, scope="function")],
    responses=problem_responses(404, 409),
)
def review_campaign(app: App, token: WriteToken, campaign_id: IdInPath, body: ReviewRequest) -> ReviewOut:
    """Review a campaign on all channels: what it would send, to how many, when, and what is wrong with it.

    The review is kept, and the campaign is not scheduled. It also needs `subscribers:read` if the audience has a
    segment that depends on addresses.
    """
    _require_counts(app, campaign_id, token)
    made = life_cycle.review(app, campaign_id, actor=actor_of(token), with_links=body.links)
    return ReviewOut.of(made, token)


@router.get("/{campaign_id}/reviews", dependencies=[RequestSlot], responses=problem_responses(404))
def list_reviews(
    app: App,
    token: ReadToken,
    campaign_id: IdInPath,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> ReviewPage:
    """List what was shown in the reviews of a campaign, newest first, and what was decided on them.

    It also needs `subscribers:read` if the audience has a segment that depends on addresses.
    """
    _require_counts(app, campaign_id, token)
    with app.database.begin() as connection:
        found = campaign_reviews.latest(connection, campaign_id, limit=limit + 1, before_id=before)
    kept = found[:limit]
    return ReviewPage(
        items=[StoredReviewOut.of(one, token) for one in kept], next=kept[-1].id if len(found) > limit else None
    )


@router.post("/{campaign_id}/approve", dependencies=[RequestSlot], responses=problem_responses(404, 409))
def approve_campaign(
    app: App, token: ApprovingToken, campaign_id: IdInPath, body: ApprovalRequest
) -> CampaignResultOut:
    """Approve a draft, or a campaign that waits for a person, as it would go out now."""
    made = life_cycle.approve(app, campaign_id, actor=actor_of(token), version=body.version)
    return campaign_result(app, campaign_id, token, made)


@router.post("/{campaign_id}/schedule", dependencies=[RequestSlot], responses=problem_responses(404, 409))
def schedule_campaign(app: App, token: WriteToken, campaign_id: IdInPath, body: ScheduleRequest) -> CampaignResultOut:
    """Review a draft on all channels, and schedule it if nothing blocks it. One that is blocked stays a draft."""
    start = body.start(now=app.clock(), undo_window=app.undo_window, zone=_zone_of(app, campaign_id))
    made = life_cycle.schedule(
        app,
        campaign_id,
        actor=actor_of(token),
        start=start,
        zone=body.zone,
        without=tuple(dict.fromkeys(body.without)),
        version=body.version,
    )
    return campaign_result(app, campaign_id, token, made, notes=start.notes if start else ())


@router.post("/{campaign_id}/reschedule", dependencies=[RequestSlot], responses=problem_responses(404, 409))
def reschedule_campaign(
    app: App, token: WriteToken, campaign_id: IdInPath, body: RescheduleRequest
) -> CampaignResultOut:
    """Change the times of a campaign on the channels that are not released yet.

    A draft stays one. One that was scheduled is reviewed and scheduled again; if something blocks it, or it needs an
    approval of that, it is a draft then.
    """
    start = body.start(now=app.clock(), undo_window=app.undo_window, zone=_zone_of(app, campaign_id))
    if start is None:
        raise InputError("there is no time: set `at` or `now`")
    made = life_cycle.reschedule(app, campaign_id, start, actor=actor_of(token), zone=body.zone, version=body.version)
    return campaign_result(app, campaign_id, token, made, notes=start.notes)


@router.post("/{campaign_id}/undo", dependencies=[RequestSlot], responses=problem_responses(404, 409))
def undo_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Make a campaign that is scheduled a draft again, if nothing of it is released; its times stay."""
    life_cycle.undo(app, campaign_id, actor=actor_of(token))
    return campaign_out(app, campaign_id, token)


@router.post(
    "/{campaign_id}/duplicate", status_code=201, dependencies=[RequestSlot], responses=problem_responses(404, 409)
)
def duplicate_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Create a draft like this campaign, without its times."""
    return campaign_out(app, planning.duplicate_campaign(app, campaign_id, actor=actor_of(token)), token)


@router.get("/{campaign_id}/history", dependencies=[RequestSlot], responses=problem_responses(404))
def show_campaign_history(app: App, token: ReadToken, campaign_id: IdInPath) -> CampaignHistoryOut:
    """Get what happened to a campaign, who did it and when."""
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        found = campaigns.history(connection, campaign_id)
    return CampaignHistoryOut(items=[CampaignEventOut.of(one, token) for one in found])


def _require_counts(app: AppContext, campaign_id: int, token: ApiToken) -> None:
    """Raises NotFoundError, and HTTPException 403 if the token may not see how many subscribers a campaign reaches."""
    with app.database.begin() as connection:
        if not shows_counts(connection, campaigns.find(connection, campaign_id).audience, token):
            require_addresses(token)


def _zone_of(app: AppContext, campaign_id: int) -> str:
    """The zone that the times of a campaign have. Raises NotFoundError."""
    with app.database.begin() as connection:
        return campaigns.plan_of(connection, campaign_id).zone
