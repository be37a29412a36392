"""Remove the renditions that nothing needs any more. Their digests stay, as the proof of what was reviewed and sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, text, update

from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.past_deliveries import is_past_campaign

_rendition = tables.renditions.c


def delete_unused(connection: Connection, *, created_before: datetime, limit: int) -> int:
    """Delete up to `limit` renditions from before that time that no dispatch and no review has; returns how many."""
    held = _hold(connection, _rendition.created_at < created_before, ~_is_referred_to(), limit=limit)
    return connection.execute(
        delete(tables.renditions).where(_rendition.id.in_(held), ~_is_referred_to()),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def remove_past(connection: Connection, *, ended_before: datetime, limit: int, now: datetime) -> int:
    """Remove the content of up to `limit` renditions whose campaigns have all ended before that time.

    The targets of their links are kept. One stays while a dispatch has it whose deliveries are still here. Returns how
    many were removed.
    """
    is_old = and_(_rendition.payload.is_not(None), _rendition.created_at < ended_before)
    held = _hold(connection, is_old, _is_referred_to(), ~_is_needed(ended_before), limit=limit)
    return connection.execute(
        update(tables.renditions)
        .where(_rendition.id.in_(held), ~_is_needed(ended_before))
        .values(payload=None, removed_at=now, links=text("CAST(payload AS jsonb) -> 'links'")),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def _hold(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[int]:
    """Lock the first renditions that meet the conditions; the caller asks again, because they may have just changed.

    Whoever stores a rendition that is there already holds it as well, until it is referred to.
    """
    chosen = select(_rendition.id).where(*conditions).order_by(_rendition.id).limit(limit)
    return list(connection.execute(chosen.with_for_update(skip_locked=True)).scalars())


def _is_referred_to() -> ColumnElement[bool]:
    dispatch, reviewed = tables.dispatches.c, tables.reviewed_dispatches.c
    return or_(
        exists().where(dispatch.rendition_id == _rendition.id),
        exists().where(reviewed.rendition_id == _rendition.id),
    )


def _is_needed(ended_before: datetime) -> ColumnElement[bool]:
    dispatch, reviewed, review = tables.dispatches.c, tables.reviewed_dispatches.c, tables.campaign_reviews.c
    delivery = tables.deliveries.c
    has_deliveries = exists().where(delivery.dispatch_id == dispatch.id)
    is_open = ~func.coalesce(is_past_campaign(dispatch.campaign_id, ended_before), False)
    of_review = and_(reviewed.rendition_id == _rendition.id, review.id == reviewed.review_id)
    return or_(
        exists().where(dispatch.rendition_id == _rendition.id, or_(has_deliveries, is_open)),
        exists().where(of_review, ~is_past_campaign(review.campaign_id, ended_before)),
    )
