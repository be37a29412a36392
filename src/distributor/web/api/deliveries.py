"""`/v1/campaigns/{number}/deliveries` and `/v1/deliveries/{number}/events`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import Event, EventKind
from distributor.storage import campaigns, delivery_queries, dispatches, events
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import After, Limit, NumberInPath, ShortText
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

# What they tell is about people.
_NEEDED = requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)


class DeliveryOut(BaseModel):
    """One rendition to one recipient, and what became of it."""

    id: int
    channel: str = Field(examples=["mail"])
    recipient: str = Field(description="An address, an account or a feed.", examples=["ada@example.org"])
    subscriber: int | None = Field(description="Whose it is, by number; null for accounts, feeds and the erased.")
    state: DeliveryState
    attempts: int
    next_at: datetime | None = Field(description="When it is tried again or looked into.")
    remote_id: str | None = Field(description="What the other side knows it by, such as the Message-ID.")
    permalink: str | None
    reply_code: int | None
    reply: str = Field(description="The other side's words.")
    updated_at: datetime

    @classmethod
    def of(cls, found: DeliveryRecord, channel: str) -> DeliveryOut:
        return cls(
            id=found.id,
            channel=channel,
            recipient=found.recipient,
            subscriber=found.subscriber_id,
            state=found.state,
            attempts=found.attempt,
            next_at=found.next_at,
            remote_id=found.remote_id,
            permalink=found.permalink,
            reply_code=found.reply_code,
            reply=found.reply,
            updated_at=found.updated_at,
        )


class DeliveryPage(Page[DeliveryOut]):
    """Some of the deliveries, by ascending number."""


class EventOut(BaseModel):
    """What happened to a delivery afterwards."""

    kind: EventKind
    at: datetime
    detail: dict[str, Any]

    @classmethod
    def of(cls, found: Event) -> EventOut:
        return cls(kind=found.kind, at=found.at, detail=dict(found.detail))


class DeliveryEventsOut(BaseModel):
    """The events of a delivery, in the order they happened."""

    items: list[EventOut]


@router.get("/campaigns/{number}/deliveries", dependencies=[_NEEDED], responses=problem_responses(404))
def list_deliveries(
    app: App,
    number: NumberInPath,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    recipient: Annotated[ShortText | None, Query(description="Only to this address, account or feed.")] = None,
    channel: Annotated[ShortText | None, Query(description="Only on the channel of this name.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> DeliveryPage:
    """Who received a campaign, who did not, and what the other side said."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, number)
        channels = {one.id: one.channel_name for one in dispatches.of_campaign(connection, campaign.id)}
        found = delivery_queries.of_campaign(
            connection,
            campaign.id,
            channel_name=channel,
            state=state,
            recipient=recipient,
            limit=limit + 1,
            after_id=after,
        )
    shown, further = paginate(found, limit, number=lambda one: one.id)
    return DeliveryPage(items=[DeliveryOut.of(one, channels[one.dispatch_id]) for one in shown], next=further)


@router.get("/deliveries/{number}/events", dependencies=[_NEEDED], responses=problem_responses(404))
def list_events(app: App, number: NumberInPath) -> DeliveryEventsOut:
    """What happened to one delivery afterwards: opens, clicks, bounces, complaints."""
    with app.database.begin() as connection:
        found = events.of_delivery(connection, delivery_queries.find(connection, number).id)
    return DeliveryEventsOut(items=[EventOut.of(one) for one in found])
