"""Campaigns and their dispatches. Every change of state is conditional on the state before it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, case, exists, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import Campaign, CampaignPurpose, Dispatch, DispatchState, PlanKey, UnknownPolicy
from distributor.domain.cover import Cover, Enclosure
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.storage import tables
from distributor.storage.codec import audience_from_json, audience_to_json, problems_from_json, problems_to_json
from distributor.storage.database import Connection

_DISPATCH = select(tables.dispatches, tables.channels.c.name.label("channel_name"), tables.channels.c.kind).join(
    tables.channels, tables.channels.c.id == tables.dispatches.c.channel_id
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
    cover: Cover | None = None,
    key: PlanKey | None = None,
) -> int:
    """A campaign without dispatches yet; returns its number."""
    cover = cover or Cover()
    campaign_id: int = connection.execute(
        insert(tables.campaigns)
        .values(
            name=name,
            key=str(key) if key else None,
            audience=audience_to_json(audience),
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown_policy,
            subject=cover.subject,
            greeting=cover.greeting,
            closing=cover.closing,
            created_at=now,
        )
        .returning(tables.campaigns.c.id)
    ).scalar_one()
    for position, article_id in enumerate(article_ids):
        connection.execute(
            insert(tables.campaign_articles).values(campaign_id=campaign_id, position=position, article_id=article_id)
        )
    for position, one in enumerate(cover.enclosures):
        connection.execute(
            insert(tables.campaign_enclosures).values(
                campaign_id=campaign_id, position=position, name=one.name, media_type=one.media_type, body=one.content
            )
        )
    return campaign_id


def add_dispatch(
    connection: Connection, campaign_id: int, channel_id: int, *, scheduled_at: datetime, zone: str
) -> int:
    """Plan a campaign on a channel; returns the dispatch's number."""
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


def find(connection: Connection, campaign_id: int) -> Campaign:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` shows the ones there are")
    return _campaign(connection, row)


def find_by_key(connection: Connection, key: PlanKey) -> int | None:
    """The campaign that was planned under this key, if any; who plans one under it at this moment is waited for.

    Raises StateError if something else was wished for by that name.
    """
    # Any number will do that is always the same for a name.
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
            f"this key was used for another wish, which became campaign {row.id}; use a new key for a new campaign"
        )
    number: int = row.id
    return number


def cover_of(connection: Connection, campaign_id: int) -> Cover:
    """What the campaign says around its articles, with the content of its enclosures. Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` shows the ones there are")
    about = tables.campaign_enclosures.c
    enclosed = connection.execute(
        select(about.name, about.media_type, about.body)
        .where(about.campaign_id == campaign_id)
        .order_by(about.position)
    )
    return Cover(
        subject=row.subject,
        greeting=row.greeting,
        closing=row.closing,
        enclosures=tuple(Enclosure(name=one.name, media_type=one.media_type, content=one.body) for one in enclosed),
    )


def latest(
    connection: Connection, *, limit: int, purpose: CampaignPurpose | None = None, before_id: int | None = None
) -> list[Campaign]:
    """The newest campaigns, of one purpose and older than one of them if asked."""
    query = select(tables.campaigns).order_by(tables.campaigns.c.id.desc()).limit(limit)
    if purpose is not None:
        query = query.where(tables.campaigns.c.purpose == purpose)
    if before_id is not None:
        query = query.where(tables.campaigns.c.id < before_id)
    rows = connection.execute(query)
    return [_campaign(connection, row) for row in rows]


def dispatches_of(connection: Connection, campaign_id: int) -> list[Dispatch]:
    """The dispatches of a campaign, by the name of their channel."""
    rows = connection.execute(
        _DISPATCH.where(tables.dispatches.c.campaign_id == campaign_id).order_by(tables.channels.c.name)
    )
    return [_dispatch(row) for row in rows]


def find_dispatch(connection: Connection, dispatch_id: int) -> Dispatch:
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
        .values(state=after, reason=reason)
    )
    return changed.rowcount > 0


