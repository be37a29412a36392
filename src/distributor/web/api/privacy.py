"""`/v1/privacy`"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.flow.people import privacy
from distributor.web.api import subscriber_ref
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.subscriber_ref import SubscriberRef

router = APIRouter(prefix="/v1/privacy", tags=["privacy"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class ErasureOut(BaseModel):
    """What was erased, and where the address was still found in a search of every table (nowhere, normally)."""

    is_complete: bool
    counts: dict[str, int] = Field(description="How many rows of each table were erased.")
    traces: dict[str, int] = Field(description="The number of rows of each table in which the address is still found.")


@router.get(
    "/{subscriber}",
    dependencies=[requires(TokenScope.PRIVACY_WRITE, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def export_subscriber_data(app: App, subscriber: SubscriberRef) -> dict[str, Any]:
    """Export everything that is stored about a subscriber (GDPR, article 15)."""
    return privacy.export_person(app, _subscriber_id(app, subscriber))


@router.delete("/{subscriber}", dependencies=[requires(TokenScope.PRIVACY_WRITE)], responses=problem_responses(404))
def erase_subscriber(app: App, subscriber: SubscriberRef) -> ErasureOut:
    """Erase a subscriber for good (GDPR, article 17). Only a hash stays, so that no import adds them again."""
    done = privacy.erase(app, _subscriber_id(app, subscriber), requested_by="api")
    return ErasureOut(is_complete=done.is_complete, counts=dict(done.counts), traces=dict(done.traces))


def _subscriber_id(app: App, subscriber: str) -> int:
    with app.database.begin() as connection:
        return subscriber_ref.find(connection, subscriber).id
