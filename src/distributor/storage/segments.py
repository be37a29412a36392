"""Segments: saved conditions, and any condition as one expression in SQL over `subscribers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, not_, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign import OPEN_STATES
from distributor.domain.errors import StateError
from distributor.domain.segments.condition import (
    And,
    Condition,
    InSegment,
    Leaf,
    Not,
    Or,
    lists_named,
    segments_named,
    topics_named,
)
from distributor.domain.segments.json_form import condition_from_json, condition_to_json
from distributor.domain.segments.references import expanded, missing, users_of
from distributor.domain.segments.segment import Segment
from distributor.domain.subscriber import Subscriber
from distributor.storage import tables, tags
from distributor.storage.database import Connection, tune_for_large_query
from distributor.storage.segment_sql.attributes import ATTRIBUTES
from distributor.storage.segment_sql.context import Context
from distributor.storage.segment_sql.engagement import ENGAGEMENT
from distributor.storage.segment_sql.people import PEOPLE
from distributor.storage.subscribers import subscriber_of

_LEAVES: Mapping[type[Leaf], Callable[[Any, Context], ColumnElement[bool]]] = {**PEOPLE, **ATTRIBUTES, **ENGAGEMENT}


def save(connection: Connection, *, slug: str, name: str, condition: Condition, now: datetime) -> Segment:
    """Insert or replace the condition of a slug; an empty name keeps the current one.

    Raises NotFoundError for an unknown list or segment in it, SegmentError if it would refer to
    itself or exceed a limit.
    """
    _lock(connection)
    segments = {one.slug: one.condition for one in listed(connection)} | {slug: condition}
    _list_ids(connection, condition)
    for changed in (slug, *users_of(slug, segments)):
        expanded(segments[changed], segments, name=changed)
    as_json = condition_to_json(condition)
    changes = {"condition": as_json, "updated_at": now} | ({"name": name} if name else {})
    connection.execute(
        insert(tables.segments)
        .values(slug=slug, name=name or slug, condition=as_json, created_at=now, updated_at=now)
        .on_conflict_do_update(index_elements=["slug"], set_=changes)
    )
    return find(connection, slug)


def find(connection: Connection, slug: str) -> Segment:
    """Raises NotFoundError that suggests similar ones."""
    row = connection.execute(select(tables.segments).where(tables.segments.c.slug == slug)).one_or_none()
    if row is None:
        raise missing("segment", slug, connection.execute(select(tables.segments.c.slug)).scalars())
    return _segment(row)


def listed(connection: Connection) -> list[Segment]:
    """All segments by slug."""
    return [_segment(row) for row in connection.execute(select(tables.segments).order_by(tables.segments.c.slug))]


def rename(connection: Connection, slug: str, name: str, *, now: datetime) -> Segment:
    """Change the name; the slug never changes. Raises NotFoundError."""
    found = find(connection, slug)
    connection.execute(
        tables.segments.update().where(tables.segments.c.id == found.id).values(name=name, updated_at=now)
    )
    return find(connection, slug)


def remove(connection: Connection, slug: str) -> None:
    """Raises NotFoundError, and StateError while other segments or unreleased campaigns refer to it."""
    _lock(connection)
    found = find(connection, slug)
    users = [one.slug for one in listed(connection) if slug in segments_named(one.condition)]
    if users:
        raise StateError(f"segment {slug!r} is part of {', '.join(users)}; take it out there first")
    campaigns = _unreleased_campaigns(connection, slug)
    if campaigns:
        raise StateError(
            f"segment {slug!r} is part of the audience of campaign {', '.join(map(str, campaigns))}; cancel that first"
        )
    connection.execute(delete(tables.segments).where(tables.segments.c.id == found.id))


def written_out(connection: Connection, condition: Condition) -> Condition:
    """The condition with every segment that it refers to in place of its name. Raises what `filter_for` raises."""
    return expanded(condition, _referred(connection, condition))


def filter_for(connection: Connection, condition: Condition, *, now: datetime) -> ColumnElement[bool]:
    """The subscribers that the condition selects, as a condition on `subscribers` that is never NULL.

    Raises NotFoundError for unknown lists and segments in it, SegmentError if they refer to
    themselves or exceed a limit.
    """
    whole = written_out(connection, condition)
    topics = {slug: tags.with_aliases(connection, [slug]) for slug in topics_named(whole)}
    return _compile(whole, Context(now=now, list_ids=_list_ids(connection, whole), topics=topics))


def filter_of(connection: Connection, slug: str, *, now: datetime) -> ColumnElement[bool]:
    """The same for a saved segment. Raises NotFoundError, SegmentError."""
    return filter_for(connection, InSegment(slug=slug), now=now)


def count(connection: Connection, condition: Condition, *, now: datetime) -> int:
    """How many subscribers it selects. Raises NotFoundError, SegmentError."""
    is_inside = filter_for(connection, condition, now=now)
    tune_for_large_query(connection)
    number: int = connection.execute(select(func.count()).select_from(tables.subscribers).where(is_inside)).scalar_one()
    return number


def sample(connection: Connection, condition: Condition, *, limit: int, now: datetime) -> list[Subscriber]:
    """The first `limit` subscribers it selects, by id. Raises NotFoundError, SegmentError."""
    is_inside = filter_for(connection, condition, now=now)
    tune_for_large_query(connection)
    rows = connection.execute(
        select(tables.subscribers).where(is_inside).order_by(tables.subscribers.c.id).limit(limit)
    )
    return [subscriber_of(row) for row in rows]


def _compile(condition: Condition, context: Context) -> ColumnElement[bool]:
    """The condition in SQL. It holds no references to other segments (`references.expanded`).

    Every part is true or false and never NULL, so that `not` selects all other subscribers.
    """
    match condition:
        case And(conditions):
            return and_(*(_compile(one, context) for one in conditions))
        case Or(conditions):
            return or_(*(_compile(one, context) for one in conditions))
        case Not(inner):
            return _compile_negated(inner, context)
    return _LEAVES[type(condition)](condition, context)


def _compile_negated(condition: Condition, context: Context) -> ColumnElement[bool]:
    """The negation. `not` goes down to the leaves: PostgreSQL joins over NOT EXISTS, but not over NOT (… OR EXISTS)."""
    match condition:
        case And(conditions):
            return or_(*(_compile_negated(one, context) for one in conditions))
        case Or(conditions):
            return and_(*(_compile_negated(one, context) for one in conditions))
        case Not(inner):
            return _compile(inner, context)
    return not_(_LEAVES[type(condition)](condition, context))


def _referred(connection: Connection, condition: Condition) -> dict[str, Condition]:
    """The segments that the condition refers to, and those that these refer to. Raises NotFoundError."""
    found: dict[str, Condition] = {}
    waiting = set(segments_named(condition))
    while waiting:
        slug = waiting.pop()
        found[slug] = find(connection, slug).condition
        waiting |= segments_named(found[slug]) - found.keys()
    return found


def _list_ids(connection: Connection, condition: Condition) -> dict[str, int]:
    """The ids of the lists that the condition names. Raises NotFoundError that suggests similar ones."""
    named = lists_named(condition)
    if not named:
        return {}
    known = {row.slug: row.id for row in connection.execute(select(tables.lists.c.slug, tables.lists.c.id))}
    for slug in sorted(named - known.keys()):
        raise missing("list", slug, known)
    return {slug: known[slug] for slug in named}


def _unreleased_campaigns(connection: Connection, slug: str) -> list[int]:
    """The ids of campaigns to, or excluding, the segment that are not released yet."""
    campaign, dispatch = tables.campaigns.c, tables.dispatches.c
    is_part = or_(*(campaign.audience[name].has_key(slug) for name in ("segments", "except_segments")))
    rows = connection.execute(
        select(campaign.id)
        .where(
            is_part,
            exists().where(
                dispatch.campaign_id == campaign.id,
                dispatch.released_at.is_(None),
                dispatch.state.in_(OPEN_STATES),
            ),
        )
        .order_by(campaign.id)
    )
    return list(rows.scalars())


def _lock(connection: Connection) -> None:
    """One change of segments at a time: two concurrent ones could make a cycle that neither of them sees."""
    connection.execute(text("LOCK TABLE segments IN SHARE ROW EXCLUSIVE MODE"))


def _segment(row: Row[Any]) -> Segment:
    return Segment(
        id=row.id,
        slug=row.slug,
        name=row.name,
        condition=condition_from_json(row.condition),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
