"""Tests of campaigns and channels: each is a campaign without articles, so nothing that asks about articles sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import Campaign, CampaignPurpose, PlanKey, UnknownPolicy
from distributor.domain.rendition import Rendition
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import audience_to_json


def add(
    connection: Connection,
    name: str,
    channel_id: int,
    rendition: Rendition,
    recipients: Mapping[str, Mapping[str, str]],
    *,
    test_of: Campaign | None = None,
    subscriber_id: int | None = None,
    key: PlanKey | None = None,
    now: datetime,
) -> int:
    """Insert a test that is released at once; returns its id. Without `test_of` it is one of the channel itself.

    `recipients` are the merge fields by recipient, and `subscriber_id` is the subscriber that they are from, if any.
    """
    test_id: int = connection.execute(
        insert(tables.campaigns)
        .values(
            name=name,
            key=str(key) if key else None,
            purpose=CampaignPurpose.TEST,
            audience=audience_to_json(AudiencePlan(repeats=True)),
            track_opens=test_of is not None and test_of.track_opens,
            track_clicks=test_of is not None and test_of.track_clicks,
            unknown_policy=UnknownPolicy.ASSUME_SENT,
            test_of=test_of.id if test_of else None,
            test_as=subscriber_id,
            created_at=now,
        )
        .returning(tables.campaigns.c.id)
    ).scalar_one()
    dispatches.add_released(connection, test_id, channel_id, rendition, recipients, now=now)
    return test_id


def of_campaign(connection: Connection, campaign_id: int) -> list[int]:
    """The tests of a campaign, oldest first."""
    column = tables.campaigns.c
    query = select(column.id).where(column.test_of == campaign_id).order_by(column.id)
    return list(connection.execute(query).scalars())


def newest_to(connection: Connection, recipient: str) -> tuple[int, int] | None:
    """The last test that went to this address, and the campaign that it is of; None if none did."""
    row = connection.execute(
        text("""
            SELECT c.id, c.test_of FROM campaigns c
            JOIN dispatches x ON x.campaign_id = c.id JOIN deliveries d ON d.dispatch_id = x.id
            WHERE c.test_of IS NOT NULL AND d.recipient = :recipient
            ORDER BY c.id DESC LIMIT 1
        """),
        {"recipient": recipient},
    ).one_or_none()
    return (row.id, row.test_of) if row else None
