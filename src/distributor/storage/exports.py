"""The subscribers of a list or a segment, streamed from one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, literal, null, select

from distributor.domain.consent import ConsentAction, ConsentMethod
from distributor.domain.subscriber import Membership
from distributor.domain.subscriber_export import ConsentSummary, Exported, ExportedMembership, Selection
from distributor.domain.suppression import SuppressionReason
from distributor.storage import lists, segments, tables
from distributor.storage.database import Connection
from distributor.storage.subscribers import subscriber_of

_AT_ONCE = 1000


def people(connection: Connection, selection: Selection, *, now: datetime) -> Iterator[Exported]:
    """The selected subscribers by id. Raises NotFoundError for an unknown list or segment.

    It is one statement with a cursor: later changes are not seen, and memory holds a thousand subscribers at a time.
    """
    person, membership = tables.subscribers.c, tables.memberships.c
    query = select(tables.subscribers, _LISTS.label("lists"), _REASONS.label("reasons")).order_by(person.id)
    if selection.list_slug is None:
        query = query.add_columns(null().label("state"))
    else:
        list_id = lists.find(connection, selection.list_slug).id
        record = _last_record(list_id)
        query = (
            query.add_columns(
                membership.state,
                membership.topics.label("chosen"),
                record.c.action,
                record.c.method,
                record.c.at,
                record.c.ip_address,
                tables.consent_texts.c.text,
            )
            .join(tables.memberships, and_(membership.subscriber_id == person.id, membership.list_id == list_id))
            .outerjoin(record, literal(True))
            .outerjoin(tables.consent_texts, tables.consent_texts.c.id == record.c.text_id)
        )
    if selection.segment_slug is not None:
        query = query.where(segments.filter_of(connection, selection.segment_slug, now=now))
    streamed = connection.execution_options(stream_results=True, yield_per=_AT_ONCE).execute(query)
    return (_exported(row) for row in streamed)


def _last_record(list_id: int) -> Any:
    record = tables.consents.c
    return (
        select(record.action, record.method, record.at, record.ip_address, record.text_id)
        .where(record.subscriber_id == tables.subscribers.c.id, record.list_id == list_id)
        .order_by(record.id.desc())
        .limit(1)
        .lateral("record")
    )


_PLACES = tables.memberships.alias()
_NAMED = tables.lists.alias()
_LISTS = (
    select(func.jsonb_object_agg(_NAMED.c.slug, _PLACES.c.state))
    .join(_NAMED, _NAMED.c.id == _PLACES.c.list_id)
    .where(_PLACES.c.subscriber_id == tables.subscribers.c.id)
    .scalar_subquery()
)
_REASONS = (
    select(func.array_agg(tables.suppressions.c.reason))
    .where(tables.suppressions.c.hash == tables.subscribers.c.hash)
    .scalar_subquery()
)


def _exported(row: Row[Any]) -> Exported:
    return Exported(
        subscriber=subscriber_of(row),
        lists={slug: Membership(state) for slug, state in sorted((row.lists or {}).items())},
        suppressed=tuple(sorted(SuppressionReason(reason) for reason in row.reasons or ())),
        membership=_membership(row) if row.state else None,
    )


def _membership(row: Row[Any]) -> ExportedMembership:
    consent = None
    if row.action:
        consent = ConsentSummary(
            action=ConsentAction(row.action),
            method=ConsentMethod(row.method),
            at=row.at,
            ip_address=row.ip_address,
            text=row.text or "",
        )
    return ExportedMembership(
        state=Membership(row.state),
        topics=tuple(row.chosen) if row.chosen is not None else None,
        consent=consent,
    )
