"""The pages of a campaign's deliveries: the last one reads as few rows as the first, whatever else the table holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.storage.database import Connection
from distributor.storage.delivery_pages import MAX_ID, DeliveryFilter, page_after, page_before
from distributor.storage.delivery_queries import DeliveryRecord

DELIVERIES = 40_000
PER_PAGE = 50
# Of each index that may have some of them a page, and the page itself.
MOST_READ = (len(DeliveryState) + 1) * (PER_PAGE + 2)
READ_PAGE = {
    "the first": lambda connection, wanted: page_after(connection, wanted, after_id=0, limit=PER_PAGE),
    "one in the middle": lambda connection, wanted: page_after(
        connection, wanted, after_id=DELIVERIES // 2, limit=PER_PAGE
    ),
    "the last": lambda connection, wanted: page_before(connection, wanted, before_id=MAX_ID, limit=PER_PAGE),
}


@pytest.fixture
def ledger(app: AppContext) -> AppContext:
    """Three campaigns whose deliveries alternate in the table; nearly all are sent, and every 4,000th has failed."""
    with app.database.begin() as connection:
        connection.execute(text("INSERT INTO channels (name, kind) VALUES ('mail', 'email')"))
        connection.execute(
            text("""
                INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at)
                SELECT 'Letter', false, false, 'assume_sent', now() FROM generate_series(1, 3)
            """)
        )
        connection.execute(
            text("""
                INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone)
                SELECT c.id, h.id, 'running', now(), 'UTC' FROM campaigns c, channels h ORDER BY c.id
            """)
        )
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, list_id, recipient, state, created_at, updated_at)
                SELECT d.id, 1, n || '@example.org', CASE WHEN n % 4000 = 0 THEN 'failed' ELSE 'sent' END, now(), now()
                FROM generate_series(1, :deliveries / 3) n, dispatches d ORDER BY n, d.id
            """),
            {"deliveries": DELIVERIES},
        )
    with app.database.begin() as connection:
        connection.execute(text("ANALYZE deliveries"))
    return app


@pytest.mark.parametrize("which", READ_PAGE)
@pytest.mark.parametrize("states", [frozenset(DeliveryState), frozenset({DeliveryState.FAILED})])
def test_a_page_is_found_without_reading_those_before_it(
    ledger: AppContext, which: str, states: frozenset[DeliveryState]
) -> None:
    with ledger.database.begin() as connection:
        dispatch_id = connection.execute(text("SELECT id FROM dispatches ORDER BY id OFFSET 1 LIMIT 1")).scalar_one()
        wanted = DeliveryFilter(dispatch_ids=(dispatch_id,), states=states)
        found, read = _rows_read(connection, lambda: READ_PAGE[which](connection, wanted))
    assert found
    assert {one.dispatch_id for one in found} == {dispatch_id}
    assert read <= MOST_READ


def _rows_read(connection: Connection, act: Callable[[], list[DeliveryRecord]]) -> tuple[list[DeliveryRecord], int]:
    """What it gives, and how many rows PostgreSQL reads in tables and indexes for the statements that it runs."""
    run: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        run.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        found = act()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    plans = [
        connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        for statement, parameters in run
    ]
    return found, int(sum(_rows_of(plan[0]["Plan"]) for plan in plans))


def _rows_of(plan: dict[str, Any]) -> float:
    own = 0.0
    if "Scan" in plan["Node Type"] and "Relation Name" in plan:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return own + sum(_rows_of(one) for one in plan.get("Plans", []))
