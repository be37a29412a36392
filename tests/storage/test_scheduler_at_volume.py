"""The queries of the scheduler, every second, and the claims use indexes, however much has been sent or waits."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.flow.app_context import AppContext
from distributor.flow.operations.scheduler import run_scheduler
from distributor.storage import deliveries
from tests.storage.list_fixtures import a_dispatch, a_list, an_article, on_list

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
            claimed = deliveries.claim(connection, [dispatch_id], worker="w", limit=5, now=now, lease_until=now)
            assert len(claimed.deliveries) == 5
    assert rows_scanned(app) - before < TICKS * 100


def test_a_claim_touches_only_what_it_claims_before_there_are_any_statistics(app: AppContext) -> None:
    dispatch_id = a_dispatch_to_imported_people(app)
    assert not has_statistics(app)
    before = {table: rows_scanned(app, table) for table in ("deliveries", "subscribers", "memberships")}
    now = app.clock()
    for _ in range(TICKS):
        with app.database.begin() as connection:
            claimed = deliveries.claim(
                connection, [dispatch_id], worker="w", limit=5, now=now, lease_until=now + timedelta(minutes=5)
            )
            assert len(claimed.deliveries) == 5
    assert not has_statistics(app)
    for table, rows in before.items():
        assert rows_scanned(app, table) - rows < TICKS * 100, table


def a_dispatch_to_imported_people(app: AppContext) -> int:
    """A dispatch that was released a moment ago, to people who were imported just before."""
    with app.database.begin() as connection:
        chosen = a_list(connection, "news")
        dispatch_id = a_dispatch(connection, AudiencePlan(lists=("news",)), [an_article(connection, "hello")])
        for statement in (
            """
            INSERT INTO subscribers (key, email, name, language, zone, created_at)
            SELECT a, a, '', 'en', 'UTC', now() FROM
                (SELECT 'reader' || i || '@example.org' AS a FROM generate_series(1, :people) i) AS addresses
            """,
            """
            INSERT INTO consents (subscriber_id, list_id, action, method, at)
            SELECT id, :list_id, 'granted', 'import', now() FROM subscribers
            """,
            """
            INSERT INTO memberships (list_id, subscriber_id, state, consent_id, state_changed_at)
            SELECT list_id, subscriber_id, 'subscribed', id, at FROM consents
            """,
            """
            INSERT INTO deliveries (dispatch_id, subscriber_id, list_id, recipient, state, created_at, updated_at)
            SELECT :dispatch_id, id, :list_id, email, 'pending', now(), now() FROM subscribers
            """,
            "UPDATE dispatches SET state = 'running'",
        ):
            names = {"people": SENT, "list_id": chosen.id, "dispatch_id": dispatch_id}
            connection.execute(text(statement), {name: names[name] for name in names if f":{name}" in statement})
    return dispatch_id


def has_statistics(app: AppContext) -> bool:
    """Whether PostgreSQL has looked at the deliveries, by itself or because it was told to."""
    with app.database.begin() as connection:
        seen: bool = connection.execute(
            text("SELECT EXISTS (SELECT 1 FROM pg_stats WHERE tablename = 'deliveries')")
        ).scalar_one()
        return seen


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


def rows_scanned(app: AppContext, table: str = "deliveries") -> int:
    """Of a table, by all sessions so far."""
    with app.database.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with app.database.begin() as connection:
        seen: int = connection.execute(
            text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = :table"),
            {"table": table},
        ).scalar_one()
        return seen
