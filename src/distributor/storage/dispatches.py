"""Dispatches: their states, and which of them have work to do. Every change of state names the previous state."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign import OPEN_STATES, CampaignPurpose, Dispatch, DispatchState
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError, RemovedError
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.schedule import FollowUp
from distributor.storage import tables
from distributor.storage.arrays import array_of
from distributor.storage.database import Connection
from distributor.storage.json_codec import problems_from_json, problems_to_json

# So long before its time a dispatch is prepared: its rendition is made again, and compared with the reviewed one.
PREPARED_BEFORE = timedelta(minutes=2)

# Why a dispatch or a job of it is in quarantine.
_HELD_FOR = (
    select(tables.quarantine.c.reason)
    .where(tables.quarantine.c.dispatch_id == tables.dispatches.c.id)
    .order_by(tables.quarantine.c.last_at.desc())
    .limit(1)
    .scalar_subquery()
)
_LEADER, _LEADER_CHANNEL = tables.dispatches.alias("leader"), tables.channels.alias("leader_channel")
# The channel that it starts after.
_FOLLOWS = (
    select(_LEADER_CHANNEL.c.name)
    .join(_LEADER, _LEADER.c.channel_id == _LEADER_CHANNEL.c.id)
    .where(_LEADER.c.id == tables.dispatches.c.follows_id)
    .correlate(tables.dispatches)
    .scalar_subquery()
)
_DISPATCH = select(
    tables.dispatches,
    tables.channels.c.name.label("channel_name"),
    tables.channels.c.kind,
    _HELD_FOR.label("held_for"),
    _FOLLOWS.label("follows"),
).join(tables.channels, tables.channels.c.id == tables.dispatches.c.channel_id)
# Made once: every step of every dispatch begins with it.
_FIND = _DISPATCH.where(tables.dispatches.c.id == bindparam("dispatch_id"))


def add(
    connection: Connection,
    campaign_id: int,
    channel_id: int,
    *,
    scheduled_at: datetime | None,
    zone: str,
    state: DispatchState = DispatchState.DRAFT,
) -> int:
    """Insert a dispatch, by default a draft; returns its id."""
    dispatch_id: int = connection.execute(
        insert(tables.dispatches)
        .values(
            campaign_id=campaign_id,
            channel_id=channel_id,
            state=state,
            scheduled_at=scheduled_at,
            zone=zone,
        )
        .returning(tables.dispatches.c.id)
    ).scalar_one()
    return dispatch_id


def add_released(
    connection: Connection,
    campaign_id: int,
    channel_id: int,
    rendition: Rendition,
    recipients: Mapping[str, Mapping[str, str]],
    *,
    now: datetime,
) -> list[int]:
    """Insert a running dispatch with its deliveries, to people who need no subscription; returns the deliveries' ids.

    `recipients` are the merge fields by recipient.
    """
    dispatch_id: int = connection.execute(
        insert(tables.dispatches)
        .values(
            campaign_id=campaign_id,
            channel_id=channel_id,
            state=DispatchState.RUNNING,
            scheduled_at=now,
            zone="UTC",
            rendition_id=store_rendition(connection, rendition, now=now),
            audience_size=len(recipients),
            prepared_at=now,
            released_at=now,
        )
        .returning(tables.dispatches.c.id)
    ).scalar_one()
    rows = [
        {
            "dispatch_id": dispatch_id,
            "recipient": recipient,
            "fields": dict(fields),
            "state": DeliveryState.PENDING,
            "created_at": now,
            "updated_at": now,
        }
        for recipient, fields in recipients.items()
    ]
    return list(connection.execute(insert(tables.deliveries).returning(tables.deliveries.c.id), rows).scalars())


def of_campaign(connection: Connection, campaign_id: int) -> list[Dispatch]:
    """The dispatches of a campaign, by the name of their channel."""
    rows = connection.execute(
        _DISPATCH.where(tables.dispatches.c.campaign_id == campaign_id).order_by(tables.channels.c.name)
    )
    return [_dispatch(row) for row in rows]


def of_campaigns(connection: Connection, campaign_ids: Collection[int]) -> dict[int, list[Dispatch]]:
    """The dispatches of each of these campaigns, by the name of their channel, in one query."""
    rows = connection.execute(
        _DISPATCH.where(tables.dispatches.c.campaign_id.in_(campaign_ids)).order_by(tables.channels.c.name)
    )
    found: dict[int, list[Dispatch]] = {number: [] for number in campaign_ids}
    for row in rows:
        found[row.campaign_id].append(_dispatch(row))
    return found


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


def running(connection: Connection, *, purposes: Collection[CampaignPurpose], limit: int) -> list[Dispatch]:
    """The dispatches of campaigns of these kinds that are being sent, those that began last first."""
    dispatch, campaign = tables.dispatches.c, tables.campaigns.c
    rows = connection.execute(
        _DISPATCH.join(tables.campaigns, campaign.id == dispatch.campaign_id)
        .where(dispatch.state == DispatchState.RUNNING, campaign.purpose.in_(purposes))
        .order_by(dispatch.scheduled_at.desc(), dispatch.id.desc())
        .limit(limit)
    )
    return [_dispatch(row) for row in rows]


def open_on(connection: Connection, channel_id: int) -> list[Dispatch]:
    """The dispatches on this channel that are drafts, scheduled, running or paused, those of tests as well."""
    dispatch = tables.dispatches.c
    return [
        _dispatch(row)
        for row in connection.execute(
            _DISPATCH.where(dispatch.channel_id == channel_id, dispatch.state.in_(OPEN_STATES)).order_by(
                dispatch.campaign_id
            )
        )
    ]


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


def remove(connection: Connection, dispatch_id: int) -> None:
    """Delete a draft."""
    connection.execute(delete(tables.dispatches).where(tables.dispatches.c.id == dispatch_id, _is_draft()))


def start_of_campaign(connection: Connection, campaign_id: int) -> datetime | None:
    """When the first dispatch of a campaign starts; None if that is open."""
    return starts_of_campaigns(connection, [campaign_id]).get(campaign_id)


def starts_of_campaigns(connection: Connection, campaign_ids: Collection[int]) -> dict[int, datetime]:
    """The same for each of these campaigns, without those where it is open."""
    dispatch = tables.dispatches.c
    rows = connection.execute(
        select(dispatch.campaign_id, func.min(dispatch.scheduled_at).label("start"))
        .where(dispatch.campaign_id.in_(campaign_ids), dispatch.state != DispatchState.CANCELLED)
        .group_by(dispatch.campaign_id)
    )
    return {row.campaign_id: row.start for row in rows if row.start is not None}


def find(connection: Connection, dispatch_id: int) -> Dispatch:
    """Raises NotFoundError."""
    row = connection.execute(_FIND, {"dispatch_id": dispatch_id}).one_or_none()
    if row is None:
        raise NotFoundError("dispatch", dispatch_id)
    return _dispatch(row)


def find_many(connection: Connection, dispatch_ids: Collection[int]) -> list[Dispatch]:
    """Those of these dispatches that exist, by their ids."""
    chosen = tables.dispatches.c.id
    rows = connection.execute(_DISPATCH.where(chosen.in_(dispatch_ids)).order_by(chosen))
    return [_dispatch(row) for row in rows]


def are_running(connection: Connection, dispatch_ids: Collection[int]) -> bool:
    """Whether all of these dispatches are being sent."""
    dispatch = tables.dispatches.c
    running = connection.execute(
        select(func.count()).where(dispatch.id.in_(dispatch_ids), dispatch.state == DispatchState.RUNNING)
    ).scalar_one()
    return running == len(dispatch_ids)


def lock(connection: Connection, *conditions: ColumnElement[bool]) -> list[int]:
    """Lock the dispatches that meet these conditions until the transaction ends, in the order of all locks."""
    chosen = tables.dispatches.c.id
    rows = connection.execute(select(chosen).where(*conditions).order_by(chosen).with_for_update(key_share=True))
    return list(rows.scalars())


def lock_of_campaign(connection: Connection, campaign_id: int) -> None:
    """Lock the dispatches of a campaign. To be called before its articles or deliveries are locked."""
    lock(connection, tables.dispatches.c.campaign_id == campaign_id)


def lock_of_deliveries(connection: Connection, delivery_ids: Collection[int], *, worker: str | None = None) -> None:
    """Lock the dispatches of these deliveries, and of those that a worker holds or has not reported."""
    row = tables.deliveries.c
    # Each by an index of its own.
    held = (row.state.in_(["claimed", "in_flight"]), row.state == "unknown")
    concerned = [select(row.dispatch_id).where(row.id.in_(delivery_ids))]
    if worker is not None:
        concerned += [select(row.dispatch_id).where(row.worker == worker, states) for states in held]
    lock(connection, tables.dispatches.c.id.in_(union_all(*concerned)))


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


def set_time(connection: Connection, dispatch_id: int, scheduled_at: datetime | None, zone: str) -> bool:
    """Set when a dispatch starts that is not released, and prepare it again; False if it is released or has ended.

    Only that of a draft may be None.
    """
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, _is_unreleased())
        .values(scheduled_at=scheduled_at, zone=zone, prepared_at=None)
    )
    return changed.rowcount > 0


def set_follow_ups(connection: Connection, campaign_id: int, follow_ups: Mapping[str, FollowUp]) -> None:
    """Let dispatches of a campaign start after others of it, by the names of their channels; the rest follow none.

    What is released keeps what it has.
    """
    ids = {one.channel_name: one.id for one in of_campaign(connection, campaign_id)}
    dispatch = tables.dispatches
    connection.execute(
        update(dispatch)
        .where(dispatch.c.campaign_id == campaign_id, dispatch.c.follows_id.is_not(None), _is_unreleased())
        .values(follows_id=None, follows_after=None)
    )
    for name, follow_up in follow_ups.items():
        connection.execute(
            update(dispatch)
            .where(dispatch.c.id == ids[name], _is_unreleased())
            .values(follows_id=ids[follow_up.channel_name], follows_after=int(follow_up.after.total_seconds()))
        )


def schedule(
    connection: Connection, dispatch_id: int, *, rendition_id: int | None, problems: Sequence[Problem], now: datetime
) -> bool:
    """Schedule a draft, or one that is paused and not released, with the rendition and problems of its review.

    Its time is now if it has passed while it was paused, so that it is not too late. False if it is neither.
    """
    chosen = tables.dispatches.c
    is_draft = chosen.state == DispatchState.DRAFT
    changed = connection.execute(
        update(tables.dispatches)
        .where(chosen.id == dispatch_id, chosen.released_at.is_(None), chosen.state.in_(["draft", "paused"]))
        .values(
            state=DispatchState.SCHEDULED,
            scheduled_at=case((is_draft, chosen.scheduled_at), else_=func.greatest(chosen.scheduled_at, now)),
            rendition_id=rendition_id,
            problems=problems_to_json(tuple(problems)),
            prepared_at=None,
            reason="",
            resume_at=None,
            held_state=None,
        )
    )
    return changed.rowcount > 0


def take_back(connection: Connection, campaign_id: int) -> None:
    """Make the dispatches of a campaign drafts again that are scheduled or paused and not released."""
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.campaign_id == campaign_id, _is_unreleased())
        .values(state=DispatchState.DRAFT, prepared_at=None, reason="", resume_at=None, held_state=None)
    )


def pause(connection: Connection, dispatch_id: int, *, reason: str) -> bool:
    """Pause an open dispatch until it is resumed; False if it is a draft, not open, or paused so already."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, _may_be_paused())
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=None, prepared_at=_prepared_if_released())
    )
    return changed.rowcount > 0


