"""`/v1/campaigns/{number}/audit`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.flow.operations.audit import Audit, Difference, DifferenceKind, audit
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import MAX_PAGE_SIZE, NumberInPath
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class AuditDifferenceOut(BaseModel):
    """One difference between the ledger and the evidence."""

    kind: DifferenceKind
    delivery: int | None = Field(description="Its number; null if it concerns a whole dispatch.")
    channel: str | None
    recipient: str | None
    state: DeliveryState | None = Field(description="What the ledger says.")
    evidence: str = Field(description="Where it shows.")

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
    """What came out: no `counts` means no difference."""

    is_at_work: bool = Field(description="It is still being sent, and what is under way was left out.")
    states: dict[DeliveryState, int] = Field(examples=[{"sent": 1200, "unknown": 1}])
    counts: dict[DifferenceKind, int] = Field(description="All differences.", examples=[{"untold": 1}])
    differences: list[AuditDifferenceOut] = Field(description="The first of them.")

    @classmethod
    def of(cls, made: Audit, *, limit: int) -> AuditOut:
        return cls(
            is_at_work=made.is_at_work,
            states=dict(made.states),
            counts=dict(made.counts),
            differences=[AuditDifferenceOut.of(one) for one in made.differences[:limit]],
        )


@router.get(
    "/{number}/audit",
    dependencies=[requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def audit_campaign(
    app: App,
    number: NumberInPath,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE_SIZE, description="How many differences to name.")] = 50,
) -> AuditOut:
    """Hold the ledger of a campaign against what is known here: journals of dead workers, posts, clicks, bounces.

    Records that others kept of the mails they took are for `distributor campaign audit`, which reads files.
    """
    return AuditOut.of(audit(app, number, ()), limit=limit)
