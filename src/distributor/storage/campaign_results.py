"""Released campaigns for the list of results, and what came of their articles by tag."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCampaign:
    """A campaign of which something was released. `dispatches` are the kinds of channels of those that were, by id."""

    id: int
    name: str
    released_at: datetime
    dispatches: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCount:
    """Of how many messages with articles of a tag a person clicked a link."""

    label: str
    delivered: int
    clicked: int


def released(connection: Connection, *, before_id: int | None = None, limit: int) -> list[ReleasedCampaign]:
    """The campaigns with articles of which something was released, the newest first."""
    rows = connection.execute(
        text("""
            SELECT c.id, c.name, x.released_at, x.ids, x.kinds
            FROM campaigns c CROSS JOIN LATERAL (
                SELECT min(d.released_at) AS released_at, array_agg(d.id ORDER BY d.id) AS ids,
                       array_agg(n.kind ORDER BY d.id) AS kinds
                FROM dispatches d JOIN channels n ON n.id = d.channel_id
                WHERE d.campaign_id = c.id AND d.released_at IS NOT NULL
            ) x
            WHERE c.purpose = 'articles' AND x.released_at IS NOT NULL
              AND c.id < COALESCE(CAST(:before AS bigint), 9223372036854775807)
            ORDER BY c.id DESC LIMIT :limit
        """),
        {"before": before_id, "limit": limit},
    )
    return [
        ReleasedCampaign(
            id=row.id,
            name=row.name,
            released_at=row.released_at,
            dispatches=dict(zip(row.ids, row.kinds, strict=True)),
        )
        for row in rows
    ]


def by_tag(connection: Connection, *, kinds: Collection[str], since: datetime) -> list[TagCount]:
    """For each tag the messages on channels of these kinds that were released since then, and those clicked."""
    rows = connection.execute(
        text("""
            WITH chosen AS (
                SELECT d.id, d.campaign_id FROM dispatches d JOIN channels n ON n.id = d.channel_id
                JOIN campaigns c ON c.id = d.campaign_id
                WHERE d.released_at > :since AND c.purpose = 'articles' AND n.kind = ANY(CAST(:kinds AS text[]))
            ), arrived AS (
                SELECT dispatch_id, sum(deliveries) AS delivered FROM (
                    SELECT dispatch_id, state, deliveries FROM delivery_totals
                    UNION ALL SELECT dispatch_id, state, change FROM delivery_changes
                ) AS parts WHERE state IN ('sent', 'delivered', 'complained') GROUP BY dispatch_id
            ), tagged AS (
                SELECT DISTINCT x.id, t.tag_slug FROM chosen x
                JOIN campaign_articles a ON a.campaign_id = x.campaign_id
                JOIN article_tags t ON t.article_id = a.article_id
            )
            SELECT g.label, COALESCE(sum(r.delivered), 0)::bigint AS delivered,
                   COALESCE(sum(e.people_deliveries), 0)::bigint AS clicked
            FROM tagged x JOIN tags g ON g.slug = x.tag_slug LEFT JOIN arrived r ON r.dispatch_id = x.id
            LEFT JOIN event_totals e ON e.dispatch_id = x.id AND e.kind = 'click' AND e.link = ''
            GROUP BY g.slug, g.label ORDER BY g.label
        """),
        {"kinds": list(kinds), "since": since},
    )
    return [TagCount(label=row.label, delivered=row.delivered, clicked=row.clicked) for row in rows]
