"""What the pages of the team's app keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _create_calendar()
    _create_delivery_history()
    _create_event_totals()
    _create_campaign_audits()
    _create_delivery_totals()
    _create_site_settings()
    _create_article_drafts()
    _add_titles()
    _extend_reviews()
    _create_comments()
    _create_test_groups()
    _add_mail_layout()


def _create_campaign_audits() -> None:
    op.create_table(
        "campaign_audits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatch_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("checked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("checked_here", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("differences", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="campaign_audits_pkey"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="campaign_audits_campaign_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("campaign_audits_campaign_id_idx", "campaign_audits", ["campaign_id"])
    op.create_index(
        "campaign_audits_open_idx",
        "campaign_audits",
        ["updated_at"],
        postgresql_where=sa.text("state IN ('waiting','running')"),
    )


def _create_event_totals() -> None:
    """What is in the database already is counted by the scheduler, a batch each second."""
    op.add_column("events", sa.Column("client", sa.Text(), nullable=True))
    op.create_index(
        "events_uncounted_idx", "events", ["id"], postgresql_where=sa.text("client IS NULL OR client = 'taken_back'")
    )
    op.create_table(
        "event_totals",
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("people_events", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("people_deliveries", sa.BigInteger(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispatch_id", "kind", "link", name="event_totals_pkey"),
    )
    op.create_table(
        "event_hours",
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("people_deliveries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispatch_id", "kind", "hour", name="event_hours_pkey"),
    )


def _create_delivery_history() -> None:
    op.create_table(
        "delivery_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reply_code", sa.Integer()),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="delivery_history_pkey"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="delivery_history_delivery_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("delivery_history_delivery_id_idx", "delivery_history", ["delivery_id"])
    op.create_index(
        "deliveries_outcome_idx",
        "deliveries",
        ["dispatch_id", "state", "id"],
        postgresql_where=sa.text(
            "state IN ('sent','deferred','failed','suppressed','unknown','delivered','bounced','complained')"
        ),
    )


def _create_delivery_totals() -> None:
    """The totals of dispatches are maintained: by a trigger, so that no statement on deliveries can forget them."""
    op.create_table(
        "delivery_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("delivery_changes_pkey")),
    )
    op.create_index(op.f("delivery_changes_dispatch_id_idx"), "delivery_changes", ["dispatch_id"])
    op.create_table(
        "delivery_totals",
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispatch_id", "state", "reason", name=op.f("delivery_totals_pkey")),
    )
    op.create_table(
        "delivery_progress",
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dispatch_id", "slot", name=op.f("delivery_progress_pkey")),
    )
    op.execute("""
        CREATE FUNCTION delivery_reason(state text, reply text, detail jsonb) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN left(CASE
            WHEN state = 'suppressed' THEN reply
            WHEN state = 'deferred' AND detail ->> 'reason' = 'held' THEN 'held:' || COALESCE(detail ->> 'route', '')
            WHEN state IN ('deferred', 'failed') THEN COALESCE(detail ->> 'reason', '')
            ELSE ''
        END, 300)
    """)
    op.execute("""
        CREATE FUNCTION note_delivery_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
                SELECT dispatch_id, state, delivery_reason(state, reply, detail), count(*), max(updated_at)
                FROM after_it GROUP BY 1, 2, 3;
            ELSIF TG_OP = 'DELETE' THEN
                INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
                SELECT dispatch_id, state, delivery_reason(state, reply, detail), -count(*), now()
                FROM before_it GROUP BY 1, 2, 3;
            ELSE
                INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
                SELECT dispatch_id, state, reason, sum(change), (SELECT max(updated_at) FROM after_it)
                FROM (SELECT dispatch_id, state, delivery_reason(state, reply, detail) AS reason, 1 AS change
                      FROM after_it
                      UNION ALL SELECT dispatch_id, state, delivery_reason(state, reply, detail), -1
                      FROM before_it) AS moved
                GROUP BY 1, 2, 3 HAVING sum(change) <> 0;
            END IF;
            RETURN NULL;
        END $$
    """)
    for operation, tables in (
        ("INSERT", "NEW TABLE AS after_it"),
        ("UPDATE", "OLD TABLE AS before_it NEW TABLE AS after_it"),
        ("DELETE", "OLD TABLE AS before_it"),
    ):
        op.execute(f"""
            CREATE TRIGGER deliveries_changed_by_{operation.lower()} AFTER {operation} ON deliveries
            REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION note_delivery_changes()
        """)
    # No delivery changes any more until this is committed: the triggers lock the table.
    op.execute("""
        INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries)
        SELECT dispatch_id, state, delivery_reason(state, reply, detail), count(*) FROM deliveries GROUP BY 1, 2, 3
    """)
    op.create_index(
        "deliveries_deferred_idx",
        "deliveries",
        ["dispatch_id", "next_at"],
        postgresql_where=sa.text("state = 'deferred'"),
    )


def _create_site_settings() -> None:
    op.create_table(
        "site_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("site_settings_pkey")),
    )
    op.create_table(
        "site_logos",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("site_logos_pkey")),
    )
    # A channel's page asks when its secrets were set.
    op.create_index(op.f("audit_log_subject_idx"), "audit_log", ["subject"])


def _create_article_drafts() -> None:
    op.create_table(
        "article_drafts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("article_id", sa.BigInteger(), nullable=True),
        sa.Column("base_revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("article_drafts_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("article_drafts_article_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("article_drafts_pkey")),
        sa.UniqueConstraint("key", name=op.f("article_drafts_key_key")),
        sa.UniqueConstraint("article_id", "user_id", name=op.f("article_drafts_article_id_user_id_key")),
    )
    op.create_index(op.f("article_drafts_user_id_idx"), "article_drafts", ["user_id"])
    op.add_column("article_revisions", sa.Column("source_text", sa.Text(), nullable=True))
    op.create_index("articles_changed_idx", "articles", [sa.text("updated_at DESC"), sa.text("id DESC")])


def _add_titles() -> None:
    """Lists and searches of articles read the title without the content."""
    op.add_column(
        "article_revisions", sa.Column("title", sa.Text(), sa.Computed("content ->> 'title'", persisted=True))
    )


def _extend_reviews() -> None:
    empty_list = sa.text("'[]'::jsonb")
    for table in ("campaign_reviews", "reviewed_dispatches"):
        op.add_column(table, sa.Column("passed", postgresql.JSONB(), server_default=empty_list, nullable=False))
    op.add_column(
        "campaign_reviews", sa.Column("with_links", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("reviewed_dispatches", sa.Column("cost", sa.Text(), server_default="", nullable=False))


def _create_comments() -> None:
    op.create_table(
        "campaign_comments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("told", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("campaign_comments_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("campaign_comments_user_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("campaign_comments_pkey")),
        sa.UniqueConstraint("campaign_id", "key", name=op.f("campaign_comments_campaign_id_key_key")),
    )
    op.create_index(op.f("campaign_comments_user_id_idx"), "campaign_comments", ["user_id"])


def _create_test_groups() -> None:
    op.create_table(
        "test_groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("addresses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("test_groups_pkey")),
        sa.UniqueConstraint("key", name=op.f("test_groups_key_key")),
    )


def _create_calendar() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("calendar_feeds_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("calendar_feeds_pkey")),
        sa.UniqueConstraint("hash", name=op.f("calendar_feeds_hash_key")),
    )
    op.create_index("dispatches_scheduled_idx", "dispatches", ["scheduled_at"])
    op.create_index("dispatches_channel_idx", "dispatches", ["channel_id", "scheduled_at"])
    op.create_index(
        "dispatches_without_time_idx",
        "dispatches",
        ["campaign_id"],
        postgresql_where=sa.text("scheduled_at IS NULL"),
    )


def _add_mail_layout() -> None:
    """How mails show the articles of a campaign, and what inboxes show beside its subject."""
    op.add_column("campaigns", sa.Column("preheader", sa.Text(), server_default="", nullable=False))
    op.add_column("campaigns", sa.Column("layout", sa.Text(), nullable=True))
