"""Dispatches: their states, and which of them have work to do. Every change of state names the previous state."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign import OPEN_STATES, CampaignPurpose, Dispatch, DispatchState
from distributor.domain.errors import NotFoundError
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import problems_from_json, problems_to_json

# Why a dispatch or a job of it is in quarantine.
_HELD_FOR = (
    select(tables.quarantine.c.reason)
    .where(tables.quarantine.c.dispatch_id == tables.dispatches.c.id)
    .order_by(tables.quarantine.c.last_at.desc())
    .limit(1)
    .scalar_subquery()
)
_DISPATCH = select(
    tables.dispatches, tables.channels.c.name.label("channel_name"), tables.channels.c.kind, _HELD_FOR.label("held_for")
).join(tables.channels, tables.channels.c.id == tables.dispatches.c.channel_id)


def add(connection: Connection, campaign_id: int, channel_id: int, *, scheduled_at: datetime, zone: str) -> int:
    """Insert a dispatch; returns its id."""
    dispatch_id: int = connection.execute(
        insert(tables.dispatches)
        .values(
            campaign_id=campaign_id,
            channel_id=channel_id,
            state=DispatchState.PLANNED,
            scheduled_at=scheduled_at,
            zone=zone,
        )
        .returning(tables.dispatches.c.id)
    ).scalar_one()
    return dispatch_id


def of_campaign(connection: Connection, campaign_id: int) -> list[Dispatch]:
    """The dispatches of a campaign, by the name of their channel."""
    rows = connection.execute(
        _DISPATCH.where(tables.dispatches.c.campaign_id == campaign_id).order_by(tables.channels.c.name)
    )
    return [_dispatch(row) for row in rows]


def last_released(connection: Connection, channel_id: int, *, except_campaign: int) -> Dispatch | None:
    """The dispatch of another campaign with articles that was released last on this channel; None if there is none."""
    dispatch, campaign = tables.dispatches.c, tables.campaigns.c
    row = connection.execute(
        _DISPATCH.join(tables.campaigns, campaign.id == dispatch.campaign_id)
        .where(
            dispatch.channel_id == channel_id,
            dispatch.campaign_id != except_campaign,
            dispatch.released_at.is_not(None),
            campaign.purpose == CampaignPurpose.ARTICLES,
        )
        .order_by(dispatch.released_at.desc(), dispatch.id.desc())
        .limit(1)
    ).one_or_none()
    return _dispatch(row) if row else None


def paused_on(connection: Connection, channel_id: int, *, except_campaign: int) -> list[Dispatch]:
    """The dispatches of other campaigns that were released on this channel and are paused until they are resumed."""
    dispatch = tables.dispatches.c
    rows = connection.execute(
        _DISPATCH.where(
            dispatch.channel_id == channel_id,
            dispatch.campaign_id != except_campaign,
            dispatch.state == DispatchState.PAUSED,
            dispatch.released_at.is_not(None),
            dispatch.resume_at.is_(None),
        ).order_by(dispatch.id)
    )
    return [_dispatch(row) for row in rows]


def find(connection: Connection, dispatch_id: int) -> Dispatch:
    """Raises NotFoundError."""
    row = connection.execute(_DISPATCH.where(tables.dispatches.c.id == dispatch_id)).one_or_none()
    if row is None:
        raise NotFoundError("dispatch", dispatch_id)
    return _dispatch(row)


def change_state(
    connection: Connection,
    dispatch_id: int,
    *,
    before: Collection[DispatchState],
    after: DispatchState,
    reason: str = "",
) -> bool:
    """Move a dispatch from one of the states `before` to `after`; False if it is in none of them."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state.in_(list(before)))
        .values(state=after, reason=reason, resume_at=None)
    )
    return changed.rowcount > 0


def pause(connection: Connection, dispatch_id: int, *, reason: str) -> bool:
    """Pause an open dispatch until it is resumed; False if it is not open, or paused so already."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, _may_be_paused())
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=None)
    )
    return changed.rowcount > 0


def pause_until(connection: Connection, dispatch_id: int, resume_at: datetime, *, reason: str) -> bool:
    """Pause a running dispatch until that time; False if it is not running."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state == DispatchState.RUNNING)
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=resume_at)
    )
    return changed.rowcount > 0


def resume_due(connection: Connection, *, now: datetime) -> int:
    """Resume the dispatches whose pause ends by itself by now; returns how many."""
    return connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.state == DispatchState.PAUSED, tables.dispatches.c.resume_at <= now)
        .values(state=DispatchState.RUNNING, reason="", resume_at=None)
    ).rowcount


