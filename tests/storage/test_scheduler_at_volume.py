"""The queries of the scheduler, every second, use indexes, however much has been sent."""

from __future__ import annotations

from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.flow.app_context import AppContext
from distributor.flow.operations.scheduler import run_scheduler
from distributor.storage import deliveries
from tests.storage.list_fixtures import a_dispatch, an_article, on_list

SENT = 20_000
# More often than it takes until the driver lets PostgreSQL prepare a statement.
TICKS = 12


def test_a_run_of_the_scheduler_never_scans_all_deliveries(app: AppContext) -> None:
    a_running_dispatch(app)
    before = rows_scanned(app)
    for _ in range(TICKS):
        run_scheduler(app)
    assert rows_scanned(app) - before < TICKS * 100


def test_a_claim_never_scans_what_has_been_sent(app: AppContext) -> None:
    dispatch_id = a_running_dispatch(app)
    before = rows_scanned(app)
    now = app.clock()
    for _ in range(TICKS):
        with app.database.begin() as connection:
            claimed = deliveries.claim(connection, dispatch_id, worker="w", limit=5, now=now, lease_until=now)
            assert len(claimed.deliveries) == 5
    assert rows_scanned(app) - before < TICKS * 100


def a_running_dispatch(app: AppContext) -> int:
    """A running dispatch of which nearly all has been sent."""
    with app.database.begin() as connection:
        on_list(connection, "news", "ada")
        dispatch_id = a_dispatch(connection, AudiencePlan(lists=("news",)), [an_article(connection, "hello")])
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, recipient, state, created_at, updated_at)
                SELECT :dispatch_id, 'reader' || i || '@example.org', 'pending', now(), now()
                FROM generate_series(1, :sent + 100) i
            """),
            {"dispatch_id": dispatch_id, "sent": SENT},
        )
        connection.execute(text("UPDATE dispatches SET state = 'running'"))
        # What PostgreSQL knows of a campaign is from before it was sent.
        connection.execute(text("ANALYZE"))
        connection.execute(
            text("UPDATE deliveries SET state = 'sent' WHERE id <= (SELECT max(id) - 100 FROM deliveries)")
        )
    return dispatch_id


def rows_scanned(app: AppContext) -> int:
    """Of the deliveries, by all sessions so far."""
    with app.database.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with app.database.begin() as connection:
        seen: int = connection.execute(
            text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'deliveries'")
        ).scalar_one()
        return seen
