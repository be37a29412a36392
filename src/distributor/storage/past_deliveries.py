"""Past deliveries: what is kept of deliveries whose retention time has passed, and how they become past ones.

Only mails to people do, as soon as their dispatch is past: it has ended, and ended longer ago than the retention time.
Deliveries to accounts and feeds are one a campaign, name nobody, and stay. Totals are not changed by any of this.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, and_, exists, func, literal, literal_column, or_, select, text, tuple_

from distributor.domain.campaign import CampaignPurpose, DispatchState
from distributor.domain.delivery import SETTLED, TRANSITIONS, DeliveryState
from distributor.domain.errors import RemovedError
from distributor.storage import dispatches, tables
from distributor.storage.database import Connection

_ENDED = (DispatchState.FINISHED, DispatchState.CANCELLED, DispatchState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDelivery:
    """A past delivery: `subscriber_id` is None if it went to none, or if the subscriber was erased since."""

    id: int
    dispatch_id: int
    subscriber_id: int | None
    list_id: int | None
    state: DeliveryState
    removed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMail:
    """A past delivery to a person, with its campaign and channel, and when it was released there."""

    id: int
    campaign_id: int
    campaign_name: str
    channel_name: str
    state: DeliveryState
    released_at: datetime | None


def find(connection: Connection, delivery_id: int) -> PastDelivery | None:
    """The past delivery with this id; None if there is none."""
    past, dispatch = tables.past_deliveries, tables.dispatches
    row = connection.execute(
        select(past, dispatch.c.deliveries_removed_at)
        .join(dispatch, dispatch.c.id == past.c.dispatch_id)
        .where(past.c.id == delivery_id)
    ).one_or_none()
    if row is None:
        return None
    return PastDelivery(
        id=row.id,
        dispatch_id=row.dispatch_id,
        subscriber_id=row.subscriber_id,
        list_id=row.list_id,
        state=DeliveryState(row.state),
        removed_at=row.deliveries_removed_at,
    )


def refuse(connection: Connection, delivery_id: int) -> None:
    """Raises RemovedError if this delivery is a past one."""
    if past := find(connection, delivery_id):
        raise RemovedError("delivery", delivery_id, removed_at=past.removed_at)


def of_person(connection: Connection, subscriber_id: int, *, limit: int | None = None) -> list[PastMail]:
    """The past deliveries to a subscriber, the newest first."""
    past, dispatch = tables.past_deliveries.c, tables.dispatches.c
    campaign, channel = tables.campaigns.c, tables.channels.c
    rows = connection.execute(
        select(
            past.id,
            past.state,
            dispatch.campaign_id,
            dispatch.released_at,
            campaign.name.label("campaign_name"),
            channel.name.label("channel_name"),
        )
        .join(tables.dispatches, dispatch.id == past.dispatch_id)
        .join(tables.campaigns, campaign.id == dispatch.campaign_id)
        .join(tables.channels, channel.id == dispatch.channel_id)
        .where(past.subscriber_id == subscriber_id)
        .order_by(past.id.desc())
        .limit(limit)
    )
    return [
        PastMail(
            id=row.id,
            campaign_id=row.campaign_id,
            campaign_name=row.campaign_name,
            channel_name=row.channel_name,
            state=DeliveryState(row.state),
            released_at=row.released_at,
        )
        for row in rows
    ]


def count_by_state(connection: Connection, dispatch_ids: Collection[int]) -> dict[int, dict[DeliveryState, int]]:
    """How many past deliveries of each of these dispatches are in each state; those without any are left out."""
    past = tables.past_deliveries.c
    rows = connection.execute(
        select(past.dispatch_id, past.state, func.count().label("deliveries"))
        .where(past.dispatch_id.in_(dispatch_ids))
        .group_by(past.dispatch_id, past.state)
    )
    found: dict[int, dict[DeliveryState, int]] = {}
    for row in rows:
        found.setdefault(row.dispatch_id, {})[DeliveryState(row.state)] = row.deliveries
    return found


def mark_reported(connection: Connection, past: PastDelivery, state: DeliveryState, *, now: datetime) -> bool:
    """Store the state that a late report gives to a mail, and change the totals by it; False if it changes nothing."""
    before = sorted(one.value for one, after in TRANSITIONS.items() if state in after)
    changed = connection.execute(
        text("""
            WITH old AS (
                SELECT id, state FROM past_deliveries
                WHERE id = :id AND state = ANY(CAST(:before AS text[])) FOR UPDATE
            ), moved AS (
                UPDATE past_deliveries p SET state = :state FROM old WHERE p.id = old.id
                RETURNING p.dispatch_id, old.state AS was
            )
            INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
            SELECT dispatch_id, was, '', -1, CAST(:now AS timestamptz) FROM moved
            UNION ALL SELECT dispatch_id, :state, '', 1, CAST(:now AS timestamptz) FROM moved
        """),
        {"id": past.id, "before": before, "state": state.value, "now": now},
    )
    return changed.rowcount > 0


# The removal.


def dispatches_to_move(connection: Connection, *, before: datetime) -> list[int]:
    """The dispatches that ended before that time and still have deliveries to people, by id."""
    dispatch = tables.dispatches.c
    is_left = exists().where(_is_of_people(dispatch.id))
    return list(
        connection.execute(select(dispatch.id).where(_is_past(before), is_left).order_by(dispatch.id)).scalars()
    )


def move(
    connection: Connection,
    dispatch_id: int,
    state: DeliveryState,
    *,
    before: datetime,
    bounces_since: datetime,
    after_id: int,
    limit: int,
    now: datetime,
) -> tuple[int, int | None]:
    """Make up to `limit` deliveries of a past dispatch in one state past ones, by id after `after_id`.

    Returns how many, and the id after which to go on; None at the end. Their events, histories and posts are deleted.
    Left for a later time are those that another transaction holds, that have an event which is not in the totals yet,
    or a bounce since `bounces_since`, which counts against its address. Nothing is moved if the dispatch was reopened.
    """
    if not dispatches.lock(connection, tables.dispatches.c.id == dispatch_id, _is_past(before)):
        return 0, None
    row, event = tables.deliveries.c, tables.events.c
    in_place = tuple_(row.dispatch_id, row.state, row.id) > tuple_(dispatch_id, _written(state), after_id)
    page = list(
        connection.execute(
            select(row.id)
            .where(in_place, row.dispatch_id == dispatch_id, row.state == _written(state))
            .order_by(row.dispatch_id, row.state, row.id)
            .limit(limit)
        ).scalars()
    )
    if not page:
        return 0, None
    is_needed = exists().where(
        event.delivery_id == row.id,
        or_(
            event.client.is_(None),
            event.client == "taken_back",
            and_(event.kind == "bounce", event.at > bounces_since),
        ),
    )
    chosen = list(
        connection.execute(
            select(row.id)
            .where(row.id.in_(page), _is_of_people(literal(dispatch_id)), ~is_needed)
            .order_by(row.id)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    if chosen:
        connection.execute(select(func.set_config("distributor.totals_stay", "yes", literal(value=True))))
        connection.execute(text(_MOVE), {"ids": chosen, "state": state.value})
        connection.execute(select(func.set_config("distributor.totals_stay", "", literal(value=True))))
        _note_removal(connection, dispatch_id, now=now)
    return len(chosen), page[-1] if len(page) == limit else None


_MOVE = """
    WITH moved AS (
        DELETE FROM deliveries WHERE id = ANY(CAST(:ids AS bigint[])) AND state = :state
        RETURNING id, dispatch_id, subscriber_id, list_id, state
    )
    INSERT INTO past_deliveries (id, dispatch_id, subscriber_id, list_id, state)
    SELECT id, dispatch_id, subscriber_id, list_id, state FROM moved ORDER BY id
