"""`/v1/campaigns`"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.campaign import CampaignPlan, CampaignPurpose, CampaignState, FailureChoice, PlanKey
from distributor.domain.campaign_review import CampaignReview
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing import plan as planning
from distributor.flow.publishing.report import newest_campaigns, report
from distributor.flow.publishing.send_test import AskedTest, send_test
from distributor.flow.publishing.test_groups import addresses_of
from distributor.storage import campaigns
from distributor.web.api.audiences import shows_counts
from distributor.web.api.auth import App, RequestSlot, actor_of, require_addresses, require_scope, requires
from distributor.web.api.campaign_requests import (
    CampaignCreate,
    CampaignUpdate,
    ResumeRequest,
    RetryRequest,
    TestRequest,
)
from distributor.web.api.campaign_schemas import (
    CampaignOut,
    CampaignPage,
    CampaignResultOut,
    CampaignSummaryOut,
    ReviewOut,
)
from distributor.web.api.fields import MAX_BIGINT, IdInPath, Limit, idempotency_header
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

ReadToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)]
WriteToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)]


class RetryOut(BaseModel):
    """How many failed deliveries are retried or skipped: `failed` is the sum of the others."""

    failed: int
    retried: int = Field(description="They are sent again.")
    not_selected: int = Field(description="They were not chosen, or their dispatch was cancelled.")
    not_sendable: int = Field(description="They go to subscribers who may not receive it any more, or not now.")
    received_since: int = Field(
        description="Subscribers, accounts and feeds that got one of the articles by another campaign."
    )


@router.get("", dependencies=[requires(TokenScope.CAMPAIGNS_READ)])
def list_campaigns(
    app: App,
    purpose: Annotated[
        CampaignPurpose,
        Query(
            description="`confirmation`: the confirmation mails of sign-ups; `test`: the tests; "
            "`account`: mails to users of the team's app."
        ),
    ] = CampaignPurpose.ARTICLES,
    state: Annotated[CampaignState | None, Query(description="Only campaigns in this state.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> CampaignPage:
    """List the campaigns, newest first."""
    found = newest_campaigns(app, purpose=purpose, state=state, limit=limit + 1, before_id=before)
    items = [CampaignSummaryOut.of(one.campaign, one.dispatches) for one in found[:limit]]
    return CampaignPage(items=items, next=items[-1].id if len(found) > limit else None)


@router.post("", status_code=201, responses=problem_responses(404, 409))
def create_campaign(
    app: App,
    token: WriteToken,
    body: CampaignCreate,
    idempotency_key: Annotated[
        str | None,
        idempotency_header(
            "A unique key for each campaign: a request repeated with its key creates no second campaign."
        ),
    ] = None,
) -> CampaignResultOut:
    """Create a campaign: a draft, or with `at` or `now` one that is reviewed on all channels and scheduled.

    If something blocks it, it stays a draft: the problem names it and everything that blocks it. The same request with
    its key tries to schedule it again.
    """
    start = body.start(now=app.clock(), undo_window=app.undo_window)
    key, actor, review = _plan_key(token, idempotency_key, body), actor_of(token), None
    if start is None:
        campaign_id = planning.create_campaign(app, body.plan(None), key=key, actor=actor)
    else:
        # The time of what starts at once counts from when it is scheduled.
        later, at_once = (None, start) if body.now else (start, None)
        campaign_id, review = planning.create_and_schedule(app, body.plan(later), actor=actor, key=key, start=at_once)
    return campaign_result(app, campaign_id, token, review, notes=start.notes if start else ())


@router.patch("/{campaign_id}", responses=problem_responses(404, 409))
def edit_campaign(app: App, token: WriteToken, campaign_id: IdInPath, body: CampaignUpdate) -> CampaignResultOut:
    """Edit a campaign of which nothing is released.

    One that was scheduled is reviewed and scheduled again; if something blocks it, or it needs an approval, it is a
    draft then.
    """
    notes: list[str] = []

    def change(before: CampaignPlan) -> CampaignPlan:
        if before.needs_approval and body.needs_approval is False:
            require_scope(token, TokenScope.CAMPAIGNS_APPROVE)
        start = body.start(now=app.clock(), zone=before.zone)
        notes.extend(start.notes if start else ())
        return body.changed(before, start)

    review = planning.edit_campaign(app, campaign_id, change, actor=actor_of(token), version=body.version)
    return campaign_result(app, campaign_id, token, review, notes=notes)


@router.get("/{campaign_id}", responses=problem_responses(404))
def show_campaign(app: App, token: ReadToken, campaign_id: IdInPath) -> CampaignOut:
    """Get a campaign with its dispatches, delivery totals and routes in backoff."""
    return campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/pause", responses=problem_responses(404, 409))
def pause_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Pause a campaign: batches being sent are finished, and no new ones start."""
    campaign_control.pause(app, campaign_id, actor=actor_of(token))
    return campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/resume", responses=problem_responses(404, 409))
