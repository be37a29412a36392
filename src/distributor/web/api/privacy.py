"""`/v1/privacy`"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.flow.people import privacy
from distributor.web.api import who as whom
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.who import SubscriberRef

router = APIRouter(prefix="/v1/privacy", tags=["privacy"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class ErasureOut(BaseModel):
    """What was erased, and what a search for the address in every table still found: nothing, if all is well."""

    is_complete: bool
    counts: dict[str, int] = Field(description="How many rows of each table were erased.")
    traces: dict[str, int] = Field(description="In how many rows of each table the address is still found.")


@router.get("/{who}", dependencies=[requires(TokenScope.PRIVACY_WRITE)], responses=problem_responses(404))
def export_person(app: App, who: SubscriberRef) -> dict[str, Any]:
    """Everything that is kept about somebody, as one document: what they may ask for."""
    return privacy.export_person(app, _number(app, who))


@router.delete("/{who}", dependencies=[requires(TokenScope.PRIVACY_WRITE)], responses=problem_responses(404))
def erase_person(app: App, who: SubscriberRef) -> ErasureOut:
    """Erase somebody everywhere, for good. Only a hash stays, so that no import brings them back."""
    done = privacy.erase(app, _number(app, who), requested_by="api")
    return ErasureOut(is_complete=done.is_complete, counts=dict(done.counts), traces=dict(done.traces))


def _number(app: App, who: str) -> int:
    with app.database.begin() as connection:
        return whom.find(connection, who).id