def pause_unreleased(connection: Connection, campaign_id: int, *, reason: str) -> int:
    """Pause every dispatch of a campaign that is scheduled and not released; returns how many."""
    dispatch = tables.dispatches.c
    return connection.execute(
        update(tables.dispatches)
        .where(dispatch.campaign_id == campaign_id, dispatch.state == DispatchState.SCHEDULED)
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=None, prepared_at=None)
    ).rowcount


def pause_until(connection: Connection, dispatch_id: int, resume_at: datetime, *, reason: str) -> bool:
    """Pause a running dispatch until that time; False if it is not running."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state == DispatchState.RUNNING)
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=resume_at)
    )
    return changed.rowcount > 0


def resume_due(connection: Connection, *, now: datetime) -> int:
    """Resume the dispatches whose pause ends by itself by now; returns how many. Those locked by others wait."""
    dispatch = tables.dispatches.c
    due = select(dispatch.id).where(dispatch.state == DispatchState.PAUSED, dispatch.resume_at <= now)
    return connection.execute(
        update(tables.dispatches)
        .where(dispatch.id.in_(due.with_for_update(skip_locked=True)))
        .values(state=DispatchState.RUNNING, reason="", resume_at=None)
    ).rowcount


def open_with_article(connection: Connection, article_id: int) -> list[tuple[int, str]]:
    """Number and name of the campaigns that `pause_with_article` would pause, the oldest first."""
    about, campaign = tables.campaign_articles.c, tables.campaigns.c
    rows = connection.execute(
        select(campaign.id, campaign.name)
        .join(tables.campaign_articles, about.campaign_id == campaign.id)
        .join(tables.dispatches, tables.dispatches.c.campaign_id == campaign.id)
        .where(about.article_id == article_id, _may_be_paused())
        .distinct()
        .order_by(campaign.id)
    )
    return [(row.id, row.name) for row in rows]


def pause_with_article(connection: Connection, article_id: int, *, reason: str) -> list[int]:
    """Pause every open dispatch of the campaigns with this article until it is resumed; returns the campaigns' ids."""
    about = tables.campaign_articles.c
    campaigns = select(about.campaign_id).where(about.article_id == article_id)
    chosen = lock(connection, tables.dispatches.c.campaign_id.in_(campaigns), _may_be_paused())
    paused = connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id.in_(chosen))
        .values(state=DispatchState.PAUSED, reason=reason, resume_at=None, prepared_at=_prepared_if_released())
        .returning(tables.dispatches.c.campaign_id)
    )
    return sorted(set(paused.scalars()))


