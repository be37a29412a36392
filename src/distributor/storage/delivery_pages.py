"""Pages of a campaign's deliveries: filtered, by id, each in the same time whether it is the first or the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, or_, select, tuple_, union_all

from distributor.domain.clients import ClientKind
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord, record_of

# So many people whose addresses begin alike are looked at in a search.
_MOST_PEOPLE = 2000
MAX_ID = 2**63 - 1

_LEASED = (DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT)
_UNSENT = frozenset({DeliveryState.PENDING, *_LEASED})

_row = tables.deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries: of these dispatches, in one of these states.

    `reason` is why they failed or wait, as their channel classifies it, or why they were suppressed. `person` is the
    beginning of an address, or a whole account or feed. With an `event`, those that have one of this kind, with
    `by_people` one that no known machine caused, and with `link` one of this address.
    """

    dispatch_ids: tuple[int, ...]
    states: frozenset[DeliveryState] = field(default=frozenset(DeliveryState))
    reason: str = ""
    person: str = ""
    event: EventKind | None = None
    by_people: bool = False
    link: str = ""


def page_after(connection: Connection, wanted: DeliveryFilter, *, after_id: int, limit: int) -> list[DeliveryRecord]:
    """The next deliveries by id after one of them, or from the first on."""
    if wanted.person:
        found = [one for one in _of_person(connection, wanted) if one.id > after_id]
        return found[:limit]
    parts = _parts(wanted.dispatch_ids, wanted, after_id=after_id)
    return _found(connection, [part.first(limit) for part in parts], limit=limit)


def page_before(connection: Connection, wanted: DeliveryFilter, *, before_id: int, limit: int) -> list[DeliveryRecord]:
    """The deliveries by id right before one of them."""
    if wanted.person:
        found = [one for one in _of_person(connection, wanted) if one.id < before_id]
        return found[-limit:]
    parts = _parts(wanted.dispatch_ids, wanted, before_id=before_id)
    return _found(connection, [part.last(limit) for part in parts], limit=limit, is_backwards=True)


def first_id(connection: Connection, dispatch_id: int) -> int | None:
    """The first delivery of a dispatch by id; None if it has none."""
    parts = _parts([dispatch_id], DeliveryFilter(dispatch_ids=()))
    found = union_all(*(part.first(1).subquery().select() for part in parts)).subquery()
    number: int | None = connection.execute(select(func.min(found.c.id))).scalar_one()
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDelivery:
    """A delivery to a person, with its campaign and channel."""

    delivery: DeliveryRecord
    campaign_id: int
    campaign_name: str
    purpose: str
    channel_name: str