def pause_with_article(connection: Connection, article_id: int, *, reason: str) -> list[int]:
    """Pause every open dispatch of the campaigns with this article until it is resumed; returns the campaigns' ids."""
    about = tables.campaign_articles.c
    campaigns = select(about.campaign_id).where(about.article_id == article_id)
    paused = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.campaign_id.in_(campaigns), _may_be_paused())
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=None)
        .returning(tables.dispatches.c.campaign_id)
    )
    return sorted(set(paused.scalars()))


def resume(connection: Connection, dispatch_id: int, *, now: datetime) -> bool:
    """Resume a paused dispatch: running if it had been released, else waiting for its time.

    One whose rendering failed is planned again: the cause may have been fixed. If the time of one that is not released
    has passed, its time is now, so that it is not too late.
    """
    at_rest = tables.dispatches
    changed = connection.execute(
        update(at_rest)
        .where(
            at_rest.c.id == dispatch_id,
            or_(
                at_rest.c.state == DispatchState.PAUSED,
                and_(at_rest.c.state == DispatchState.FAILED, at_rest.c.rendition_id.is_(None)),
            ),
        )
        .values(
            state=case(
                (at_rest.c.released_at.is_not(None), DispatchState.RUNNING.value),
                (at_rest.c.rendition_id.is_not(None), DispatchState.SCHEDULED.value),
                else_=DispatchState.PLANNED.value,
            ),
            scheduled_at=case(
                (at_rest.c.released_at.is_(None), func.greatest(at_rest.c.scheduled_at, now)),
                else_=at_rest.c.scheduled_at,
            ),
            reason="",
            resume_at=None,
        )
    )
    return changed.rowcount > 0


def freeze_rendition(
    connection: Connection, dispatch_id: int, rendition: Rendition, problems: Sequence[Problem], *, now: datetime
) -> bool:
    """Store the rendition of a planned dispatch; False if it is not planned. Equal renditions are stored once."""
    connection.execute(
        insert(tables.renditions)
        .values(kind=rendition.kind, digest=rendition.digest, payload=rendition.canonical(), created_at=now)
        .on_conflict_do_nothing()
    )
    rendition_id = (
        select(tables.renditions.c.id).where(tables.renditions.c.digest == rendition.digest).scalar_subquery()
    )
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state == DispatchState.PLANNED)
        .values(state=DispatchState.SCHEDULED, rendition_id=rendition_id, problems=problems_to_json(tuple(problems)))
    )
    return changed.rowcount > 0


def fail_rendering(connection: Connection, dispatch_id: int, reason: str, problems: Sequence[Problem]) -> bool:
    """Mark a planned dispatch as failed, with the reason and the problems."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state == DispatchState.PLANNED)
        .values(state=DispatchState.FAILED, reason=reason, problems=problems_to_json(tuple(problems)))
    )
    return changed.rowcount > 0


def rendition_of(connection: Connection, dispatch_id: int) -> Rendition:
    """The frozen rendition of a dispatch. Raises NotFoundError if it has none yet."""
    row = connection.execute(
        select(tables.renditions.c.kind, tables.renditions.c.payload)
        .join(tables.dispatches, tables.dispatches.c.rendition_id == tables.renditions.c.id)
        .where(tables.dispatches.c.id == dispatch_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("rendition of dispatch", dispatch_id, hint="it has not been rendered yet")
    return Rendition(kind=row.kind, payload=json.loads(row.payload))


def lock_due(connection: Connection, dispatch_id: int, *, now: datetime) -> bool:
    """Lock a scheduled dispatch whose time has come, for its release in this transaction; False if there is none."""
    row = connection.execute(
        select(tables.dispatches.c.id)
        .where(
            tables.dispatches.c.id == dispatch_id,
            tables.dispatches.c.state == DispatchState.SCHEDULED,
            tables.dispatches.c.scheduled_at <= now,
        )
        .with_for_update()
    ).first()
    return row is not None


def mark_released(connection: Connection, dispatch_id: int, *, audience_size: int, now: datetime) -> None:
    """The audience is frozen and the dispatch runs."""
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id)
        .values(state=DispatchState.RUNNING, audience_size=audience_size, released_at=now)
    )


def finish_settled(connection: Connection, *, now: datetime) -> list[int]:
    """Finish the running dispatches that have nothing left to do; returns their ids.

    A delivery may become due in a transaction that is open meanwhile, which ends with `reopen`. So the dispatches are
    locked first, skipping those that other transactions have locked, and then read again.
    """
    unfinished = or_(
        _has("deliveries.state IN ('pending', 'claimed', 'in_flight', 'deferred')"),
        _has_unknown(),
    )
    settled = connection.execute(
        select(tables.dispatches.c.id)
        .where(tables.dispatches.c.state == DispatchState.RUNNING, ~unfinished)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id.in_(settled.scalars().all()), ~unfinished)
        .values(state=DispatchState.FINISHED, finished_at=now)
        .returning(tables.dispatches.c.id)
    )
    return [row.id for row in rows]


def reopen(connection: Connection, dispatch_id: int) -> None:
    """A dispatch has work again: it becomes running if it had finished.

    One that is running is locked all the same, so that it does not finish before this transaction ends.
    """
    is_finished = tables.dispatches.c.state == DispatchState.FINISHED
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id)
        .values(
            state=case((is_finished, DispatchState.RUNNING.value), else_=tables.dispatches.c.state),
            finished_at=case((is_finished, None), else_=tables.dispatches.c.finished_at),
        )
    )


# The functions below leave out dispatches that rest: `resting` is the beginning of the key under which such a job is in
# quarantine, before the id of the dispatch.


def to_render(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of dispatches that still need a rendition, the next due first."""
    is_planned = tables.dispatches.c.state == DispatchState.PLANNED
    return _numbers(connection, is_planned, _is_awake(resting, now), limit=limit)