def resume(connection: Connection, dispatch_id: int) -> bool:
    """Resume a paused dispatch that is released; False if it is not. `schedule` is for the others."""
    changed = connection.execute(
        update(tables.dispatches)
        .where(
            tables.dispatches.c.id == dispatch_id,
            tables.dispatches.c.state == DispatchState.PAUSED,
            tables.dispatches.c.released_at.is_not(None),
        )
        .values(state=DispatchState.RUNNING, reason="", resume_at=None, held_state=None)
    )
    return changed.rowcount > 0


def store_rendition(connection: Connection, rendition: Rendition, *, now: datetime) -> int:
    """The id of this rendition; equal renditions are stored once."""
    connection.execute(
        insert(tables.renditions)
        .values(kind=rendition.kind, digest=rendition.digest, payload=rendition.canonical(), created_at=now)
        .on_conflict_do_nothing()
    )
    # Held until it is referred to, so that it is not removed meanwhile.
    row = connection.execute(
        select(tables.renditions.c.id, tables.renditions.c.removed_at)
        .where(tables.renditions.c.digest == rendition.digest)
        .with_for_update(read=True, key_share=True)
    ).one()
    if row.removed_at is not None:
        connection.execute(
            update(tables.renditions)
            .where(tables.renditions.c.id == row.id)
            .values(payload=rendition.canonical(), created_at=now, removed_at=None, links=None)
        )
    number: int = row.id
    return number


