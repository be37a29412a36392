"""The calendar: which dispatches of campaigns with articles start when, a few of each day, and what has no time yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Row,
    Select,
    and_,
    bindparam,
    false,
    func,
    literal,
    null,
    or_,
    select,
)

from distributor.domain.calendar import (
    CROWDED_WITHIN,
    REPEATED_WITHIN,
    CalendarDay,
    CalendarEntry,
    CalendarFilter,
)
from distributor.domain.campaign import CampaignPurpose, DispatchState
from distributor.domain.tags import tag_slug
from distributor.storage import tables
from distributor.storage.database import Connection

_dispatch = tables.dispatches.c
_campaign = tables.campaigns.c
_channel = tables.channels.c
# What does not go out clashes with nothing.
_DEAD = (DispatchState.CANCELLED, DispatchState.FAILED)
_UNJUDGED = (
    null().label("sentence"),
    false().label("is_crowded"),
    false().label("is_repeated"),
    literal(0).label("companions"),
)
_TO_COME = (DispatchState.DRAFT, DispatchState.SCHEDULED, DispatchState.PAUSED)


def days(
    connection: Connection,
    dates: Sequence[date],
    starts: Sequence[datetime],
    chosen: CalendarFilter,
    *,
    per_day: int,
    audience_kinds: Collection[str],
) -> list[CalendarDay]:
    """The dispatches on each of these dates, by time: `per_day` of each, with how many there are.

    `starts` are the instants at which the dates begin, and at which the last of them ends. `audience_kinds` are the
    kinds of channels that go to subscribers.
    """
    bounds = bindparam("bounds", list(starts), type_=ARRAY(DateTime(timezone=True)))
    slot = func.width_bucket(_dispatch.scheduled_at, bounds)
    ranked = (
        _entries(chosen)
        .add_columns(
            slot.label("slot"),
            func.row_number().over(partition_by=slot, order_by=(_dispatch.scheduled_at, _dispatch.id)).label("place"),
            func.count().over(partition_by=slot).label("total"),
        )
        .where(_dispatch.scheduled_at >= starts[0], _dispatch.scheduled_at < starts[-1])
        .subquery("ranked")
    )
    rows = connection.execute(
        select(ranked, *_judged(ranked.c, audience_kinds))
        .where(ranked.c.place <= per_day)
        .order_by(ranked.c.scheduled_at, ranked.c.id)
    ).all()
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.slot, []).append(row)
    return [
        CalendarDay(
            day=day,
            entries=tuple(_entry(row) for row in found.get(number, [])),
            total=found[number][0].total if number in found else 0,
        )
        for number, day in enumerate(dates, start=1)
    ]


def without_time(connection: Connection, chosen: CalendarFilter, *, limit: int) -> tuple[list[CalendarEntry], int]:
    """Drafts whose time is open, of the newest campaigns first: at most `limit`, and how many there are."""
    if chosen.state not in (None, DispatchState.DRAFT):
        return [], 0
    waiting = _entries(chosen).where(
        _dispatch.scheduled_at.is_(None), _dispatch.state == DispatchState.DRAFT, _campaign.test_of.is_(None)
    )
    counted = waiting.add_columns(func.count().over().label("total")).subquery("waiting")
    rows = connection.execute(
        select(counted, *_UNJUDGED).order_by(counted.c.campaign_id.desc(), counted.c.channel_name).limit(limit)
    ).all()
    return [_entry(row) for row in rows], rows[0].total if rows else 0


def find_entry(connection: Connection, dispatch_id: int) -> CalendarEntry | None:
    """A dispatch of a campaign with articles, without a judgement of what is near it; None if there is none."""
    row = connection.execute(
        _entries(CalendarFilter()).add_columns(*_UNJUDGED).where(_dispatch.id == dispatch_id)
    ).one_or_none()
    return _entry(row) if row else None


def between(connection: Connection, start: datetime, end: datetime, *, limit: int) -> list[CalendarEntry]:
    """The dispatches that start in this time, the first ones first; without a judgement of what is near them."""
    rows = connection.execute(
        _entries(CalendarFilter())
        .add_columns(*_UNJUDGED)
        .where(_dispatch.scheduled_at >= start, _dispatch.scheduled_at < end)
        .order_by(_dispatch.scheduled_at, _dispatch.id)
        .limit(limit)
    )
    return [_entry(row) for row in rows]


def channel_names(connection: Connection) -> list[str]:
    """The channels that a calendar can be of: those in use, and those that have ever been."""
    return list(connection.execute(select(_channel.name).distinct().order_by(_channel.name)).scalars())


def _entries(chosen: CalendarFilter) -> Select[Any]:
    query = (
        select(
            _dispatch.id,
            _dispatch.campaign_id,
            _dispatch.channel_id,
            _dispatch.state,
            _dispatch.scheduled_at,
            _dispatch.zone,
            _dispatch.released_at,
            _dispatch.reason,
            _channel.name.label("channel_name"),
            _channel.kind,
            _campaign.name.label("campaign_name"),
            _campaign.version,
            _campaign.audience,
        )
        .join(tables.campaigns, _campaign.id == _dispatch.campaign_id)
        .join(tables.channels, _channel.id == _dispatch.channel_id)
        .where(_campaign.purpose == CampaignPurpose.ARTICLES)
    )
    if chosen.channel_name:
        query = query.where(_channel.name == chosen.channel_name)
    if chosen.state is not None:
        query = query.where(_dispatch.state == chosen.state)
    if chosen.text:
        query = query.where(or_(_campaign.name.icontains(chosen.text, autoescape=True), _has_tag(chosen.text)))
    return query


def _has_tag(text: str) -> ColumnElement[bool]:
    sent, tagged, name = tables.campaign_articles.c, tables.article_tags.c, tables.tag_names.c
    return (
        select(sent.campaign_id)
        .join(tables.article_tags, tagged.article_id == sent.article_id)
        .join(tables.tag_names, name.tag_slug == tagged.tag_slug)
        .where(sent.campaign_id == _campaign.id, name.key == tag_slug(text))
        .exists()
    )


def _judged(shown: Any, audience_kinds: Collection[str]) -> tuple[ColumnElement[Any], ...]:
    """The sentence of the newest review of a campaign, and whether others are too near."""
    review = tables.campaign_reviews.c
    sentence = (
        select(review.sentence)
        .where(review.campaign_id == shown.campaign_id)
        .order_by(review.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_to_come = and_(shown.released_at.is_(None), shown.state.in_(_TO_COME))
    other, its_campaign = tables.dispatches.alias("other"), tables.campaigns.alias("its_campaign")
    near = (
        select(literal(1))
        .select_from(other)
        .join(its_campaign, its_campaign.c.id == other.c.campaign_id)
        .where(
            other.c.channel_id == shown.channel_id,
            other.c.campaign_id != shown.campaign_id,
            other.c.state.not_in(_DEAD),
            its_campaign.c.purpose == CampaignPurpose.ARTICLES,
        )
    )

    def within(span: Any) -> ColumnElement[bool]:
        return other.c.scheduled_at.between(shown.scheduled_at - span, shown.scheduled_at + span)

    is_crowded = near.where(within(CROWDED_WITHIN)).exists()
    sister = tables.dispatches.alias("sister")
    companions = (
        select(func.count())
        .select_from(sister)
        .where(
            sister.c.campaign_id == shown.campaign_id,
            sister.c.id != shown.id,
            sister.c.released_at.is_(None),
            sister.c.state.in_(_TO_COME),
        )
        .scalar_subquery()
    )
    is_repeated = near.where(within(REPEATED_WITHIN), its_campaign.c.audience == shown.audience).exists()
    return (
        sentence.label("sentence"),
        and_(is_to_come, is_crowded).label("is_crowded"),
        and_(is_to_come, shown.kind.in_(list(audience_kinds)), is_repeated).label("is_repeated"),
        companions.label("companions"),
    )


def _entry(row: Row[Any]) -> CalendarEntry:
    return CalendarEntry(
        dispatch_id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign_name,
        version=row.version,
        channel_name=row.channel_name,
        kind=row.kind,
        state=DispatchState(row.state),
        scheduled_at=row.scheduled_at,
        zone=row.zone,
        is_released=row.released_at is not None,
        reason=row.reason,
        sentence=row.sentence or "",
        is_crowded=row.is_crowded,
        is_repeated=row.is_repeated,
        companions=row.companions,
    )
