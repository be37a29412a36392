"""The life of one delivery: everything that is known about it, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.campaign import Campaign, Dispatch
from distributor.domain.clients import ClientKind, client_of
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import (
    campaigns,
    delivery_history,
    delivery_posts,
    delivery_queries,
    dispatches,
    events,
    subscribers,
)
from distributor.storage.database import Connection
from distributor.storage.delivery_history import DeliveryStep
from distributor.storage.delivery_posts import StoredPost
from distributor.storage.delivery_queries import DeliveryRecord

_ACCEPTED = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
# A delivery comes into these without an attempt that is in its history.
_BY_ITSELF = frozenset({DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SUPPRESSED})


class MomentKind(StrEnum):
    """PLANNED: it joined the audience. ATTEMPT: an attempt ended, or it was decided not to make one. BY_HAND: a person
    changed it. EVENT: something happened to it afterwards.
    """

    PLANNED = "planned"
    ATTEMPT = "attempt"
    BY_HAND = "by_hand"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeMoment:
    """One moment. `state` is that of the delivery after an attempt or an act; replies are the words of a server.

    Of an act by hand there is the `actor` with a `reason`, of an event its kind and detail, and of an open or a click
    the `client` that seems to have caused it.
    """

    at: datetime
    kind: MomentKind
    state: DeliveryState | None = None
    attempt: int = 0
    reply_code: int | None = None
    reply: str = ""
    actor: str = ""
    reason: str = ""
    event: EventKind | None = None
    client: ClientKind | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLife:
    """A delivery with its campaign and channel, the person it goes to if it is one, its posts and its moments."""

    delivery: DeliveryRecord
    campaign: Campaign
    dispatch: Dispatch
    person: Subscriber | None
    posts: Sequence[StoredPost]
    moments: Sequence[LifeMoment]


def life_of(app: AppContext, delivery_id: int) -> DeliveryLife:
    """Everything about one delivery, read in one transaction. Raises NotFoundError."""
    with app.database.begin() as connection:
        delivery = delivery_queries.find(connection, delivery_id)
        dispatch = dispatches.find(connection, delivery.dispatch_id)
        return DeliveryLife(
            delivery=delivery,
            campaign=campaigns.find(connection, dispatch.campaign_id),
            dispatch=dispatch,
            person=_person(connection, delivery),
            posts=delivery_posts.of(connection, delivery_id),
            moments=moments_of(
                delivery,
                delivery_history.of_delivery(connection, delivery_id),
                events.of_delivery(connection, delivery_id),
            ),
        )


def moments_of(delivery: DeliveryRecord, steps: Sequence[DeliveryStep], happened: Sequence[Event]) -> list[LifeMoment]:
    """The moments of a delivery with this history and these events, the first one first."""
    moments = [LifeMoment(at=delivery.created_at, kind=MomentKind.PLANNED)]
    moments += [_of_step(step) for step in steps]
    moments += _of_state(delivery, steps)
    moments += [_of_event(event, delivery) for event in happened]
    return sorted(moments, key=lambda moment: moment.at)


def _person(connection: Connection, delivery: DeliveryRecord) -> Subscriber | None:
    if delivery.subscriber_id is None:
        return None
    with suppress(NotFoundError):
        return subscribers.find_by_id(connection, delivery.subscriber_id)
    return None


def _of_event(event: Event, delivery: DeliveryRecord) -> LifeMoment:
    client = None
    if event.kind in (EventKind.OPEN, EventKind.CLICK):
        said = str(event.detail.get("user_agent", ""))
        client = client_of(event.kind, said, at=event.at, sent_at=delivery.first_attempt_at)
    return LifeMoment(at=event.at, kind=MomentKind.EVENT, event=event.kind, client=client, detail=event.detail)


def _of_step(step: DeliveryStep) -> LifeMoment:
    return LifeMoment(
        at=step.at,
        kind=MomentKind.BY_HAND if step.actor else MomentKind.ATTEMPT,
        state=step.state,
        attempt=step.attempt,
        reply_code=step.reply_code,
        reply=step.reply,
        actor=step.actor,
        reason=step.reason,
    )


def _of_state(delivery: DeliveryRecord, steps: Sequence[DeliveryStep]) -> list[LifeMoment]:
    """What its state says and its history does not: a first attempt that succeeded is not in there."""
    states = [step.state for step in steps]
    if delivery.state in _ACCEPTED:
        if DeliveryState.SENT in states or delivery.first_attempt_at is None:
            return []
        at, state = delivery.first_attempt_at, DeliveryState.SENT
    elif delivery.state in _BY_ITSELF and states[-1:] != [delivery.state]:
        at, state = delivery.updated_at, delivery.state
    else:
        return []
    return [
        LifeMoment(
            at=at,
            kind=MomentKind.ATTEMPT,
            state=state,
            attempt=delivery.attempt,
            reply_code=delivery.reply_code,
            reply=delivery.reply,
        )
    ]
