"""Confirmation mails: campaigns per list, language, day and channel, to which each sign-up adds a delivery."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPurpose, Dispatch, DispatchState, UnknownPolicy
from distributor.domain.delivery import DeliveryState
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList, Subscriber
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import audience_to_json


def find_dispatch(connection: Connection, key: str) -> Dispatch | None:
    """The one dispatch of the campaign with this key, or None if there is none."""
    number = connection.execute(
        select(tables.dispatches.c.id)
        .join(tables.campaigns, tables.campaigns.c.id == tables.dispatches.c.campaign_id)
        .where(tables.campaigns.c.key == key)
    ).scalar_one_or_none()
    return dispatches.find(connection, number) if number else None


def start(
    connection: Connection,
    key: str,
    rendition: Rendition,
    *,
    name: str,
    list_slug: str,
    channel_id: int,
    problems: list[Problem],
    now: datetime,
) -> None:
    """Insert a campaign with a running dispatch of `rendition` and no deliveries, unless there is one with this key.

    Waits for a concurrent transaction that starts the same. The caller adds a delivery in the same transaction: a
    dispatch must not stay without an audience.
    """
    campaign_id = connection.execute(
        insert(tables.campaigns)
        .values(
            key=key,
            name=name,
            purpose=CampaignPurpose.CONFIRMATION,
            audience=audience_to_json(AudiencePlan(lists=(list_slug,))),
            track_opens=False,
            track_clicks=False,
            # To an unconfirmed address, one mail too few is better than one too many.
            unknown_policy=UnknownPolicy.ASSUME_SENT,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(tables.campaigns.c.id)
    ).scalar_one_or_none()
    if campaign_id is None:
        return
    dispatch_id = dispatches.add(
        connection, campaign_id, channel_id, scheduled_at=now, zone="UTC", state=DispatchState.SCHEDULED
    )
    dispatches.freeze_rendition(connection, dispatch_id, rendition, problems, now=now)
    dispatches.mark_released(connection, {dispatch_id: 0}, now=now)


def join(
    connection: Connection, dispatch_id: int, subscriber: Subscriber, list_: MailingList, *, now: datetime
) -> bool:
    """Add a recipient to a dispatch, which runs again if it had finished; False if the address is in it already."""
    delivery_id = connection.execute(
        insert(tables.deliveries)
        .values(
            dispatch_id=dispatch_id,
            subscriber_id=subscriber.id,
            list_id=list_.id,
            recipient=subscriber.email,
            fields={"name": subscriber.name, "email": subscriber.email},
            state=DeliveryState.PENDING,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=["dispatch_id", "recipient"])
        .returning(tables.deliveries.c.id)
    ).scalar_one_or_none()
    if delivery_id is None:
        return False
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id)
        .values(audience_size=func.coalesce(tables.dispatches.c.audience_size, 0) + 1)
    )
    dispatches.reopen(connection, dispatch_id)
    return True


def queued_since(connection: Connection, subscriber_id: int, since: datetime) -> list[datetime]:
    """When confirmation mails for any list were queued to the subscriber after `since`, the latest first."""
    delivery, dispatch, campaign = tables.deliveries.c, tables.dispatches.c, tables.campaigns.c
    return list(
        connection.execute(
            select(delivery.created_at)
            .where(
                delivery.subscriber_id == subscriber_id,
                delivery.created_at > since,
                # A suppressed delivery was not sent.
                delivery.state != DeliveryState.SUPPRESSED,
                dispatch.id == delivery.dispatch_id,
                campaign.id == dispatch.campaign_id,
                campaign.purpose == CampaignPurpose.CONFIRMATION,
            )
            .order_by(delivery.created_at.desc())
        ).scalars()
    )
