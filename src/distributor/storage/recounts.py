"""Count deliveries and events anew, beside the totals that are kept (`delivery_totals`, `event_totals`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.stored_text import stored_key
from distributor.storage.database import Connection
from distributor.storage.event_totals import EventTotal, TotalKey

# Counted and kept are read by one statement, so at one moment. What is added is the difference between them: deliveries
# that change meanwhile bring their own. Past deliveries have no reason any more: where there are any, it is left out.
_DELIVERIES = """
    WITH chosen AS (
        SELECT id, id IN (SELECT x.id FROM dispatches x WHERE x.deliveries_removed_at IS NOT NULL) AS is_past
        FROM unnest(CAST(:ids AS bigint[])) AS one(id)
    ), counted AS (
        SELECT dispatch_id, state, reason, count(*) AS number FROM (
            SELECT d.dispatch_id, d.state,
                   CASE WHEN c.is_past THEN '' ELSE delivery_reason(d.state, d.reply, d.detail) END AS reason
            FROM chosen c JOIN deliveries d ON d.dispatch_id = c.id
            UNION ALL SELECT p.dispatch_id, p.state, '' FROM chosen c JOIN past_deliveries p ON p.dispatch_id = c.id
        ) AS every GROUP BY 1, 2, 3
    ), kept AS (
        SELECT dispatch_id, state, CASE WHEN c.is_past THEN '' ELSE reason END AS reason,
               sum(deliveries)::bigint AS number
        FROM chosen c JOIN (
            SELECT dispatch_id, state, reason, deliveries FROM delivery_totals
            UNION ALL SELECT dispatch_id, state, reason, change FROM delivery_changes
        ) AS parts ON dispatch_id = c.id GROUP BY 1, 2, 3
    ), differing AS MATERIALIZED (
        SELECT dispatch_id, state, reason, COALESCE(kept.number, 0) AS stored, COALESCE(counted.number, 0) AS counted
        FROM kept FULL JOIN counted USING (dispatch_id, state, reason)
        WHERE COALESCE(kept.number, 0) <> COALESCE(counted.number, 0)
    ), mended AS (
        INSERT INTO delivery_totals AS known (dispatch_id, state, reason, deliveries)
        SELECT dispatch_id, state, reason, counted - stored FROM differing WHERE :mend ORDER BY 1, 2, 3
        ON CONFLICT (dispatch_id, state, reason) DO UPDATE SET deliveries = known.deliveries + EXCLUDED.deliveries
    )
    SELECT dispatch_id, state, reason, stored, counted FROM differing ORDER BY 1, 2, 3
"""
# As `flow.event_counting` counts: an event that has its mark, but for a bounce whose taking back was counted.
_EVENTS = """
    WITH marked AS MATERIALIZED (
        SELECT d.dispatch_id, e.kind, e.delivery_id, e.client = 'person' OR e.kind = 'bounce' AS is_person,
               CASE e.kind WHEN 'click' THEN COALESCE(e.detail ->> 'url', '') ELSE '' END AS url
        FROM deliveries d JOIN events e ON e.delivery_id = d.id
        WHERE d.dispatch_id = ANY(CAST(:ids AS bigint[])) AND e.client IS NOT NULL AND e.client <> 'void'
    ), opened AS (SELECT DISTINCT delivery_id FROM marked WHERE kind = 'open')
    SELECT dispatch_id, kind, url, grouping(url) = 1 AS is_whole, count(*) AS events,
           count(*) FILTER (WHERE is_person) AS people_events, count(DISTINCT m.delivery_id) AS deliveries,
           count(DISTINCT m.delivery_id) FILTER (WHERE is_person) AS people_deliveries,
           count(DISTINCT o.delivery_id) FILTER (WHERE kind = 'click') AS opened
    FROM marked m LEFT JOIN opened o ON o.delivery_id = m.delivery_id
    GROUP BY GROUPING SETS ((dispatch_id, kind), (dispatch_id, kind, url))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDifference:
    """Of a dispatch in a state for a reason: as many deliveries are stored in the totals, and as many were counted."""

    dispatch_id: int
    state: DeliveryState
    reason: str
    stored: int
    counted: int


def lock(connection: Connection) -> None:
    """Let only this transaction mend the totals of deliveries until it ends: two would both add what is missing."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('delivery_totals', 0))"))


def dispatch_ids(connection: Connection) -> list[int]:
    """All dispatches, also those that only the totals know."""
    rows = connection.execute(
        text("""
            SELECT id FROM dispatches UNION SELECT dispatch_id FROM delivery_totals WHERE deliveries <> 0
            UNION SELECT dispatch_id FROM delivery_changes ORDER BY 1
        """)
    )
    return list(rows.scalars())


def with_events(connection: Connection, *, since: datetime | None) -> dict[int, bool]:
    """The dispatches that were released, if given since a moment; and whether each has all of its events.

    One that was released before the oldest event, or has past deliveries, may have had others, which were deleted
    because of their age.
    """
    rows = connection.execute(
        text("""
            SELECT id, released_at >= (SELECT min(at) FROM events) AND deliveries_removed_at IS NULL AS is_whole
            FROM dispatches
            WHERE released_at > COALESCE(CAST(:since AS timestamptz), '-infinity') ORDER BY id
        """),
        {"since": since},
    )
    return {row.id: bool(row.is_whole) for row in rows}


def delivery_differences(connection: Connection, ids: Sequence[int], *, mend: bool = False) -> list[DeliveryDifference]:
    """Where the totals of these dispatches are not what a count gives; with `mend` they are from here on.

    Whoever mends has called `lock` before.
    """
    rows = connection.execute(text(_DELIVERIES), {"ids": list(ids), "mend": mend})
    return [
        DeliveryDifference(
            dispatch_id=row.dispatch_id,
            state=DeliveryState(row.state),
            reason=row.reason,
            stored=row.stored,
            counted=row.counted,
        )
        for row in rows
    ]


def count_events(connection: Connection, ids: Collection[int]) -> dict[TotalKey, EventTotal]:
    """The totals of the events of these dispatches that were added up so far, counted from those events.

    The caller holds `event_totals.lock`.
    """
    found: dict[TotalKey, EventTotal] = {}
    for row in connection.execute(text(_EVENTS), {"ids": list(ids)}):
        link = "" if row.is_whole else stored_key(row.url)
        # What is not a click has no link, and is in the rows of all links already.
        if row.is_whole or link:
            found[TotalKey(row.dispatch_id, EventKind(row.kind), link)] = EventTotal(
                events=row.events,
                people_events=row.people_events,
                deliveries=row.deliveries,
                people_deliveries=row.people_deliveries,
                opened=row.opened if row.is_whole else 0,
            )
    return found