"""


def _note_removal(connection: Connection, dispatch_id: int, *, now: datetime) -> None:
    dispatch = tables.dispatches.c
    connection.execute(
        tables.dispatches.update()
        .where(dispatch.id == dispatch_id, dispatch.deliveries_removed_at.is_(None))
        .values(deliveries_removed_at=now)
    )


def past_campaigns_with_files(connection: Connection, *, before: datetime) -> list[int]:
    """The campaigns that ended on all of their channels before that time and have attachments stored, by id."""
    chosen = tables.campaigns.c.id
    has_files = exists().where(tables.campaign_attachments.c.campaign_id == chosen)
    return list(connection.execute(select(chosen).where(has_files, is_past_campaign(chosen, before))).scalars())


def remove_files(connection: Connection, campaign_id: int, *, before: datetime) -> list[str]:
    """Delete the attachments of a campaign, if it ended before that time; returns their names.

    The caller has locked the campaign.
    """
    file = tables.campaign_attachments
    removed = connection.execute(
        file.delete()
        .where(file.c.campaign_id == campaign_id, is_past_campaign(file.c.campaign_id, before))
        .returning(file.c.position, file.c.name)
    )
    return [row.name for row in sorted(removed.all(), key=lambda row: row.position)]


def is_past_campaign(campaign_id: ColumnElement[int], before: datetime) -> ColumnElement[bool]:
    """Whether a campaign has ended on all of its channels before that time."""
    dispatch = tables.dispatches.alias()
    of_campaign = dispatch.c.campaign_id == campaign_id
    is_open = ~func.coalesce(_is_past(before, dispatch), literal(value=False))
    return and_(exists().where(of_campaign), ~exists().where(of_campaign, is_open))


def _is_past(before: datetime, dispatch: FromClause = tables.dispatches) -> ColumnElement[bool]:
    """A dispatch that was cancelled or failed has no end of its own: it counts from when it was released, or due."""
    ended_at = func.coalesce(dispatch.c.finished_at, dispatch.c.released_at, dispatch.c.scheduled_at)
    return and_(dispatch.c.state.in_(_ENDED), ended_at < before)


def _is_of_people(dispatch_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Settled deliveries to people: all but those of articles to accounts and feeds, which belong to no list."""
    row, dispatch, campaign = tables.deliveries.c, tables.dispatches.alias(), tables.campaigns.alias()
    is_about_articles = exists().where(
        dispatch.c.id == row.dispatch_id,
        campaign.c.id == dispatch.c.campaign_id,
        campaign.c.purpose == CampaignPurpose.ARTICLES,
    )
    return and_(
        row.dispatch_id == dispatch_id,
        # By the index of outcomes, which serves only states that are written out.
        row.state.in_([_written(state) for state in sorted(SETTLED)]),
        or_(row.list_id.is_not(None), ~is_about_articles),
    )


def _written(state: DeliveryState) -> ColumnElement[str]:
    return literal_column(f"'{state.value}'")