def resume_campaign(
    app: App, token: WriteToken, campaign_id: IdInPath, body: ResumeRequest | None = None
) -> CampaignResultOut:
    """Resume a campaign that is paused, was too late, or waits for a person; what is not released is reviewed again."""
    without = tuple(dict.fromkeys(body.without)) if body else ()
    after_restore = body.after_restore if body else False
    review = campaign_control.resume(
        app, campaign_id, without=without, after_restore=after_restore, actor=actor_of(token)
    )
    return campaign_result(app, campaign_id, token, review)


@router.post("/{campaign_id}/cancel", responses=problem_responses(404, 409))
def cancel_campaign(app: App, token: WriteToken, campaign_id: IdInPath) -> CampaignOut:
    """Cancel a campaign for good; what was sent stays sent."""
    campaign_control.cancel(app, campaign_id, actor=actor_of(token))
    return campaign_out(app, campaign_id, token)


@router.post("/{campaign_id}/retry-failed", responses=problem_responses(404, 409))
def retry_failed(app: App, token: WriteToken, campaign_id: IdInPath, body: RetryRequest) -> RetryOut:
    """Retry failed deliveries, except to recipients who may not receive it any more or received it since."""
    choice = FailureChoice(channel_names=tuple(body.channels), reasons=tuple(body.reasons), cause=body.failure)
    if body.dry_run:
        count = campaign_control.count_failed(app, campaign_id, choice)
    else:
        count = campaign_control.retry_failed(app, campaign_id, choice, actor=actor_of(token))
    return RetryOut.model_validate(count, from_attributes=True)


@router.post("/{campaign_id}/test", status_code=201, responses=problem_responses(404, 409))
def test_campaign(app: App, token: WriteToken, campaign_id: IdInPath, body: TestRequest) -> CampaignOut:
    """Send a test of a campaign in any state to the team. The response is the test: a campaign that counts nowhere.

    `as_subscriber` needs `subscribers:read` as well.
    """
    if body.as_subscriber:
        # The mail shows what is stored about that subscriber.
        require_addresses(token)
    addresses = (*(addresses_of(app, body.group) if body.group is not None else ()), *body.to)
    asked = AskedTest(channel_name=body.channel, via=body.via, addresses=addresses, seen_by=body.as_subscriber)
    return campaign_out(app, send_test(app, campaign_id, asked, actor=actor_of(token)), token)


def campaign_out(app: AppContext, campaign_id: int, token: ApiToken) -> CampaignOut:
    """The campaign as it is now. Raises NotFoundError."""
    return _shown(app, campaign_id, token)[0]


def campaign_result(
    app: AppContext, campaign_id: int, token: ApiToken, review: CampaignReview | None, *, notes: Sequence[str] = ()
) -> CampaignResultOut:
    """The campaign as it is after a change, with the review that was made of it if the token may see that."""
    changed, counts = _shown(app, campaign_id, token)
    made = ReviewOut.of(review, token) if review is not None and counts else None
    return CampaignResultOut(**dict(changed), notes=list(notes), review=made)


def _shown(app: AppContext, campaign_id: int, token: ApiToken) -> tuple[CampaignOut, bool]:
    """The campaign, and whether the token may see how many subscribers it would reach."""
    found = report(app, campaign_id)
    with app.database.begin() as connection:
        counts = shows_counts(connection, found.campaign.audience, token)
        return CampaignOut.of(found, campaigns.plan_of(connection, campaign_id), token, counts=counts), counts


def _plan_key(token: ApiToken, idempotency_key: str | None, body: CampaignCreate) -> PlanKey | None:
    """The plan key for an idempotency key; the keys of two tokens are independent."""
    if idempotency_key is None:
        return None
    name = hashlib.sha256(f"{token.id}:{idempotency_key}".encode()).hexdigest()
    return PlanKey(name=f"api:{name}", digest=hashlib.sha256(body.model_dump_json().encode()).hexdigest())
