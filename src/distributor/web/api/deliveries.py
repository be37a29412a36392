"""`/v1/campaigns/{campaign_id}/deliveries` and `/v1/deliveries/{delivery_id}/events`"""

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
from distributor.web.api.fields import After, IdInPath, Limit, ShortText
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

# The answers hold personal data.
_SCOPES = requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)


class DeliveryOut(BaseModel):
    """One rendition to one recipient, and its state."""

    id: int
    channel: str = Field(examples=["mail"])
    recipient: str = Field(description="An address, an account or a feed.", examples=["ada@example.org"])
    subscriber: int | None = Field(description="The subscriber's id; null for accounts, feeds and erased subscribers.")
    state: DeliveryState
    attempts: int
    next_at: datetime | None = Field(description="When it is retried or resolved.")
    remote_id: str | None = Field(description="The id at the remote server, such as the Message-ID.")
    permalink: str | None
    reply_code: int | None
    reply: str = Field(description="The server's reply.")
    updated_at: datetime
    delayed_at: datetime | None = Field(
        description="When a server last reported that it could not deliver the mail yet; it changes no state."
    )

    @classmethod
    def of(cls, found: DeliveryRecord, channel: str, delayed_at: datetime | None) -> DeliveryOut:
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
            delayed_at=delayed_at,
        )


class DeliveryPage(Page[DeliveryOut]):
    """A page of deliveries, by ascending id."""


class EventOut(BaseModel):
    """An event of a delivery: an open, a click, a bounce and so on."""

    kind: EventKind
    at: datetime
    detail: dict[str, Any]

    @classmethod
    def of(cls, found: Event) -> EventOut:
        return cls(kind=found.kind, at=found.at, detail=dict(found.detail))


class DeliveryEventsOut(BaseModel):
    """The events of a delivery, in order of time."""

    items: list[EventOut]


@router.get("/campaigns/{campaign_id}/deliveries", dependencies=[_SCOPES], responses=problem_responses(404))
def list_deliveries(
    app: App,
    campaign_id: IdInPath,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    recipient: Annotated[ShortText | None, Query(description="Only to this email address, account or feed.")] = None,
    channel: Annotated[ShortText | None, Query(description="Only on the channel with this name.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> DeliveryPage:
    """List the deliveries of a campaign with their states and the server's replies."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
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
        delays = events.last_delays(connection, [one.id for one in found])
    shown, further = paginate(found, limit, number=lambda one: one.id)
    return DeliveryPage(
        items=[DeliveryOut.of(one, channels[one.dispatch_id], delays.get(one.id)) for one in shown], next=further
    )


@router.get("/deliveries/{delivery_id}/events", dependencies=[_SCOPES], responses=problem_responses(404))
def list_events(app: App, delivery_id: IdInPath) -> DeliveryEventsOut:
    """List the events of a delivery: opens, clicks, delays, bounces, complaints."""
    with app.database.begin() as connection:
        found = events.of_delivery(connection, delivery_queries.find(connection, delivery_id).id)
    return DeliveryEventsOut(items=[EventOut.of(one) for one in found])
