"""`/v1/campaigns/{campaign_id}/deliveries`, `/v1/deliveries/{delivery_id}`, and its `events`, `retry` and `settle`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.campaign import FailureChoice, first_removal
from distributor.domain.clients import ClientKind
from distributor.domain.delivery import DeliveryState, HandSettlement
from distributor.domain.event import Event, EventKind
from distributor.flow.delivery.delivery_life import DeliveryLife, LifeMoment, MomentKind, life_of
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.settle_unknown import LONGEST_REASON, settle_delivery, settle_unknown
from distributor.storage import campaigns, delivery_queries, dispatches, events
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.web.api.auth import App, RequestSlot, acting, actor_of, requires
from distributor.web.api.campaign_requests import ChannelNames
from distributor.web.api.campaigns import RetryOut, WriteToken
from distributor.web.api.fields import After, IdInPath, Limit, LongText, RequestBody, ShortText
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

    removed_at: datetime | None = Field(
        description="Since when deliveries of the campaign are past ones, which are not listed; its totals have them."
    )


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


class MomentOut(BaseModel):
    """One moment in the life of a delivery."""

    at: datetime
    kind: MomentKind = Field(
        description="`planned`: it joined the audience. `attempt`: an attempt ended, or it was decided not to make "
        "one. `by_hand`: a person or a program changed it. `event`: something happened to it afterwards."
    )
    state: DeliveryState | None = Field(description="That of the delivery after it; null for events.")
    attempt: int = Field(description="The number of the attempt; 0 for what is none.")
    reply_code: int | None
    reply: str = Field(description="The server's reply.")
    by: str = Field(description="Who changed it by hand.", examples=["api:shop"])
    reason: str = Field(description="Why it was changed by hand.")
    event: EventKind | None
    client: ClientKind | None = Field(description="What seems to have caused an open or a click.")
    detail: dict[str, Any] = Field(description="What is known about the event.")

    @classmethod
    def of(cls, found: LifeMoment) -> MomentOut:
        return cls(
            at=found.at,
            kind=found.kind,
            state=found.state,
            attempt=found.attempt,
            reply_code=found.reply_code,
            reply=found.reply,
            by=found.actor,
            reason=found.reason,
            event=found.event,
            client=found.client,
            detail=dict(found.detail),
        )


class PostOut(BaseModel):
    """A post that a delivery consists of."""

    number: int = Field(description="Its place in the thread, from 0.")
    remote_id: str | None
    permalink: str | None


class DeliveryLifeOut(DeliveryOut):
    """A delivery with everything that is known about it."""

    campaign: int
    epoch: int = Field(description="It grows with each attempt; `settle` takes it.")
    reason: str = Field(description="Why it failed or waits, as its channel classifies it.", examples=["mailboxfull"])
    posts: list[PostOut] = Field(description="Those of an account; empty for mails.")
    moments: list[MomentOut] = Field(description="What happened, the first moment first.")

    @classmethod
    def with_moments(cls, found: DeliveryLife, delayed_at: datetime | None) -> DeliveryLifeOut:
        delivery = DeliveryOut.of(found.delivery, found.dispatch.channel_name, delayed_at)
        return cls(
            **dict(delivery),
            campaign=found.campaign.id,
            epoch=found.delivery.epoch,
            reason=found.delivery.reason,
            posts=[PostOut.model_validate(one, from_attributes=True) for one in found.posts],
            moments=[MomentOut.of(one) for one in found.moments],
        )


Reason = Annotated[
    LongText,
    Field(
        max_length=LONGEST_REASON, description="How you know; kept with the delivery.", examples=["In the mail log."]
    ),
]


class SettleRequest(RequestBody):
    """What became of a delivery of unknown outcome."""

    settlement: HandSettlement = Field(
        alias="as", description="`sent`, `not_sent`, or `send_again`, which may bring a mail twice."
    )
    reason: Reason
    epoch: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="The `epoch` that you have seen: a conflict (409) if it was attempted again since."
    )


class SettleAllRequest(RequestBody):
    """What became of the deliveries of unknown outcome of a campaign."""

    settlement: HandSettlement = Field(
        alias="as", description="`sent`, `not_sent`, or `send_again`, which may bring mails twice."
    )
    reason: Reason
    channels: ChannelNames = Field(default_factory=list, description="Only on these channels.", examples=[[]])
    expected: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="How many you have seen: a conflict (409) if there are others by now."
    )


class SettledOut(BaseModel):
    """How many deliveries were settled; none if the same token has just settled them so."""

    settled: int


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
        planned = dispatches.of_campaign(connection, campaign.id)
        channels = {one.id: one.channel_name for one in planned}
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
        items=[DeliveryOut.of(one, channels[one.dispatch_id], delays.get(one.id)) for one in shown],
        next=further,
        removed_at=first_removal(planned),
    )


@router.post("/campaigns/{campaign_id}/settle-unknown", responses=problem_responses(404, 409))
def settle_unknown_deliveries(
    app: App, request: Request, token: WriteToken, campaign_id: IdInPath, body: SettleAllRequest
) -> SettledOut:
    """Settle every delivery of unknown outcome of a campaign, as sent, as not sent, or to be sent again."""
    settled = settle_unknown(
        app,
        campaign_id,
        body.settlement,
        reason=body.reason,
        actor=acting(request, token),
        expected=body.expected,
        channel_names=tuple(dict.fromkeys(body.channels)),
    )
    return SettledOut(settled=settled)


@router.get("/deliveries/{delivery_id}", dependencies=[_SCOPES], responses=problem_responses(404, 410))
def show_delivery(app: App, delivery_id: IdInPath) -> DeliveryLifeOut:
    """Get a delivery with its whole life: attempts, what was done by hand, and events such as bounces and clicks."""
    found = life_of(app, delivery_id)
    with app.database.begin() as connection:
        delays = events.last_delays(connection, [delivery_id])
    return DeliveryLifeOut.with_moments(found, delays.get(delivery_id))


@router.post("/deliveries/{delivery_id}/retry", responses=problem_responses(404, 409, 410))
def retry_delivery(app: App, token: WriteToken, delivery_id: IdInPath) -> RetryOut:
    """Retry one failed delivery, unless its recipient may not receive it any more or received it since.

    The response counts all failed deliveries of the campaign, of which this one is selected.
    """
    campaign_id = life_of(app, delivery_id).campaign.id
    choice = FailureChoice(delivery_ids=(delivery_id,))
    count = campaign_control.retry_failed(app, campaign_id, choice, actor=actor_of(token))
    return RetryOut.model_validate(count, from_attributes=True)


@router.post("/deliveries/{delivery_id}/settle", responses=problem_responses(404, 409, 410))
def settle_one_delivery(
    app: App, request: Request, token: WriteToken, delivery_id: IdInPath, body: SettleRequest
) -> SettledOut:
    """Settle one delivery of unknown outcome: as sent, as not sent, or to be sent again."""
    epoch = body.epoch
    if epoch is None:
        with app.database.begin() as connection:
            epoch = delivery_queries.find(connection, delivery_id).epoch
    is_settled = settle_delivery(
        app, delivery_id, body.settlement, epoch=epoch, reason=body.reason, actor=acting(request, token)
    )
    return SettledOut(settled=int(is_settled))


@router.get("/deliveries/{delivery_id}/events", dependencies=[_SCOPES], responses=problem_responses(404, 410))
def list_events(app: App, delivery_id: IdInPath) -> DeliveryEventsOut:
    """List the events of a delivery: opens, clicks, delays, bounces, complaints."""
    with app.database.begin() as connection:
        found = events.of_delivery(connection, delivery_queries.find(connection, delivery_id).id)
    return DeliveryEventsOut(items=[EventOut.of(one) for one in found])