def freeze_rendition(
    connection: Connection,
    dispatch_id: int,
    rendition: Rendition,
    problems: Sequence[Problem],
    *,
    revisions: Mapping[str, int] | None = None,
    now: datetime,
) -> bool:
    """A scheduled dispatch is prepared: this is what it sends. False if it is not scheduled, or prepared already.

    `revisions` are those of the articles in it, by slug.
    """
    rendition_id = store_rendition(connection, rendition, now=now)
    changed = connection.execute(
        update(tables.dispatches)
        .where(
            tables.dispatches.c.id == dispatch_id,
            tables.dispatches.c.state == DispatchState.SCHEDULED,
            tables.dispatches.c.prepared_at.is_(None),
        )
        .values(
            prepared_at=now,
            rendition_id=rendition_id,
            problems=problems_to_json(tuple(problems)),
            revisions=dict(revisions or {}),
        )
    )
    return changed.rowcount > 0


def prepare_again(connection: Connection, dispatch_id: int) -> None:
    """A scheduled dispatch is to be prepared again before it is released."""
    connection.execute(
        update(tables.dispatches)
        .where(tables.dispatches.c.id == dispatch_id, tables.dispatches.c.state == DispatchState.SCHEDULED)
        .values(prepared_at=None)
    )


def revisions_of(connection: Connection, dispatch_ids: Collection[int]) -> dict[int, Mapping[str, int]]:
    """The revisions of the articles that each of these dispatches was prepared from, by slug."""
    dispatch = tables.dispatches.c
    rows = connection.execute(select(dispatch.id, dispatch.revisions).where(dispatch.id.in_(dispatch_ids)))
    return {row.id: row.revisions for row in rows}


