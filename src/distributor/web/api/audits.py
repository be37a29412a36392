"""`/v1/campaigns/{campaign_id}/audit`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.flow.operations.audit import Audit, Difference, DifferenceKind, audit
from distributor.web.api.auth import App, RequestSlot, requires
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
            taken_back=dict(list(result.taken_back.items())[:limit]),
        )


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
