"""An installation that has been used for years: subscribers, campaigns on three channels, deliveries and events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
from _subscribers import PEOPLE_ON_LISTS, quick_inserts

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import add_file
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing import plan as planning
from distributor.storage import lists

CAMPAIGNS = 2000
_DELIVERIES_EACH = 20
# The newest of what was sent: half-way through, to everybody.
_RUNNING = CAMPAIGNS - 100
_PARAGRAPH = "Words that a reader reads, one after another, until the end of the line. Here is [a link](https://bench.example/{}).\n\n"

# Copies of the campaign that was made by the flow: two a day in the past, some drafts and what is planned for weeks.
_COPIES = """
    INSERT INTO campaigns (name, audience, track_opens, track_clicks, unknown_policy, created_at)
    SELECT 'Campaign ' || i, c.audience, true, true, 'assume_sent', now() - (%(running)s - i) * interval '12 hours'
    FROM campaigns c, generate_series(2, %(campaigns)s) i WHERE c.id = %(first)s ORDER BY i
"""
_ARTICLES = """
    INSERT INTO campaign_articles (campaign_id, position, article_id)
    SELECT c.id, 0, a.article_id FROM campaigns c, campaign_articles a
    WHERE a.campaign_id = %(first)s AND c.id <> %(first)s AND a.position = 0
"""
_DISPATCHES = """
    INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone, rendition_id, released_at, finished_at)
    SELECT c.id, x.channel_id,
           CASE WHEN n.i > %(running)s + 80 THEN 'draft' WHEN n.i > %(running)s THEN 'scheduled'
                WHEN n.i = %(running)s THEN 'running' ELSE 'finished' END,
           CASE WHEN n.i <= %(running)s + 90 THEN c.created_at + x.id %% 7 * interval '1 hour' END, 'Europe/Vienna',
           (SELECT r.rendition_id FROM reviewed_dispatches r WHERE r.channel_id = x.channel_id LIMIT 1),
           CASE WHEN n.i <= %(running)s THEN c.created_at END,
           CASE WHEN n.i < %(running)s THEN c.created_at + interval '1 hour' END
    FROM (SELECT id, row_number() OVER (ORDER BY id) + 1 AS i FROM campaigns WHERE id <> %(first)s) n
    JOIN campaigns c ON c.id = n.id JOIN dispatches x ON x.campaign_id = %(first)s ORDER BY c.id, x.id
"""
# Every fifth of these is the whole list, so the sum is twenty mails for each of the people.
_MAILS = """
    INSERT INTO deliveries (dispatch_id, subscriber_id, list_id, recipient, state, attempt, first_attempt_at, remote_id,
                            reply_code, reply, detail, created_at, updated_at)
    SELECT m.id, p, 1, 'reader' || p || '@host' || p %% 500 || '.example', s.state, 1, m.at,
           '<' || m.id || '-' || p || '@bench.example>',
           CASE s.state WHEN 'failed' THEN 550 WHEN 'deferred' THEN 451 ELSE 250 END,
           CASE s.state WHEN 'failed' THEN '550 5.1.1 no such user here'
                        WHEN 'deferred' THEN '451 4.7.1 try again later' ELSE '' END,
           CASE s.state WHEN 'failed' THEN '{"reason": "userunknown"}'
                        WHEN 'deferred' THEN '{"reason": "tempfail"}' ELSE '{}' END::jsonb,
           m.at, m.at + p %% 3600 * interval '1 second'
    FROM (
        SELECT x.id, x.scheduled_at AS at, x.state, row_number() OVER (ORDER BY x.id) AS i,
               count(*) OVER () AS mails
        FROM dispatches x JOIN channels h ON h.id = x.channel_id
        WHERE h.name = 'mail' AND x.state IN ('running', 'finished')
    ) m
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.i > m.mails - 4 THEN 0 ELSE (m.i * 7919) %% greatest(1, %(people)s - %(small)s) END AS start,
               CASE WHEN m.i > m.mails - 4 THEN %(people)s ELSE %(small)s END AS size
    ) r
    CROSS JOIN LATERAL generate_series(r.start + 1, r.start + r.size) p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.state = 'running' AND p > r.start + r.size * 6 / 10 THEN 'pending'
                    WHEN m.state = 'running' AND p %% 997 = 0 THEN 'deferred'
                    ELSE (ARRAY['sent', 'sent', 'delivered', 'sent', 'delivered', 'sent', 'sent', 'sent', 'delivered',
                                'failed', 'bounced', 'sent', 'suppressed', 'sent', 'unknown'])
                         [1 + CASE WHEN p %% 100 < 95 THEN p %% 9 ELSE 9 + p %% 6 END] END AS state
    ) s