def rendition_of(connection: Connection, dispatch_id: int) -> Rendition:
    """The rendition of a dispatch: reviewed, or prepared. Raises NotFoundError if it has none yet, and RemovedError."""
    return renditions_of(connection, [dispatch_id])[dispatch_id]


def renditions_of(connection: Connection, dispatch_ids: Collection[int]) -> dict[int, Rendition]:
    """The same for each of these dispatches."""
    dispatch, rendition = tables.dispatches.c, tables.renditions.c
    rows = connection.execute(
        select(dispatch.id, rendition.kind, rendition.payload, rendition.removed_at)
        .join(tables.renditions, dispatch.rendition_id == rendition.id)
        .where(dispatch.id.in_(dispatch_ids))
    ).all()
    for row in rows:
        if row.payload is None:
            raise RemovedError("rendition of dispatch", row.id, removed_at=row.removed_at)
    found = {row.id: Rendition(kind=row.kind, payload=json.loads(row.payload)) for row in rows}
    for number in dispatch_ids:
        if number not in found:
            raise NotFoundError("rendition of dispatch", number, hint="it has not been rendered yet")
    return found


def links_of(connection: Connection, dispatch_id: int) -> list[str]:
    """The targets of the links in the rendition of a dispatch, also when that was removed; none without a rendition."""
    row = connection.execute(
        select(tables.renditions.c.payload, tables.renditions.c.links)
        .join(tables.dispatches, tables.dispatches.c.rendition_id == tables.renditions.c.id)
        .where(tables.dispatches.c.id == dispatch_id)
    ).one_or_none()
    if row is None:
        return []
    found = row.links if row.payload is None else json.loads(row.payload).get("links")
    return [str(url) for url in found or ()]


def lock_due(connection: Connection, dispatch_ids: Collection[int], *, now: datetime) -> list[int]:
    """Lock those of these dispatches that are to be released now, for their release in this transaction.

    Leaves out those that another transaction has locked, which releases or changes them.
    """
    chosen = tables.dispatches.c.id
    rows = connection.execute(
        select(chosen)
        .where(chosen.in_(dispatch_ids), _is_to_be_released(now))
        .order_by(chosen)
        .with_for_update(skip_locked=True)
    )
    return list(rows.scalars())


