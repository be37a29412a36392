"""How many deliveries of a dispatch are in each state, and how quickly they get there, without counting deliveries.

A trigger on deliveries notes what each statement changes (`delivery_changes`), and `add_up` adds that to the totals.
One statement reads both, so the sum equals the audience at any moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from distributor.domain.campaign import Totals
from distributor.domain.delivery import DeliveryState
from distributor.storage.database import Connection

# Outcomes are counted in slots of time as long as this.
SLOT = timedelta(seconds=10)
# Older slots are forgotten, but for the last one with an outcome.
_KEPT_SLOTS = timedelta(minutes=15)
_BATCH = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRecord:
    """The outcomes of a dispatch: how many are final since a moment, and when the last one of any kind was.

    `last_at` is None if there was none yet.
    """

    settled: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How many deliveries of a dispatch are in a state for the same reason.

    The reason of a failure or a wait is the code of the channel, that of a suppression a text; it may be empty.
    """

    state: DeliveryState
    reason: str
    deliveries: int


def of_dispatch(connection: Connection, dispatch_id: int) -> Totals:
    """How many deliveries of a dispatch are in each state now."""
    return of_dispatches(connection, [dispatch_id])[dispatch_id]


def of_dispatches(connection: Connection, dispatch_ids: Collection[int]) -> Mapping[int, Totals]:
    """The totals of each of these dispatches now, in one query."""
    return {
        number: Totals.of_counts((one.state, one.deliveries) for one in found)
        for number, found in reasons_of_dispatches(connection, dispatch_ids).items()
    }


def reasons_of_dispatches(
    connection: Connection, dispatch_ids: Collection[int]
) -> Mapping[int, tuple[ReasonCount, ...]]:
    """The totals of each of these dispatches by state and reason, the largest first; their sum is the audience."""
    rows = connection.execute(
        text("""
            SELECT dispatch_id, state, reason, sum(deliveries)::bigint AS deliveries FROM (
                SELECT dispatch_id, state, reason, deliveries FROM delivery_totals WHERE dispatch_id = ANY(:ids)
                UNION ALL
                SELECT dispatch_id, state, reason, change FROM delivery_changes WHERE dispatch_id = ANY(:ids)
            ) AS parts GROUP BY dispatch_id, state, reason HAVING sum(deliveries) <> 0
            ORDER BY deliveries DESC, state, reason
        """),
        {"ids": list(dispatch_ids)},
    )
    found: dict[int, list[ReasonCount]] = {number: [] for number in dispatch_ids}
    for row in rows:
        found[row.dispatch_id].append(
            ReasonCount(state=DeliveryState(row.state), reason=row.reason, deliveries=row.deliveries)
        )
    return {number: tuple(counts) for number, counts in found.items()}


def progress_of_dispatches(
    connection: Connection, dispatch_ids: Collection[int], *, since: datetime
) -> Mapping[int, ProgressRecord]:
    """The outcomes of each of these dispatches in the slots that began at `since` or later, as far as added up."""
    rows = connection.execute(
        text("""
            SELECT dispatch_id, (sum(settled) FILTER (WHERE slot >= :since))::bigint AS settled, max(last_at) AS last_at
            FROM (
                SELECT dispatch_id, slot, settled, last_at FROM delivery_progress WHERE dispatch_id = ANY(:ids)
                UNION ALL
                SELECT dispatch_id, NULL, 0, at FROM delivery_changes
                WHERE dispatch_id = ANY(:ids) AND change > 0 AND state IN ('sent', 'failed', 'deferred', 'suppressed')
            ) AS parts GROUP BY dispatch_id
        """),
        {"ids": list(dispatch_ids), "since": since},
    )
    found = {row.dispatch_id: ProgressRecord(settled=row.settled or 0, last_at=row.last_at) for row in rows}
    return {number: found.get(number, ProgressRecord()) for number in dispatch_ids}


def forget_progress(connection: Connection, *, before: datetime) -> None:
    """Delete the slots of time that began before then."""
    connection.execute(text("DELETE FROM delivery_progress WHERE slot < :before"), {"before": before})


def add_up(connection: Connection) -> None:
    """Add the changes noted so far to the totals; several schedulers at once do no harm.

    Outcomes are what an attempt ends with, and suppressions, which are not counted: they take no time. A report about
    a mail that was sent moves it from one outcome to another, which is none of its own; nor is a retry, which takes one
    back, or `unknown`, which a dead worker leaves behind. The changes of one statement have the same time.
    """
    touched = connection.execute(
        text("""
            WITH noted AS (
                DELETE FROM delivery_changes WHERE id IN
                    (SELECT id FROM delivery_changes ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
                RETURNING dispatch_id, state, reason, change, at
            ), added AS (
                INSERT INTO delivery_totals AS known (dispatch_id, state, reason, deliveries)
                SELECT dispatch_id, state, reason, sum(change) FROM noted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
                ON CONFLICT (dispatch_id, state, reason)
                DO UPDATE SET deliveries = known.deliveries + EXCLUDED.deliveries
            ), statements AS (
                SELECT dispatch_id, at, COALESCE(sum(change) FILTER (
                           WHERE state IN ('sent', 'delivered', 'bounced', 'complained', 'failed')
                       ), 0) AS settled,
                       bool_or(state IN ('deferred', 'suppressed') AND change > 0) AS is_other
                FROM noted GROUP BY 1, 2
            )
            INSERT INTO delivery_progress AS known (dispatch_id, slot, settled, last_at)
            SELECT dispatch_id, date_bin(CAST(:slot AS interval), at, TIMESTAMPTZ '2000-01-01 00:00:00Z'),
                   sum(GREATEST(settled, 0)), max(at)
            FROM statements WHERE settled > 0 OR is_other GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (dispatch_id, slot) DO UPDATE
            SET settled = known.settled + EXCLUDED.settled, last_at = GREATEST(known.last_at, EXCLUDED.last_at)
            RETURNING dispatch_id
        """),
        {"limit": _BATCH, "slot": SLOT},
    )
    connection.execute(
        text("""
            DELETE FROM delivery_progress p USING
                (SELECT dispatch_id, max(slot) AS newest FROM delivery_progress
                 WHERE dispatch_id = ANY(:ids) GROUP BY dispatch_id) AS last
            WHERE p.dispatch_id = last.dispatch_id AND p.slot < last.newest - CAST(:kept AS interval)
        """),
        {"ids": sorted({row.dispatch_id for row in touched}), "kept": _KEPT_SLOTS},
    )