def of_person(connection: Connection, subscriber_id: int, *, before_id: int | None, limit: int) -> list[PersonDelivery]:
    """The deliveries to a subscriber, the newest first, from before one of them."""
    campaign, dispatch, channel = tables.campaigns.c, tables.dispatches.c, tables.channels.c
    query = (
        select(
            tables.deliveries,
            campaign.id.label("campaign_id"),
            campaign.name.label("campaign_name"),
            campaign.purpose,
            channel.name.label("channel_name"),
        )
        .join(tables.dispatches, dispatch.id == _row.dispatch_id)
        .join(tables.campaigns, campaign.id == dispatch.campaign_id)
        .join(tables.channels, channel.id == dispatch.channel_id)
        .where(_row.subscriber_id == subscriber_id)
        .order_by(_row.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(_row.id < before_id)
    return [
        PersonDelivery(
            delivery=record_of(row),
            campaign_id=row.campaign_id,
            campaign_name=row.campaign_name,
            purpose=row.purpose,
            channel_name=row.channel_name,
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A query for ids, and the columns in whose order its index has them."""

    query: Select[tuple[int]]
    order: tuple[ColumnElement[Any], ...]

    def first(self, limit: int) -> Select[tuple[int]]:
        return self.query.order_by(*self.order).limit(limit)

    def last(self, limit: int) -> Select[tuple[int]]:
        return self.query.order_by(*(column.desc() for column in self.order)).limit(limit)


def _parts(
    dispatch_ids: Sequence[int], wanted: DeliveryFilter, *, after_id: int = 0, before_id: int = MAX_ID
) -> list[_Part]:
    """One query for each index that leads to some of the deliveries in the order of their ids.

    States are written into the statements, because an index of some states serves no statement with a parameter. The
    dispatch is in a range and in the order rather than equal to a number: with the order of the ids alone PostgreSQL
    may read the whole table by its primary key, hoping to find enough rows soon.
    """
    if wanted.event:
        query = _with_event(wanted)
        return [_Part(one.where(_row.id > after_id, _row.id < before_id), (_row.id,)) for one in query]
    of_reason = _of_reason(wanted)
    parts = []
    for dispatch_id in dispatch_ids:
        for state in sorted(wanted.states - _UNSENT):
            place = (_row.dispatch_id, _row.state, _row.id)
            in_place = (
                tuple_(*place) > tuple_(dispatch_id, _written(state), after_id),
                tuple_(*place) < tuple_(dispatch_id, _written(state), before_id),
            )
            parts.append(_Part(select(_row.id).where(_row.state == _written(state), *in_place, *of_reason), place))
        unsent = wanted.states & _UNSENT
        if unsent:
            # Nearly all of what is not settled is pending at first, and the leased are few.
            is_unsent = or_(*(_row.state == _written(state) for state in sorted(unsent)))
            order = (_row.dispatch_id, _row.id)
            of_dispatch = (
                tuple_(*order) > tuple_(dispatch_id, after_id),
                tuple_(*order) < tuple_(dispatch_id, before_id),
            )
            parts.append(_Part(select(_row.id).where(is_unsent, *of_dispatch, *of_reason), order))
    return parts


def _of_reason(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    if not wanted.reason:
        return []
    is_suppressed = and_(_row.state == DeliveryState.SUPPRESSED, _row.reply == wanted.reason)
    return [or_(_row.detail["reason"].astext == wanted.reason, is_suppressed)]


def _of_event(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """The conditions on events."""
    event = tables.events.c
    return [
        event.kind == wanted.event,
        *([event.client == ClientKind.PERSON] if wanted.by_people else []),
        *([event.detail["url"].astext == wanted.link] if wanted.link else []),
    ]


def _with_event(wanted: DeliveryFilter) -> list[Select[tuple[int]]]:
    """By the index of events, within the ids of these dispatches: an event may be rare among a million deliveries."""
    if not wanted.dispatch_ids:
        return []
    of_all = _parts(wanted.dispatch_ids, DeliveryFilter(dispatch_ids=wanted.dispatch_ids))
    ends = [
        union_all(*(one.subquery().select() for one in found)).subquery()
        for found in ([part.first(1) for part in of_all], [part.last(1) for part in of_all])
    ]
    first, last = (
        select(func.min(ends[0].c.id)).scalar_subquery(),
        select(func.max(ends[1].c.id)).scalar_subquery(),
    )
    found = tables.events.c
    return [
        select(_row.id)
        .distinct()
        .select_from(tables.events.join(tables.deliveries, _row.id == found.delivery_id))
        .where(
            *_of_event(wanted),
            found.delivery_id >= first,
            found.delivery_id <= last,
            _row.dispatch_id.in_(wanted.dispatch_ids),
            _row.state.in_(wanted.states),
            *_of_reason(wanted),
        )
    ]


def _found(
    connection: Connection, parts: Sequence[Select[tuple[int]]], *, limit: int, is_backwards: bool = False
) -> list[DeliveryRecord]:
    if not parts:
        return []
    ids = union_all(*(part.subquery().select() for part in parts)).subquery()
    in_order = ids.c.id.desc() if is_backwards else ids.c.id
    chosen = select(ids.c.id).order_by(in_order).limit(limit).scalar_subquery()
    rows = connection.execute(select(tables.deliveries).where(_row.id.in_(chosen)).order_by(_row.id))
    return [record_of(row) for row in rows]


def _of_person(connection: Connection, wanted: DeliveryFilter) -> list[DeliveryRecord]:
    """The deliveries to people whose address begins so, and to an account or feed that is called so, by id."""
    if not wanted.dispatch_ids:
        return []
    person = tables.subscribers.c
    people = (
        select(person.id)
        .where(person.key.startswith(wanted.person.lower(), autoescape=True))
        .order_by(person.key)
        .limit(_MOST_PEOPLE)
        .cte("people")
    )
    has_event = exists().where(tables.events.c.delivery_id == _row.id, *_of_event(wanted))
    is_wanted = and_(
        _row.dispatch_id.in_(wanted.dispatch_ids),
        _row.state.in_(wanted.states),
        *_of_reason(wanted),
        *([has_event] if wanted.event else []),
    )
    by_person = select(_row.id).join(people, people.c.id == _row.subscriber_id).where(is_wanted)
    by_name = select(_row.id).where(_row.recipient == wanted.person, is_wanted)
    ids = union_all(by_person, by_name).subquery()
    rows = connection.execute(select(tables.deliveries).where(_row.id.in_(select(ids.c.id))).order_by(_row.id))
    return [record_of(row) for row in rows]


def _written(state: DeliveryState) -> ColumnElement[str]:
    return literal_column(f"'{state.value}'")