def mark_released(connection: Connection, audience_sizes: Mapping[int, int], *, now: datetime) -> None:
    """The audiences of these dispatches are frozen, each of this size, and they run."""
    connection.execute(
        text("""
            UPDATE dispatches x SET state = 'running', audience_size = frozen.size, released_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:sizes AS integer[])) AS frozen(id, size) WHERE x.id = frozen.id
        """),
        {"ids": array_of(audience_sizes), "sizes": array_of(audience_sizes.values()), "now": now},
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

    One that is running is locked all the same, so that it does not finish before this transaction ends. If deliveries
    are locked as well, the caller has called `lock_of_deliveries` or `lock_of_campaign` before.
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


def to_prepare(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of scheduled dispatches that start soon and are not prepared, the next due first."""
    dispatch = tables.dispatches.c
    is_near = and_(
        dispatch.state == DispatchState.SCHEDULED,
        dispatch.prepared_at.is_(None),
        dispatch.scheduled_at <= now + PREPARED_BEFORE,
    )
    return _numbers(connection, is_near, _is_awake(resting, now), limit=limit)


def to_release(
    connection: Connection, *, now: datetime, limit: int, resting: str, offset: int = 0, campaign_id: int | None = None
) -> list[int]:
    """Ids of prepared dispatches whose time has come, and for no other of whose campaign they have to wait.

    With `campaign_id` only those of this campaign; the first `offset` ones are passed over.
    """
    chosen = () if campaign_id is None else (tables.dispatches.c.campaign_id == campaign_id,)
    return _numbers(connection, _is_to_be_released(now), _is_awake(resting, now), *chosen, limit=limit, offset=offset)


def stalled(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of running dispatches with deliveries that are due and not leased by any worker."""
    return _numbers(connection, _is_stalled(now), _is_awake(resting, now), limit=limit)


def stalled_on(
    connection: Connection, channel_id: int, *, most: int, now: datetime, limit: int, offset: int, resting: str
) -> list[int]:
    """The same on one channel, to no more than `most` recipients each; the first `offset` ones are passed over."""
    dispatch = tables.dispatches.c
    small = and_(dispatch.channel_id == channel_id, dispatch.audience_size <= most)
    return _numbers(connection, small, _is_stalled(now), _is_awake(resting, now), limit=limit, offset=offset)


def with_unknown(connection: Connection, *, now: datetime, limit: int, resting: str) -> list[int]:
    """Ids of dispatches with deliveries of unknown outcome that are due to be resolved."""
    due = _has_unknown(tables.deliveries.c.next_at <= now)
    return _numbers(connection, due, _is_awake(resting, now), limit=limit)


def _is_awake(resting: str, now: datetime) -> ColumnElement[bool]:
    item, dispatch_id = tables.quarantine.c, tables.dispatches.c.id
    return ~exists().where(
        item.dispatch_id == dispatch_id, item.key == literal(resting) + cast(dispatch_id, Text), item.retry_at > now
    )


def _is_draft() -> ColumnElement[bool]:
    return tables.dispatches.c.state == DispatchState.DRAFT


def _is_unreleased() -> ColumnElement[bool]:
    dispatch = tables.dispatches.c
    return and_(dispatch.state.in_(["draft", "scheduled", "paused"]), dispatch.released_at.is_(None))


def _is_to_be_released(now: datetime) -> ColumnElement[bool]:
    """Whether a dispatch is prepared and due, and so is each of its campaign that is to start no later than it.

    A problem found on one channel so holds the others, also those that are ready.
    """
    dispatch, other = tables.dispatches.c, tables.dispatches.alias("other")
    has_to_wait = exists().where(
        other.c.campaign_id == dispatch.campaign_id,
        other.c.state.in_(["scheduled", "paused"]),
        other.c.released_at.is_(None),
        other.c.prepared_at.is_(None),
        other.c.scheduled_at <= dispatch.scheduled_at,
    )
    return and_(
        dispatch.state == DispatchState.SCHEDULED,
        dispatch.prepared_at.is_not(None),
        dispatch.scheduled_at <= now,
        ~has_to_wait,
    )


def _is_stalled(now: datetime) -> ColumnElement[bool]:
    row = tables.deliveries.c
    due = or_(
        _has("deliveries.state = 'pending'"),
        _has("deliveries.state = 'deferred'", row.next_at <= now),
    )
    at_work = _has("deliveries.state IN ('claimed', 'in_flight')", row.lease_until > now)
    return and_(tables.dispatches.c.state == DispatchState.RUNNING, due, ~at_work)


def _prepared_if_released() -> ColumnElement[datetime | None]:
    """What was not released is prepared again when it is resumed."""
    dispatch = tables.dispatches.c
    return case((dispatch.released_at.is_not(None), dispatch.prepared_at), else_=null())


def _may_be_paused() -> ColumnElement[bool]:
    """Whether a dispatch is scheduled or running, or paused, but not until it is resumed."""
    dispatch = tables.dispatches.c
    return or_(
        dispatch.state.in_(["scheduled", "running"]),
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


def _numbers(connection: Connection, *conditions: ColumnElement[bool], limit: int, offset: int = 0) -> list[int]:
    query = select(tables.dispatches.c.id).where(*conditions).order_by(tables.dispatches.c.scheduled_at)
    return list(connection.execute(query.limit(limit).offset(offset)).scalars())


def follow_up_of(channel_name: str | None, seconds: int | None) -> FollowUp | None:
    """The follow-up that is stored so; None without a channel."""
    return FollowUp(channel_name=channel_name, after=timedelta(seconds=seconds or 0)) if channel_name else None


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
        prepared_at=row.prepared_at,
        audience_size=row.audience_size,
        reason=row.reason or row.held_for or "",
        problems=problems_from_json(row.problems),
        released_at=row.released_at,
        finished_at=row.finished_at,
        is_held=row.state == DispatchState.PAUSED and row.held_state is not None,
        known_until=row.known_until,
        follow_up=follow_up_of(row.follows, row.follows_after),
        deliveries_removed_at=row.deliveries_removed_at,
    )