def resume(connection: Connection, dispatch_id: int) -> bool:
    """Take a paused dispatch up where it was: running if it had been released, else waiting for its time.

    One that could not be rendered is planned again: the cause may have been mended.
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
            reason="",
        )
    )
    return changed.rowcount > 0


def freeze_rendition(
    connection: Connection, dispatch_id: int, rendition: Rendition, problems: Sequence[Problem], *, now: datetime
) -> bool:
    """Give a planned dispatch what it will say; False if it was no longer planned. Equal renditions are kept once."""
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


def refuse_rendition(connection: Connection, dispatch_id: int, reason: str, problems: Sequence[Problem]) -> bool:
    """A planned dispatch cannot go out: say why."""
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


def mark_released(connection: Connection, dispatch_id: int, *, audience: int, now: datetime) -> None:
    """The audience is frozen and the dispatch runs."""
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id)
        .values(state=DispatchState.RUNNING, audience=audience, released_at=now)
    )


def finish_settled(connection: Connection, *, now: datetime) -> list[int]:
    """Finish the running dispatches that have nothing left to do; returns their numbers.

    A delivery may become due in a transaction that is open meanwhile, which ends with `reopen`. So the dispatches are
    locked first, passing over those that somebody else has in hand, and then looked at again as they are by then.
    """
    row = tables.deliveries.c
    unfinished = exists().where(
        row.dispatch_id == tables.dispatches.c.id,
        or_(
            row.state.in_(
                [DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT, DeliveryState.DEFERRED]
            ),
            and_(row.state == DeliveryState.UNKNOWN, row.next_at.is_not(None)),
        ),
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
    """A dispatch has something to do again: it runs if it had finished.

    One that runs is locked all the same, so that it does not finish before the transaction that gave it something.
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


def to_render(connection: Connection, *, limit: int) -> list[int]:
    """Dispatches that still need a rendition, the next due first."""
    return _numbers(connection, tables.dispatches.c.state == DispatchState.PLANNED, limit=limit)


def to_release(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """Dispatches whose time has come."""
    due = and_(tables.dispatches.c.state == DispatchState.SCHEDULED, tables.dispatches.c.scheduled_at <= now)
    return _numbers(connection, due, limit=limit)


def stalled(connection: Connection, *, now: datetime, limit: int) -> list[Dispatch]:
    """Running dispatches with deliveries that are due and nobody at work on them."""
    row = tables.deliveries.c
    due = exists().where(
        row.dispatch_id == tables.dispatches.c.id,
        or_(
            row.state == DeliveryState.PENDING,
            and_(row.state == DeliveryState.DEFERRED, row.next_at <= now),
        ),
    )
    at_work = exists().where(
        row.dispatch_id == tables.dispatches.c.id,
        row.state.in_([DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT]),
        row.lease_until > now,
    )
    rows = connection.execute(
        _DISPATCH.where(tables.dispatches.c.state == DispatchState.RUNNING, due, ~at_work)
        .order_by(tables.dispatches.c.scheduled_at)
        .limit(limit)
    )
    return [_dispatch(found) for found in rows]


def doubtful(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """Dispatches with deliveries of unknown outcome that are due to be looked into."""
    row = tables.deliveries.c
    due = exists().where(
        row.dispatch_id == tables.dispatches.c.id, row.state == DeliveryState.UNKNOWN, row.next_at <= now
    )
    return _numbers(connection, due, limit=limit)


def _numbers(connection: Connection, condition: ColumnElement[bool], *, limit: int) -> list[int]:
    query = select(tables.dispatches.c.id).where(condition).order_by(tables.dispatches.c.scheduled_at).limit(limit)
    return list(connection.execute(query).scalars())


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
        audience=row.audience,
        reason=row.reason,
        problems=problems_from_json(row.problems),
        released_at=row.released_at,
        finished_at=row.finished_at,
    )