def to_release(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of dispatches whose time has come."""
    due = and_(tables.dispatches.c.state == DispatchState.SCHEDULED, tables.dispatches.c.scheduled_at <= now)
    return _numbers(connection, due, _is_awake(resting, now), limit=limit)


def stalled(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of running dispatches with deliveries that are due and not leased by any worker."""
    row = tables.deliveries.c
    due = or_(
        _has("deliveries.state = 'pending'"),
        _has("deliveries.state = 'deferred'", row.next_at <= now),
    )
    at_work = _has("deliveries.state IN ('claimed', 'in_flight')", row.lease_until > now)
    is_running = tables.dispatches.c.state == DispatchState.RUNNING
    return _numbers(connection, is_running, _is_awake(resting, now), due, ~at_work, limit=limit)


def with_unknown(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of dispatches with deliveries of unknown outcome that are due to be resolved."""
    due = _has_unknown(tables.deliveries.c.next_at <= now)
    return _numbers(connection, due, _is_awake(resting, now), limit=limit)


def _is_awake(resting: str, now: datetime) -> ColumnElement[bool]:
    item, dispatch_id = tables.quarantine.c, tables.dispatches.c.id
    return ~exists().where(
        item.dispatch_id == dispatch_id, item.key == literal(resting) + cast(dispatch_id, Text), item.retry_at > now
    )


def _may_be_paused() -> ColumnElement[bool]:
    """Whether a dispatch is open, and not paused already until it is resumed."""
    dispatch = tables.dispatches.c
    return or_(
        dispatch.state.in_(list(OPEN_STATES - {DispatchState.PAUSED})),
        and_(dispatch.state == DispatchState.PAUSED, dispatch.resume_at.is_not(None)),
    )


def _has(condition: str, *bounds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the dispatch has an unsettled delivery that meets this condition.

    The query is for the first one at or after the dispatch, in the order of the index of unsettled deliveries. While a
    campaign is sent, PostgreSQL's statistics still say that all are pending, and it would scan everything sent so far.
    States are written out, because that index is not used for parameters once a statement is prepared.
    """
    row, dispatch = tables.deliveries.c, tables.dispatches.c
    first = (
        select(row.dispatch_id)
        .where(tuple_(row.dispatch_id, row.id) > tuple_(dispatch.id, 0), text(condition), *bounds)
        .order_by(row.dispatch_id, row.id)
        .limit(1)
        .correlate(tables.dispatches)
    )
    return func.coalesce(first.scalar_subquery() == dispatch.id, false())


def _has_unknown(*bounds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the dispatch has a delivery of unknown outcome that is to be resolved."""
    row = tables.deliveries.c
    return exists().where(
        row.dispatch_id == tables.dispatches.c.id,
        text("deliveries.state = 'unknown' AND deliveries.next_at IS NOT NULL"),
        *bounds,
    )


def _numbers(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[int]:
    query = select(tables.dispatches.c.id).where(*conditions).order_by(tables.dispatches.c.scheduled_at).limit(limit)
    return list(connection.execute(query).scalars())


def _dispatch(row: Row[tuple[object, ...]]) -> Dispatch:
    return Dispatch(
        id=row.id,
        campaign_id=row.campaign_id,
        channel_id=row.channel_id,
        channel_name=row.channel_name,
        kind=row.kind,
        state=DispatchState(row.state),
        scheduled_at=row.scheduled_at,
        zone=row.zone,
        rendition_id=row.rendition_id,
        audience_size=row.audience_size,
        reason=row.reason or row.held_for or "",
        problems=problems_from_json(row.problems),
        released_at=row.released_at,
        finished_at=row.finished_at,
    )
