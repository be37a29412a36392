"""What a ledger needs that outlives restores and stays quick."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_generations()
    _written_posts()
    _follow_ups()
    _create_notices()
    _add_retention_of_deliveries()
    _vacuum_earlier()


def _create_generations() -> None:
    """What was there before is generation 0."""
    op.create_table(
        "database_generations",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("database_id", sa.Uuid(), nullable=False),
        sa.Column("beginning", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sends_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_fingerprint", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("database_generations_pkey")),
    )
    op.execute("""
        INSERT INTO database_generations (number, database_id, beginning, began_at, sends_since)
        VALUES (0, gen_random_uuid(), 'created', now(), now())
    """)
    op.add_column("dispatches", sa.Column("held_state", sa.Text(), nullable=True))
    op.add_column("dispatches", sa.Column("known_until", sa.DateTime(timezone=True), nullable=True))


def _written_posts() -> None:
    """The posts of a thread and the hashtags that a campaign writes itself."""
    op.add_column("campaigns", sa.Column("thread", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")))
    op.add_column("campaigns", sa.Column("hashtags", JSONB))


def _follow_ups() -> None:
    """Dispatches that start after another one of their campaign."""
    op.add_column("dispatches", sa.Column("follows_id", sa.BigInteger))
    op.create_foreign_key(
        "dispatches_follows_id_fkey", "dispatches", "dispatches", ["follows_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("dispatches", sa.Column("follows_after", sa.Integer))
    op.create_index(
        "dispatches_follows_idx", "dispatches", ["follows_id"], postgresql_where=sa.text("follows_id IS NOT NULL")
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="notices_pkey"),
    )
    op.create_index("notices_open_key", "notices", ["key"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("notices_key_idx", "notices", ["key", sa.text("id DESC")])
    op.create_table(
        "notice_tellings",
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", "way", name="notice_tellings_pkey"),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name="notice_tellings_notice_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "notice_tellings_due_idx", "notice_tellings", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.create_table(
        "notice_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="notice_attempts_pkey"),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name="notice_attempts_notice_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("notice_attempts_notice_id_idx", "notice_attempts", ["notice_id"])
    op.create_table(
        "notice_settings",
        sa.Column("id", sa.Integer(), server_default="1", nullable=False),
        sa.Column("addresses", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column("hook_url", sa.Text(), server_default="", nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="notice_settings_pkey"),
    )


def _add_retention_of_deliveries() -> None:
    """Deliveries can become past ones, which take a fifth of the room, without a change of their totals."""
    op.create_table(
        "past_deliveries",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dispatch_id", sa.BigInteger(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=True),
        sa.Column("list_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("past_deliveries_pkey")),
        sa.ForeignKeyConstraint(
            ["dispatch_id"], ["dispatches.id"], name=op.f("past_deliveries_dispatch_id_fkey"), ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("past_deliveries_dispatch_id_idx"), "past_deliveries", ["dispatch_id"])
    op.create_index(
        "past_deliveries_subscriber_id_idx",
        "past_deliveries",
        ["subscriber_id", "dispatch_id"],
        postgresql_where=sa.text("subscriber_id IS NOT NULL"),
    )
    op.add_column("dispatches", sa.Column("deliveries_removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("dispatches_rendition_id_idx"), "dispatches", ["rendition_id"])
    op.create_index(op.f("reviewed_dispatches_rendition_id_idx"), "reviewed_dispatches", ["rendition_id"])
    op.alter_column("renditions", "payload", nullable=True)
    op.add_column("renditions", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("renditions", sa.Column("links", JSONB(), nullable=True))
    # Moving deliveries (storage.past_deliveries) says so, and changes no total; every other deletion does.
    op.execute("""
        CREATE OR REPLACE FUNCTION note_delivery_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
                SELECT dispatch_id, state, delivery_reason(state, reply, detail), count(*), max(updated_at)
                FROM after_it GROUP BY 1, 2, 3;
            ELSIF TG_OP = 'DELETE' THEN
                IF current_setting('distributor.totals_stay', true) IS DISTINCT FROM 'yes' THEN
                    INSERT INTO delivery_changes (dispatch_id, state, reason, change, at)
                    SELECT dispatch_id, state, delivery_reason(state, reply, detail), -count(*), now()
                    FROM before_it GROUP BY 1, 2, 3;
                END IF;
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


def _vacuum_earlier() -> None:
    """A fifth of twenty million rows, at which PostgreSQL vacuums by default, is two million mails."""
    for table in ("deliveries", "events"):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )
