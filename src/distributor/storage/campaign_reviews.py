"""The reviews of campaigns: what was shown to whom. They are never changed, except to note what was decided on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign_review import CampaignReview
from distributor.domain.problems import Problem
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import problems_from_json, problems_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedDispatch:
    """What a review showed of a channel: `scheduled_at` is None if its time was open, and `rendition_id` if it could
    not be rendered; `digest`, the hash of the rendition, is empty then.

    `passed` are sentences about what was checked and is right, `cost` is an amount with its currency, or empty.
    """

    channel_id: int
    channel_name: str
    kind: str
    scheduled_at: datetime | None
    rendition_id: int | None
    recipients: int
    problems: tuple[Problem, ...]
    passed: tuple[str, ...] = ()
    cost: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """A stored review. `revisions` are those of the articles by slug, `blockers` how many problems blocked it.

    `problems` are those of the campaign as a whole, `passed` sentences about what was checked and is right;
    `with_links` says whether links were asked.
    """

    id: int
    version: int
    revisions: Mapping[str, int]
    problems: tuple[Problem, ...]
    blockers: int
    sentence: str
    dispatches: tuple[ReviewedDispatch, ...]
    made_by: str
    made_at: datetime
    approved_by: str
    approved_at: datetime | None
    accepted_at: datetime | None
    campaign_id: int = 0
    passed: tuple[str, ...] = ()
    with_links: bool = False

    @property
    def rendition_ids(self) -> Mapping[str, int | None]:
        """The renditions by the names of channels."""
        return {one.channel_name: one.rendition_id for one in self.dispatches}

    @property
    def starts(self) -> Mapping[str, datetime | None]:
        """The times by the names of channels."""
        return {one.channel_name: one.scheduled_at for one in self.dispatches}


def add(connection: Connection, review: CampaignReview, *, version: int, actor: str) -> ReviewRecord:
    """Store a review of this version of a campaign, with its renditions."""
    review_id: int = connection.execute(
        insert(tables.campaign_reviews)
        .values(
            campaign_id=review.campaign_id,
            version=version,
            revisions=dict(review.revisions),
            problems=problems_to_json(review.problems),
            passed=list(review.passed),
            with_links=review.with_links,
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
                passed=list(one.passed),
                cost=str(one.cost) if one.cost else "",
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


def newest(connection: Connection, campaign_id: int) -> ReviewRecord | None:
    """The newest review of a campaign, if any."""
    return _newest(connection, tables.campaign_reviews.c.campaign_id == campaign_id)


def latest(connection: Connection, campaign_id: int, *, limit: int, before_id: int | None = None) -> list[ReviewRecord]:
    """The newest reviews of a campaign, if given only those older than `before_id`."""
    review = tables.campaign_reviews.c
    is_older = true() if before_id is None else review.id < before_id
    return _found(connection, review.campaign_id == campaign_id, is_older, limit=limit)


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
    return next(iter(_found(connection, *conditions, limit=1)), None)


def _found(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[ReviewRecord]:
    """The newest reviews that meet these conditions."""
    rows = connection.execute(
        select(tables.campaign_reviews)
        .where(true(), *conditions)
        .order_by(tables.campaign_reviews.c.id.desc())
        .limit(limit)
    ).all()
    shown: dict[int, list[ReviewedDispatch]] = {row.id: [] for row in rows}
    for one in connection.execute(
        select(tables.channels.c.name, tables.channels.c.kind, tables.renditions.c.digest, tables.reviewed_dispatches)
        .join(tables.channels, tables.channels.c.id == tables.reviewed_dispatches.c.channel_id)
        .outerjoin(tables.renditions, tables.renditions.c.id == tables.reviewed_dispatches.c.rendition_id)
        .where(tables.reviewed_dispatches.c.review_id.in_(shown))
        .order_by(tables.channels.c.name)
    ):
        found = ReviewedDispatch(
            channel_id=one.channel_id,
            channel_name=one.name,
            kind=one.kind,
            scheduled_at=one.scheduled_at,
            rendition_id=one.rendition_id,
            recipients=one.recipients,
            problems=problems_from_json(one.problems),
            passed=tuple(one.passed),
            cost=one.cost,
            digest=one.digest or "",
        )
        shown[one.review_id].append(found)
    return [
        ReviewRecord(
            id=row.id,
            version=row.version,
            revisions=row.revisions,
            problems=problems_from_json(row.problems),
            blockers=row.blockers,
            sentence=row.sentence,
            dispatches=tuple(shown[row.id]),
            made_by=row.made_by,
            made_at=row.made_at,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
            accepted_at=row.accepted_at,
            campaign_id=row.campaign_id,
            passed=tuple(row.passed),
            with_links=row.with_links,
        )
        for row in rows
    ]
