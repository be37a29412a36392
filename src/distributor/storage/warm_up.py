"""How many deliveries a warming-up channel has started today. In PostgreSQL, so that no restart resets the count."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text

from distributor.storage.database import Connection


def reserve(connection: Connection, channel_id: int, day: date, *, wanted: int, limit: int) -> int:
    """Reserve up to `wanted` of the remaining limit of the day; returns how many. Others wait for this transaction."""
    connection.execute(
        text("""
            INSERT INTO warm_up_days (channel_id, day, started) VALUES (:channel_id, :day, 0)
            ON CONFLICT DO NOTHING
        """),
        {"channel_id": channel_id, "day": day},
    )
    granted: int = connection.execute(
        text("""
            WITH before AS (
                SELECT started FROM warm_up_days WHERE channel_id = :channel_id AND day = :day FOR UPDATE
            ), granted AS (
                SELECT GREATEST(0, LEAST(CAST(:wanted AS integer), CAST(:limit AS integer) - started)) AS count
                FROM before
            )
            UPDATE warm_up_days SET started = started + granted.count FROM granted
            WHERE channel_id = :channel_id AND day = :day
            RETURNING granted.count
        """),
        {"channel_id": channel_id, "day": day, "wanted": wanted, "limit": limit},
    ).scalar_one()
    return granted


def release(connection: Connection, channel_id: int, day: date, *, count: int) -> None:
    """Return `count` reserved deliveries that were not sent after all."""
    connection.execute(
        text("""
            UPDATE warm_up_days SET started = GREATEST(0, started - :count)
            WHERE channel_id = :channel_id AND day = :day
        """),
        {"channel_id": channel_id, "day": day, "count": count},
    )
