"""`/v1/campaigns/{campaign_id}/audit`, and `/audits` of those that run in the background"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.flow.operations.audit import Audit, Difference, DifferenceKind, audit
from distributor.flow.operations.audit_runs import MOST_LISTED, last_audit, request_audit
from distributor.storage.campaign_audits import AuditState, CampaignAudit
from distributor.web.api.auth import App, RequestSlot, actor_of, requires, text_for
from distributor.web.api.fields import MAX_PAGE_SIZE, IdInPath
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class AuditDifferenceOut(BaseModel):
    """One difference between the delivery states and the records."""

    kind: DifferenceKind
    delivery: int | None = Field(description="The delivery's id; null if the difference concerns a whole dispatch.")
    channel: str | None
    recipient: str | None
    state: DeliveryState | None = Field(description="The delivery's state.")
    evidence: str = Field(description="Where the difference was found.")

    @classmethod
    def of(cls, found: Difference) -> AuditDifferenceOut:
        return cls(
            kind=found.kind,
            delivery=found.delivery_id,
            channel=found.channel or None,
            recipient=found.recipient or None,
            state=found.state,
            evidence=found.evidence,
        )


class AuditOut(BaseModel):
    """The result of an audit: empty `counts` means no difference."""

    is_running: bool = Field(description="The campaign is still running; deliveries in progress were left out.")
    states: dict[DeliveryState, int] = Field(examples=[{"sent": 1200, "unknown": 1}])
    counts: dict[DifferenceKind, int] = Field(description="All differences.", examples=[{"unrecorded": 1}])
    differences: list[AuditDifferenceOut] = Field(description="The first differences, at most `limit`.")
    past: int = Field(description="How many of the deliveries are past ones: only their states are kept.")
    removed_at: datetime | None = Field(description="Since when details are removed, by the retention of deliveries.")
    taken_back: dict[int, str] = Field(
        description="Deliveries whose bounce was taken back because the message arrived, with the evidence: click, "
        "delivered or sent. At most `limit`.",
        examples=[{"17": "click"}],
    )

    @classmethod
    def of(cls, result: Audit, *, limit: int) -> AuditOut:
        return cls(
            is_running=result.is_running,
            states=dict(result.states),
            counts=dict(result.counts),
            differences=[AuditDifferenceOut.of(one) for one in result.differences[:limit]],
            past=result.past,
            removed_at=result.removed_at,
            taken_back=dict(list(result.taken_back.items())[:limit]),
        )


class StoredDifferenceOut(BaseModel):
    """One difference that an audit in the background found; it names its delivery and no recipient."""

    kind: DifferenceKind
    delivery: int | None = Field(description="The delivery's id; null if the difference concerns a whole dispatch.")
    channel: str | None
    state: DeliveryState | None = Field(description="The delivery's state.")
    evidence: str = Field(description="Where the difference was found.")

    @classmethod
    def of(cls, found: Mapping[str, Any], token: ApiToken) -> StoredDifferenceOut:
        return cls(
            kind=DifferenceKind(found["kind"]),
            delivery=found["delivery"],
            channel=found["channel"] or None,
            state=found["state"],
            evidence=text_for(token, found["evidence"]),
        )


class AuditRunOut(BaseModel):
    """An audit that runs in the background: empty `counts` of a finished one means no difference."""

    id: int
    state: AuditState = Field(description="`waiting` for a worker, `running`, or `finished`.")
    by: str = Field(description="Who started it.", examples=["api:shop"])
    started_at: datetime
    finished_at: datetime | None
    checked: int = Field(description="How many deliveries it has compared so far.")
    counts: dict[DifferenceKind, int] = Field(description="All differences so far.", examples=[{"unrecorded": 1}])
    differences: list[StoredDifferenceOut] = Field(description=f"The first of them, at most {MOST_LISTED}.")

    @classmethod
    def of(cls, found: CampaignAudit, token: ApiToken) -> AuditRunOut:
        return cls(
            id=found.id,
            state=found.state,
            by=found.requested_by,
            started_at=found.requested_at,
            finished_at=found.finished_at,
            checked=found.checked,
            counts={DifferenceKind(kind): count for kind, count in found.counts.items()},
            differences=[StoredDifferenceOut.of(one, token) for one in found.differences],
        )


@router.post("/{campaign_id}/audits", status_code=202, responses=problem_responses(404))
def start_audit(
    app: App, token: Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)], campaign_id: IdInPath
) -> AuditRunOut:
    """Start an audit in the background, for campaigns of any size; one that is on its way is returned instead."""
    request_audit(app, campaign_id, actor=actor_of(token))
    return _last(app, campaign_id, token)


@router.get("/{campaign_id}/audits/last", responses=problem_responses(404))
def show_last_audit(
    app: App, token: Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)], campaign_id: IdInPath
) -> AuditRunOut:
    """Get the last audit that was started in the background, finished or not."""
    return _last(app, campaign_id, token)


@router.get(
    "/{campaign_id}/audit",
    dependencies=[requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def audit_campaign(
    app: App,
    campaign_id: IdInPath,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE_SIZE, description="How many differences to return.")] = 50,
) -> AuditOut:
    """Compare a campaign's delivery states with the journals of dead workers, posts, clicks and bounces.

    `distributor campaign audit` also compares them with files: the records of mail servers.
    """
    return AuditOut.of(audit(app, campaign_id, ()), limit=limit)


def _last(app: AppContext, campaign_id: int, token: ApiToken) -> AuditRunOut:
    found = last_audit(app, campaign_id)
    if found is None:
        raise NotFoundError("audit of campaign", campaign_id)
    return AuditRunOut.of(found, token)