"""
_POSTS = """
    INSERT INTO deliveries (dispatch_id, recipient, state, attempt, first_attempt_at, created_at, updated_at)
    SELECT x.id, h.name, CASE x.state WHEN 'running' THEN 'pending' ELSE 'sent' END, 1, x.scheduled_at, x.scheduled_at,
           x.scheduled_at
    FROM dispatches x JOIN channels h ON h.id = x.channel_id
    WHERE h.name <> 'mail' AND x.state IN ('running', 'finished')
"""
# A quarter of the mails are opened, some are clicked: a few of every thousand people do most of it.
_EVENTS = """
    INSERT INTO events (delivery_id, subscriber_id, kind, at, key, client, detail)
    SELECT d.id, d.subscriber_id, e.kind, d.updated_at + random() * random() * interval '20 days',
           'event-' || d.id || '-' || e.kind, 'person',
           CASE e.kind WHEN 'click' THEN jsonb_build_object('url', 'https://bench.example/' || d.id %% 5) ELSE '{}' END
    FROM deliveries d CROSS JOIN LATERAL (
        SELECT 'open' AS kind WHERE d.id %% 4 = 0 UNION ALL SELECT 'click' WHERE d.id %% 20 = 0
    ) e WHERE d.state IN ('sent', 'delivered')
"""
_TOTALS = """
    INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries)
    SELECT dispatch_id, state, delivery_reason(state, reply, detail), count(*) FROM deliveries GROUP BY 1, 2, 3
"""
# One event of a kind for a delivery: all numbers are the same. Clicked mails are opened ones too, by their ids.
_EVENT_TOTALS = """
    INSERT INTO event_totals
        (dispatch_id, kind, link, events, people_events, deliveries, people_deliveries, opened)
    SELECT d.dispatch_id, e.kind, COALESCE(e.detail ->> 'url', ''), count(*), count(*), count(*), count(*), 0
    FROM events e JOIN deliveries d ON d.id = e.delivery_id GROUP BY 1, 2, 3
"""
_ALL_LINKS = """
    INSERT INTO event_totals
        (dispatch_id, kind, link, events, people_events, deliveries, people_deliveries, opened)
    SELECT dispatch_id, kind, '', sum(events), sum(events), sum(events), sum(events), sum(events)
    FROM event_totals WHERE kind = 'click' GROUP BY 1, 2
"""
_HOURS = """
    INSERT INTO event_hours (dispatch_id, kind, hour, deliveries, people_deliveries)
    SELECT d.dispatch_id, e.kind, floor(extract(epoch FROM e.at - x.released_at) / 3600)::integer, count(*), count(*)
    FROM events e JOIN deliveries d ON d.id = e.delivery_id JOIN dispatches x ON x.id = d.dispatch_id
    WHERE e.at < x.released_at + interval '72 hours' GROUP BY 1, 2, 3
