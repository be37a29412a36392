"""Mails to users of the team's app: each is a campaign of its own, so its delivery is accounted for like any other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPurpose, UnknownPolicy
from distributor.domain.rendition import Rendition
from distributor.domain.user import User
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import audience_to_json


def add(connection: Connection, user: User, channel_id: int, rendition: Rendition, *, now: datetime) -> int:
    """Insert a mail that is released at once; returns the id of its delivery, which its link is signed for."""
    campaign_id: int = connection.execute(
        insert(tables.campaigns)
        .values(
            name=f"Mail to {user.email}",
            purpose=CampaignPurpose.ACCOUNT,
            audience=audience_to_json(AudiencePlan(repeats=True)),
            track_opens=False,
            track_clicks=False,
            # Its link works once: a second mail would only confuse.
            unknown_policy=UnknownPolicy.ASSUME_SENT,
            created_at=now,
        )
        .returning(tables.campaigns.c.id)
    ).scalar_one()
    (delivery_id,) = dispatches.add_released(connection, campaign_id, channel_id, rendition, {user.email: {}}, now=now)
    return delivery_id
