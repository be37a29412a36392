"""How much room each kind of data takes in PostgreSQL, by its own books: no table is read for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from distributor.storage.database import Connection

# Every table is of one kind of data; a test checks that.
TABLES_OF: Mapping[str, tuple[str, ...]] = {
    "deliveries": ("deliveries", "delivery_history", "delivery_posts"),
    "past deliveries": ("past_deliveries",),
    "events": ("events",),
    "totals": ("delivery_totals", "delivery_changes", "delivery_progress", "event_totals", "event_hours"),
    "renditions": ("renditions",),
    "attachments": ("campaign_attachments",),
    "campaigns": (
        *("campaigns", "campaign_articles", "dispatches", "campaign_reviews", "reviewed_dispatches"),
        *("campaign_comments", "campaign_history", "campaign_audits", "test_groups"),
    ),
    "people": (
        *("subscribers", "memberships", "lists", "segments", "suppressions", "erasures"),
        *("imports", "import_keys"),
    ),
    "consents": ("consents", "consent_texts"),
    "articles": (
        "articles",
        "sources",
        "article_revisions",
        "article_media",
        "article_history",
        "article_tags",
        "tags",
        "tag_names",
        "tag_aliases",
    ),
    "media": ("media", "remote_images", "site_logos"),
    "feeds": ("publications", "collections", "documents", "document_builds"),
    "team": (
        *("users", "user_links", "user_sessions", "article_drafts", "calendar_feeds", "api_tokens"),
        *("audit_log", "site_settings"),
    ),
    "service": (
        *("channels", "paused_routes", "warm_up_days", "postmaster_mails", "heartbeats", "processes", "quarantine"),
        *("database_generations", "alembic_version", "notices", "notice_tellings", "notice_attempts"),
        "notice_settings",
    ),
}


@dataclass(frozen=True, slots=True)
class DataSize:
    """A kind of data: the bytes of its tables with their indexes, and about how many rows its first table has."""

    kind: str
    bytes: int
    rows: int


def sizes(connection: Connection) -> list[DataSize]:
    """The size of each kind of data. Rows are those of the last statistics, so they may be some minutes old."""
    found = connection.execute(
        text("""
            SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes,
                   GREATEST(s.n_live_tup, c.reltuples, 0)::bigint AS rows
            FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
            WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace)
        """)
    )
    by_name = {row.name: row for row in found}
    measured = []
    for kind, names in TABLES_OF.items():
        tables = [by_name[name] for name in names if name in by_name]
        measured.append(DataSize(kind, sum(one.bytes for one in tables), tables[0].rows if tables else 0))
    return measured


def database_bytes(connection: Connection) -> int:
    """How much room the whole database takes."""
    number: int = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    return number
