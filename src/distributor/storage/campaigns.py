"""Campaigns and their plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import Campaign, CampaignPurpose, PlanKey, UnknownPolicy
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import (
    audience_from_json,
    audience_to_json,
    channel_options_from_json,
    channel_options_to_json,
)


def add(
    connection: Connection,
    *,
    name: str,
    article_ids: Sequence[int],
    audience: AudiencePlan,
    track_opens: bool,
    track_clicks: bool,
    unknown_policy: UnknownPolicy,
    now: datetime,
    message_options: MessageOptions | None = None,
    channel_options: Mapping[str, MessageOptions] | None = None,
    key: PlanKey | None = None,
) -> int:
    """Insert a campaign without dispatches; returns its id."""
    message_options = message_options or MessageOptions()
    campaign_id: int = connection.execute(
        insert(tables.campaigns)
        .values(
            name=name,
            key=str(key) if key else None,
            audience=audience_to_json(audience),
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown_policy,
            subject=message_options.subject,
            greeting=message_options.greeting,
            closing=message_options.closing,
            cut_after=message_options.cut_after,
            text=message_options.text,
            channel_options=channel_options_to_json(channel_options or {}),
            created_at=now,
        )
        .returning(tables.campaigns.c.id)
    ).scalar_one()
    for position, article_id in enumerate(article_ids):
        connection.execute(
            insert(tables.campaign_articles).values(campaign_id=campaign_id, position=position, article_id=article_id)
        )
    for position, one in enumerate(message_options.attachments):
        connection.execute(
            insert(tables.campaign_attachments).values(
                campaign_id=campaign_id, position=position, name=one.name, media_type=one.media_type, body=one.content
            )
        )
    return campaign_id


def find(connection: Connection, campaign_id: int) -> Campaign:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` lists them")
    return _campaign(connection, row)


def find_by_key(connection: Connection, key: PlanKey) -> int | None:
    """The campaign that was planned under this key, if any; waits for a transaction that is planning one under it.

    Raises StateError if the key was used for a different request.
    """
    # A lock id that is the same for the same name.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": key.name})
    row = connection.execute(
        select(tables.campaigns.c.id, tables.campaigns.c.key).where(
            tables.campaigns.c.key.startswith(f"{key.name}:", autoescape=True)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.key != str(key):
        raise StateError(
            f"this key was used for a different request, which made campaign {row.id}; use a new key for a new campaign"
        )
    number: int = row.id
    return number


def message_options_of(connection: Connection, campaign_id: int, *, channel_name: str = "") -> MessageOptions:
    """The message options of a campaign, on this channel if one is named. Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` lists them")
    about = tables.campaign_attachments.c
    enclosed = connection.execute(
        select(about.name, about.media_type, about.body)
        .where(about.campaign_id == campaign_id)
        .order_by(about.position)
    )
    options = MessageOptions(
        subject=row.subject,
        greeting=row.greeting,
        closing=row.closing,
        attachments=tuple(Attachment(name=one.name, media_type=one.media_type, content=one.body) for one in enclosed),
        cut_after=row.cut_after,
        text=row.text,
    )
    own = channel_options_from_json(row.channel_options).get(channel_name)
    return options.overridden_by(own) if own else options


def latest(
    connection: Connection, *, limit: int, purpose: CampaignPurpose | None = None, before_id: int | None = None
) -> list[Campaign]:
    """The newest campaigns, if given only of one purpose or older than `before_id`."""
    query = select(tables.campaigns).order_by(tables.campaigns.c.id.desc()).limit(limit)
    if purpose is not None:
        query = query.where(tables.campaigns.c.purpose == purpose)
    if before_id is not None:
        query = query.where(tables.campaigns.c.id < before_id)
    rows = connection.execute(query)
    return [_campaign(connection, row) for row in rows]


def _campaign(connection: Connection, row: Row[tuple[object, ...]]) -> Campaign:
    article_ids = connection.execute(
        select(tables.campaign_articles.c.article_id)
        .where(tables.campaign_articles.c.campaign_id == row.id)
        .order_by(tables.campaign_articles.c.position)
    ).scalars()
    return Campaign(
        id=row.id,
        name=row.name,
        article_ids=tuple(article_ids),
        purpose=CampaignPurpose(row.purpose),
        audience=audience_from_json(row.audience),
        track_opens=row.track_opens,
        track_clicks=row.track_clicks,
        unknown_policy=UnknownPolicy(row.unknown_policy),
        created_at=row.created_at,
    )
