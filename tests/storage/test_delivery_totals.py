"""The totals of dispatches, which a trigger maintains: whatever happens to deliveries, they say what a count would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.storage import delivery_totals
from distributor.storage.database import Connection

NOW = datetime(2026, 12, 1, 9, 0, 3, tzinfo=UTC)


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as connection:
        connection.execute(text("INSERT INTO channels (name, kind) VALUES ('mail', 'email'), ('other', 'email')"))
        connection.execute(
            text("""
                INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at)
                VALUES ('News', true, true, 'assume_sent', :now)
            """),
            {"now": NOW},
        )
        connection.execute(
            text("""
                INSERT INTO dispatches (campaign_id, channel_id, state, zone)
                SELECT 1, id, 'running', 'UTC' FROM channels
            """)
        )
        yield connection


def add(connection: Connection, number: int, *, dispatch_id: int = 1, state: str = "pending") -> None:
    connection.execute(
        text("""
            INSERT INTO deliveries (dispatch_id, recipient, state, created_at, updated_at)
            SELECT :dispatch_id, gen_random_uuid(), :state, :now, :now FROM generate_series(1, :number)
        """),
        {"number": number, "dispatch_id": dispatch_id, "state": state, "now": NOW},
    )


def move(connection: Connection, state: str, before: str, number: int, *, at: datetime = NOW, reason: str = "") -> None:
    connection.execute(
        text("""
            UPDATE deliveries SET state = :state, updated_at = :at, reply = :reason,
                   detail = CASE WHEN :reason = '' THEN '{}' ELSE jsonb_build_object('reason', :reason) END
            WHERE id IN (SELECT id FROM deliveries WHERE state = :before ORDER BY id LIMIT :number)
        """),
        {"state": state, "before": before, "number": number, "at": at, "reason": reason},
    )


def counted(connection: Connection) -> dict[tuple[int, str, str], int]:
    rows = connection.execute(
        text("""
            SELECT dispatch_id, state, delivery_reason(state, reply, detail) AS reason, count(*) AS deliveries
            FROM deliveries GROUP BY 1, 2, 3
        """)
    )
    return {(row.dispatch_id, row.state, row.reason): row.deliveries for row in rows}


def maintained(connection: Connection) -> dict[tuple[int, str, str], int]:
    found = delivery_totals.reasons_of_dispatches(connection, [1, 2])
    return {(number, one.state.value, one.reason): one.deliveries for number in found for one in found[number]}


def test_whatever_happens_to_deliveries_the_totals_are_what_a_count_gives(connection: Connection) -> None:
    chance = random.Random(20261201)
    states = [state.value for state in DeliveryState]
    add(connection, 40)
    add(connection, 25, dispatch_id=2)
    for step in range(120):
        act = chance.randrange(8)
        if act == 0:
            add(connection, chance.randrange(5), dispatch_id=chance.choice([1, 2]), state=chance.choice(states))
        elif act == 1:
            connection.execute(text("DELETE FROM deliveries WHERE id = :id"), {"id": chance.randrange(1, 200)})
        elif act == 2:
            delivery_totals.add_up(connection)
        else:
            reason = chance.choice(["", "held", "mailboxfull", "userunknown"])
            move(connection, chance.choice(states), chance.choice(states), chance.randrange(9), reason=reason)
        assert maintained(connection) == counted(connection), step
    assert len(counted(connection)) > 5


def test_totals_are_the_same_before_and_after_they_are_added_up_and_nothing_is_left_to_add(
    connection: Connection,
) -> None:
    add(connection, 10)
    move(connection, "sent", "pending", 4)
    before = delivery_totals.of_dispatch(connection, 1)
    delivery_totals.add_up(connection)
    delivery_totals.add_up(connection)
    assert delivery_totals.of_dispatch(connection, 1) == before
    assert before.by_state == {DeliveryState.PENDING: 6, DeliveryState.SENT: 4}
    assert connection.execute(text("SELECT count(*) FROM delivery_changes")).scalar_one() == 0


def test_what_changes_no_state_notes_nothing(connection: Connection) -> None:
    add(connection, 3)
    delivery_totals.add_up(connection)
    connection.execute(text("UPDATE deliveries SET lease_until = now()"))
    assert connection.execute(text("SELECT count(*) FROM delivery_changes")).scalar_one() == 0


def test_outcomes_are_counted_once_each_and_reports_about_them_not_again(connection: Connection) -> None:
    add(connection, 20)
    since = NOW - timedelta(minutes=1)
    move(connection, "in_flight", "pending", 10, at=NOW)
    assert delivery_totals.progress_of_dispatches(connection, [1], since=since)[1].last_at is None
    move(connection, "sent", "in_flight", 6, at=NOW + timedelta(seconds=1))
    move(connection, "unknown", "in_flight", 4, at=NOW + timedelta(seconds=2))
    move(connection, "delivered", "sent", 5, at=NOW + timedelta(seconds=30))
    delivery_totals.add_up(connection)
    found = delivery_totals.progress_of_dispatches(connection, [1, 2], since=since)
    assert (found[1].settled, found[1].last_at) == (6, NOW + timedelta(seconds=1))
    assert (found[2].settled, found[2].last_at) == (0, None)
    move(connection, "deferred", "unknown", 4, at=NOW + timedelta(seconds=40), reason="mailboxfull")
    found = delivery_totals.progress_of_dispatches(connection, [1], since=since)
    assert (found[1].settled, found[1].last_at) == (6, NOW + timedelta(seconds=40))


def test_outcomes_of_long_ago_are_forgotten_but_for_the_last(connection: Connection) -> None:
    add(connection, 5)
    for minute in (0, 1, 40):
        move(connection, "sent", "pending", 1, at=NOW + timedelta(minutes=minute))
        delivery_totals.add_up(connection)
    found = delivery_totals.progress_of_dispatches(connection, [1], since=NOW - timedelta(days=1))
    assert (found[1].settled, found[1].last_at) == (1, NOW + timedelta(minutes=40))
