"""Many subscribers in a database: their lists, the mails of a year, and the events of these mails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

MAILS = 6
_DAYS_BETWEEN = 60

_PEOPLE = """
    INSERT INTO subscribers (key, email, name, language, zone, attributes, tags, status, created_at)
    SELECT 'reader' || i || '@host' || i %% 500 || '.example', 'reader' || i || '@host' || i %% 500 || '.example',
           'Reader ' || i, (ARRAY['de', 'en', 'en-GB', 'fr', ''])[1 + i %% 5], 'Europe/Vienna',
           jsonb_build_object('plan', (ARRAY['free', 'free', 'free', 'free', 'pro'])[1 + (i * 7919::bigint) %% 5],
                              'city', 'City ' || (i * 104729::bigint) %% 200, 'age', 18 + (i * 31::bigint) %% 60),
           CASE WHEN i %% 20 = 3 THEN '{vip}' WHEN i %% 4 = 1 THEN '{member,autumn}' ELSE '{}' END::text[],
           CASE WHEN i %% 100 = 7 THEN 'disabled' ELSE 'active' END,
           now() - (i * 7::bigint) %% 1500 * interval '1 day'
    FROM generate_series(1, %(people)s) i
"""
_LISTS = "INSERT INTO lists (slug, name) VALUES ('news', 'News'), ('offers', 'Offers')"
_CONSENTS = """
    INSERT INTO consents (subscriber_id, list_id, action, method, at)
    SELECT s.id, l.id, 'granted', 'import', s.created_at FROM lists l JOIN subscribers s
    ON CASE l.slug WHEN 'news' THEN s.id %% 5 > 0 ELSE s.id %% 5 < 2 END ORDER BY l.id, s.id
"""
_MEMBERSHIPS = """
    INSERT INTO memberships (list_id, subscriber_id, state, topics, consent_id, state_changed_at)
    SELECT list_id, subscriber_id, CASE WHEN id %% 10 = 0 THEN 'unsubscribed' ELSE 'subscribed' END,
           CASE WHEN id %% 3 = 0 THEN '{lupus,science}'::text[] END, id, at FROM consents
"""
_DISPATCHES = """
    WITH channel AS (INSERT INTO channels (name, kind) VALUES ('mail', 'email') RETURNING id),
    campaign AS (
        INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at)
        SELECT 'Mail ' || i, true, true, 'assume_sent', now() - (%(mails)s - i) * %(days)s * interval '1 day'
        FROM generate_series(1, %(mails)s) i RETURNING id, created_at)
    INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone)
    SELECT campaign.id, channel.id, 'finished', created_at, 'UTC' FROM campaign, channel ORDER BY campaign.id
"""
_DELIVERIES = """
    INSERT INTO deliveries (dispatch_id, subscriber_id, list_id, recipient, fields, state, created_at, updated_at)
    SELECT x.id, s.id, 1, s.email, jsonb_build_object('name', s.name, 'email', s.email),
           (ARRAY['sent', 'delivered', 'delivered', 'failed', 'bounced'])[1 + (s.id * 7 + x.id) %% 5],
           x.scheduled_at, x.scheduled_at
    FROM dispatches x, subscribers s ORDER BY x.id, s.id
"""
# Told in the order of time; a few of every thousand people do most of what is done.
_EVENTS = """
    INSERT INTO events (delivery_id, subscriber_id, kind, at, key, detail)
    SELECT d.id, d.subscriber_id, e.kind, d.created_at + e.after, 'event-' || e.i,
           CASE e.kind WHEN 'bounce' THEN jsonb_build_object('hard', e.i %% 2 = 0)
                       WHEN 'click' THEN jsonb_build_object('url', 'https://gazette.example/' || e.i %% 50)
                       ELSE '{}' END
    FROM (
        SELECT i, random() * random() * interval '20 days' AS after,
               1 + (i - 1) * %(deliveries)s / %(events)s / 1000 * 1000
                   + floor(1000 * random() ^ 3)::bigint AS delivery_id,
               CASE WHEN i %% 50 = 0 THEN 'bounce' WHEN i %% 3 = 0 THEN 'click' ELSE 'open' END AS kind
        FROM generate_series(1, %(events)s::bigint) i
    ) e JOIN deliveries d ON d.id = e.delivery_id
    ORDER BY d.dispatch_id, after
"""
# The statements that insert subscribers with their consents and memberships; the number is called `people`.
PEOPLE_ON_LISTS = (_PEOPLE, _LISTS, _CONSENTS, _MEMBERSHIPS)
_TABLES = ("subscribers", "consents", "memberships", "deliveries", "events")
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes i
    WHERE tablename = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""
_FOREIGN_KEYS = """
    SELECT conname, conrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)
"""


def insert_subscribers(database_url: str, *, people: int, events: int) -> None:
    """Fill an empty, migrated database. Its indexes are made at the end; its foreign keys are lost on the way."""
    with psycopg.connect(database_url, autocommit=True) as connection, quick_inserts(connection):
        numbers = {
            "people": people,
            "events": events,
            "mails": MAILS,
            "days": _DAYS_BETWEEN,
            "deliveries": people * MAILS,
        }
        for statement in (*PEOPLE_ON_LISTS, _DISPATCHES, _DELIVERIES, _EVENTS):
            connection.execute(statement, numbers)


@contextmanager
def quick_inserts(connection: psycopg.Connection) -> Iterator[None]:
    """The large tables without indexes, which are made at the end, and without foreign keys, which are not."""
    indexes = connection.execute(_INDEXES, [list(_TABLES)]).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    for name, table in connection.execute(_FOREIGN_KEYS, [list(_TABLES)]).fetchall():
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )
    yield
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("VACUUM ANALYZE")
