"""The bounce events of deliveries: which still stand, and which were taken back because the mail arrived after all.

A bounce that was taken back stays recorded, with the evidence in its detail; nothing counts it any more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Row, and_, func, select, text

from distributor.domain.event import EventKind
from distributor.domain.feedback import ArrivalProof, MatchedBy
from distributor.domain.rendition import Json
from distributor.domain.suppression import SuppressionReason
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.events import is_not_taken_back


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceEvent:
    """A bounce event; `suppressed` if the address was suppressed because of it. `cause` is its reason and status."""

    id: int
    key: str
    delivery_id: int
    suppressed: SuppressionReason | None
    cause: str


def arrival_since(connection: Connection, delivery_id: int, since: datetime) -> ArrivalProof | None:
    """Evidence from `since` on that the mail of a delivery arrived; None if there is none."""
    found: str | None = connection.execute(
        text("""
            SELECT 'click' FROM events WHERE delivery_id = :delivery_id AND kind = 'click' AND at >= :since
            UNION ALL
            SELECT 'delivered' FROM deliveries
            WHERE id = :delivery_id AND CAST(detail ->> 'delivered_at' AS timestamptz) >= :since
            LIMIT 1
        """),
        {"delivery_id": delivery_id, "since": since},
    ).scalar()
    return ArrivalProof(found) if found else None


def note_delivered(connection: Connection, delivery_id: int, *, at: datetime) -> None:
    """Remember when a delivery was last reported as delivered: a bounce from before that is void."""
    connection.execute(
        text("""
            UPDATE deliveries SET detail = detail || jsonb_build_object('delivered_at', CAST(:at AS text))
            WHERE id = :id AND COALESCE(CAST(detail ->> 'delivered_at' AS timestamptz) < :since, true)
        """),
        {"id": delivery_id, "at": at.isoformat(), "since": at},
    )


def take_back(
    connection: Connection, delivery_id: int, *, until: datetime, detail: Mapping[str, Json]
) -> list[BounceEvent]:
    """Add `detail`, which says why, to the bounces of a delivery until that time; returns those not taken back before.

    They no longer count towards a suppression.
    """
    rows = connection.execute(
        text("""
            UPDATE events e SET detail = (e.detail - 'counts') || CAST(:detail AS jsonb),
                   -- It is taken off the totals again.
                   client = CASE WHEN e.client = 'stands' THEN 'taken_back' ELSE e.client END
            WHERE e.delivery_id = :delivery_id AND e.kind = 'bounce' AND e.at <= :until AND NOT e.detail ? 'taken_back'
            RETURNING e.*
        """),
        {"delivery_id": delivery_id, "until": until, "detail": json.dumps(dict(detail))},
    ).all()
    return sorted(map(_bounce, rows), key=lambda bounce: bounce.id)


def is_taken_back(connection: Connection, key: str) -> bool:
    """Whether the bounce with this key was recorded and taken back."""
    return bool(
        connection.execute(
            text("SELECT 1 FROM events WHERE key = :key AND detail ? 'taken_back'"), {"key": key}
        ).scalar()
    )


def has_standing(connection: Connection, delivery_id: int) -> bool:
    """Whether a bounce of the delivery still stands."""
    event = tables.events
    found = connection.execute(select(event.c.id).where(event.c.delivery_id == delivery_id, _stands(event)).limit(1))
    return found.first() is not None


def hard_after(connection: Connection, delivery_id: int, *, after_id: int) -> BounceEvent | None:
    """The last hard bounce that stands, of the same subscriber at the same address, recorded after an event."""
    event, own, other = tables.events, tables.deliveries.alias(), tables.deliveries.alias()
    query = (
        select(event)
        .join(own, own.c.subscriber_id == event.c.subscriber_id)
        .join(other, other.c.id == event.c.delivery_id)
        .where(
            own.c.id == delivery_id,
            func.lower(other.c.recipient) == func.lower(own.c.recipient),
            event.c.id > after_id,
            event.c.detail.contains({"hard": True}),
            _stands(event),
        )
        .order_by(event.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _bounce(row) if row else None


def mark_suppressed(connection: Connection, key: str, reason: SuppressionReason) -> None:
    """Note with a bounce that the address was suppressed because of it."""
    connection.execute(
        text(
            "UPDATE events SET detail = detail || jsonb_build_object('suppressed', CAST(:reason AS text)) "
            "WHERE key = :key"
        ),
        {"key": key, "reason": reason.value},
    )


def deliveries_with_bounces(connection: Connection, delivery_ids: Collection[int]) -> set[int]:
    """Those of the deliveries that have a bounce that was not taken back."""
    if not delivery_ids:
        return set()
    rows = connection.execute(
        text("""
            SELECT DISTINCT delivery_id FROM events
            WHERE delivery_id = ANY(CAST(:ids AS bigint[])) AND kind = 'bounce' AND NOT detail ? 'taken_back'
        """),
        {"ids": list(delivery_ids)},
    )
    return {row.delivery_id for row in rows}


def _stands(event: FromClause) -> ColumnElement[bool]:
    """A bounce stands if it was applied, and not taken back."""
    return and_(
        event.c.kind == EventKind.BOUNCE,
        is_not_taken_back(event),
        event.c.detail["match"].astext.is_distinct_from(MatchedBy.ADDRESS.value),
    )


def cause_of(detail: Mapping[str, Json]) -> str:
    """Reason, status and feedback type of an event in one line, as far as known."""
    return " ".join(str(detail[name]) for name in ("reason", "status", "type") if name in detail)


def _bounce(row: Row[tuple[object, ...]]) -> BounceEvent:
    suppressed = row.detail.get("suppressed")
    return BounceEvent(
        id=row.id,
        key=row.key,
        delivery_id=row.delivery_id,
        suppressed=SuppressionReason(suppressed) if suppressed else None,
        cause=cause_of(row.detail),
    )
