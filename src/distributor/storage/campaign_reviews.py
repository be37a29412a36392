"""The reviews of campaigns: what was shown to whom. They are never changed, except to note what was decided on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign_review import CampaignReview
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import problems_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """A stored review: what it showed of each channel, by the names of channels.

    `revisions` are those of the articles by slug, `blockers` how many problems blocked it. `rendition_ids` has None for
    what could not be rendered. `starts` are the times of the channels, None for those that were open.
    """

    id: int
    version: int
    revisions: Mapping[str, int]
    blockers: int
    sentence: str
    rendition_ids: Mapping[str, int | None]
    starts: Mapping[str, datetime | None]
    made_by: str
    made_at: datetime
    approved_by: str
    approved_at: datetime | None
    accepted_at: datetime | None


def add(connection: Connection, review: CampaignReview, *, version: int, actor: str) -> ReviewRecord:
    """Store a review of this version of a campaign, with its renditions."""
    review_id: int = connection.execute(
        insert(tables.campaign_reviews)
        .values(
            campaign_id=review.campaign_id,
            version=version,
            revisions=dict(review.revisions),
            problems=problems_to_json(review.problems),
            blockers=len(review.blockers),
            sentence=review.sentence,
            made_by=actor,
            made_at=review.made_at,
        )
        .returning(tables.campaign_reviews.c.id)
    ).scalar_one()
    channel_ids = {one.id: one.channel_id for one in dispatches.of_campaign(connection, review.campaign_id)}
    for one in review.dispatches:
        rendition_id = (
            dispatches.store_rendition(connection, one.rendition, now=review.made_at) if one.rendition else None
        )
        connection.execute(
            insert(tables.reviewed_dispatches).values(
                review_id=review_id,
                channel_id=channel_ids[one.dispatch_id],
                scheduled_at=one.scheduled_at,
                rendition_id=rendition_id,
                problems=problems_to_json(one.problems),
                recipients=one.recipients,
            )
        )
    found = _newest(connection, tables.campaign_reviews.c.id == review_id)
    assert found is not None, "inserted just now"  # noqa: S101
    return found


def newest_accepted(connection: Connection, campaign_id: int) -> ReviewRecord | None:
    """The review that a campaign was last scheduled or resumed on, if any."""
    review = tables.campaign_reviews.c
    return _newest(connection, review.campaign_id == campaign_id, review.accepted_at.is_not(None))


def newest_approved(connection: Connection, campaign_id: int, *, version: int) -> ReviewRecord | None:
    """The newest review of this version of a campaign that was approved, if any."""
    review = tables.campaign_reviews.c
    return _newest(
        connection, review.campaign_id == campaign_id, review.version == version, review.approved_at.is_not(None)
    )


def accept(connection: Connection, review_id: int, *, now: datetime) -> None:
    """The campaign is scheduled or resumed on this review."""
    connection.execute(
        update(tables.campaign_reviews).where(tables.campaign_reviews.c.id == review_id).values(accepted_at=now)
    )


def approve(connection: Connection, review_id: int, *, actor: str, now: datetime) -> None:
    """What this review showed is approved."""
    connection.execute(
        update(tables.campaign_reviews)
        .where(tables.campaign_reviews.c.id == review_id)
        .values(approved_by=actor, approved_at=now)
    )


def _newest(connection: Connection, *conditions: ColumnElement[bool]) -> ReviewRecord | None:
    review = tables.campaign_reviews.c
    row = connection.execute(
        select(tables.campaign_reviews).where(true(), *conditions).order_by(review.id.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    shown = connection.execute(
        select(tables.channels.c.name, tables.reviewed_dispatches)
        .join(tables.channels, tables.channels.c.id == tables.reviewed_dispatches.c.channel_id)
        .where(tables.reviewed_dispatches.c.review_id == row.id)
    ).all()
    return ReviewRecord(
        id=row.id,
        version=row.version,
        revisions=row.revisions,
        blockers=row.blockers,
        sentence=row.sentence,
        rendition_ids={one.name: one.rendition_id for one in shown},
        starts={one.name: one.scheduled_at for one in shown},
        made_by=row.made_by,
        made_at=row.made_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        accepted_at=row.accepted_at,
    )