"""
_AUDIENCES = """
    UPDATE dispatches x SET audience_size = t.size
    FROM (SELECT dispatch_id, sum(deliveries) AS size FROM delivery_totals GROUP BY 1) t WHERE t.dispatch_id = x.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedInstallation:
    """How much there is, and one of each: the campaign is the largest, which is running."""

    people: int
    campaigns: int
    deliveries: int
    events: int
    campaign_id: int
    draft_id: int
    delivery_id: int
    subscriber_id: int
    article_id: int

    def __str__(self) -> str:
        return (
            f"{self.people:,} subscribers, {self.campaigns:,} campaigns, {self.deliveries:,} deliveries, "
            f"{self.events:,} events"
        )


def insert_used_installation(app: AppContext, database_url: str, folder: Path, *, people: int) -> UsedInstallation:
    """Fill an empty, migrated database, which loses foreign keys on the way. Twenty deliveries for each subscriber.

    The articles are written to the folder.
    """
    first = _first_campaign(app, folder)
    large = 4
    numbers = {
        "people": people,
        "campaigns": CAMPAIGNS,
        "running": _RUNNING,
        "first": first,
        "small": people * (_DELIVERIES_EACH - large) // (_RUNNING - large - 1),
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE deliveries DISABLE TRIGGER USER")
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM lists")
        connection.execute("ALTER TABLE lists ALTER COLUMN id RESTART")
        with quick_inserts(connection):
            for statement in (*PEOPLE_ON_LISTS, _COPIES, _ARTICLES, _DISPATCHES, _MAILS, _POSTS, _EVENTS):
                connection.execute(statement, numbers)
        for statement in (_TOTALS, _EVENT_TOTALS, _ALL_LINKS, _HOURS, _AUDIENCES):
            connection.execute(statement)
        connection.execute("ALTER TABLE deliveries ENABLE TRIGGER USER")
        connection.execute("ALTER TABLE events ENABLE TRIGGER USER")
        connection.execute("ANALYZE")
        return _counted(connection)


def _first_campaign(app: AppContext, folder: Path) -> int:
    """A campaign on three channels, reviewed: the others are like it."""
    slugs = []
    for number in range(50):
        path = folder / f"things-{number}.md"
        body = "".join(_PARAGRAPH.format(link) for link in range(20))
        path.write_text(f"---\ntitle: Things to read {number}\ntags: [bench, week {number % 10}]\n---\n\n{body}")
        slugs.append(add_file(app, path).slug)
    configure(app, "mail", "email", {"smtp_url": "smtp://127.0.0.1:9"})
    configure(app, "feeds", "feed", {})
    configure(app, "posts", "mastodon", {"instance_url": "http://127.0.0.1:9", "access_token": "bench"})
    with app.database.begin() as connection:
        lists.add(connection, slug="news", name="News")
    campaign_id = planning.create_campaign(
        app,
        CampaignPlan(
            name="Campaign 1",
            article_slugs=(slugs[0],),
            channel_names=("mail", "feeds", "posts"),
            audience=AudiencePlan(lists=("news",)),
            starts_at=app.clock() + timedelta(days=60),
        ),
        actor="bench",
    )
    life_cycle.review(app, campaign_id, actor="bench")
    return campaign_id


def _counted(connection: psycopg.Connection) -> UsedInstallation:
    def number(query: str) -> int:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    return UsedInstallation(
        people=number("SELECT count(*) FROM subscribers"),
        campaigns=number("SELECT count(*) FROM campaigns"),
        deliveries=number("SELECT sum(deliveries) FROM delivery_totals"),
        events=number("SELECT count(*) FROM events"),
        campaign_id=number(
            "SELECT campaign_id FROM dispatches x JOIN channels h ON h.id = x.channel_id "
            "WHERE x.state = 'running' AND h.name = 'mail'"
        ),
        draft_id=number("SELECT max(campaign_id) FROM dispatches WHERE state = 'draft'"),
        delivery_id=number("SELECT max(id) FROM deliveries WHERE state = 'failed'"),
        subscriber_id=77,
        article_id=number("SELECT min(id) FROM articles"),
    )
