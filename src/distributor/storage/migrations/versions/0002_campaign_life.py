"""Campaigns have a life: drafts, reviews, approvals, tests. The team has accounts.

Clocks are compared, digests are no longer chosen, and processes report their settings.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_EMPTY_LIST = sa.text("'[]'::jsonb")


def upgrade() -> None:
    _change_campaigns()
    _change_dispatches()
    _create_campaign_reviews()
    _change_delivery_posts()
    _create_processes()
    _change_channels()
    for name in ("scan", "outcomes", "skip_reasons"):
        op.add_column("imports", sa.Column(name, postgresql.JSONB(), server_default=_EMPTY_OBJECT, nullable=False))
    _create_accounts()
    op.drop_column("memberships", "frequency")
    op.add_column(
        "heartbeats",
        sa.Column(
            "database_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    )


def _change_campaigns() -> None:
    op.add_column("campaigns", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "campaigns", sa.Column("needs_approval", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("campaigns", sa.Column("on_change", sa.Text(), server_default="refresh", nullable=False))
    op.add_column("campaigns", sa.Column("test_of", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("test_as", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("campaigns_test_of_fkey"), "campaigns", "campaigns", ["test_of"], ["id"], ondelete="CASCADE"
    )
    op.create_index("campaigns_test_of_idx", "campaigns", ["test_of"], postgresql_where=sa.text("test_of IS NOT NULL"))


def _change_dispatches() -> None:
    """What was planned is scheduled now, and is prepared shortly before its time; so is what was rendered before."""
    op.alter_column("dispatches", "scheduled_at", nullable=True)
    op.add_column("dispatches", sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "dispatches", sa.Column("revisions", postgresql.JSONB(), server_default=_EMPTY_OBJECT, nullable=False)
    )
    op.execute("UPDATE dispatches SET state = 'scheduled' WHERE state = 'planned'")
    op.execute("UPDATE dispatches SET prepared_at = released_at WHERE released_at IS NOT NULL")
    op.drop_index("dispatches_open_idx", "dispatches")
    op.create_index(
        "dispatches_open_idx",
        "dispatches",
        ["state", "scheduled_at"],
        postgresql_where=sa.text("state IN ('scheduled','running')"),
    )


def _create_campaign_reviews() -> None:
    op.create_table(
        "campaign_reviews",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revisions", postgresql.JSONB(), nullable=False),
        sa.Column("problems", postgresql.JSONB(), server_default=_EMPTY_LIST, nullable=False),
        sa.Column("blockers", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), server_default="", nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("campaign_reviews_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("campaign_reviews_pkey")),
    )
    op.create_index(op.f("campaign_reviews_campaign_id_idx"), "campaign_reviews", ["campaign_id"])
    op.create_table(
        "reviewed_dispatches",
        sa.Column("review_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rendition_id", sa.BigInteger(), nullable=True),
        sa.Column("problems", postgresql.JSONB(), server_default=_EMPTY_LIST, nullable=False),
        sa.Column("recipients", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("reviewed_dispatches_channel_id_fkey")),
        sa.ForeignKeyConstraint(
            ["rendition_id"], ["renditions.id"], name=op.f("reviewed_dispatches_rendition_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["campaign_reviews.id"], name=op.f("reviewed_dispatches_review_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("review_id", "channel_id", name=op.f("reviewed_dispatches_pkey")),
    )
    op.create_table(
        "campaign_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("campaign_history_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("campaign_history_pkey")),
    )
    op.create_index(op.f("campaign_history_campaign_id_idx"), "campaign_history", ["campaign_id"])


def _change_delivery_posts() -> None:
    op.add_column("delivery_posts", sa.Column("found_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("delivery_posts_remote_id_idx"), "delivery_posts", ["remote_id"], postgresql_using="hash")


def _create_processes() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("processes_pkey")),
    )


def _change_channels() -> None:
    """The row of a channel that was removed stays, and its name is free."""
    op.add_column("channels", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("channels_name_key", "channels")
    op.create_index(
        "channels_name_key", "channels", ["name"], unique=True, postgresql_where=sa.text("removed_at IS NULL")
    )


def _create_accounts() -> None:
    """The users of the team's app, their one-time links and sessions, and the log of what they do."""

    def foreign_key(table: str, ondelete: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"{table}_user_id_fkey"), ondelete=ondelete)

    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("key", name=op.f("users_key_key")),
    )
    op.create_table(
        "user_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        foreign_key("user_links", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("user_links_pkey")),
        sa.UniqueConstraint("hash", name=op.f("user_links_hash_key")),
    )
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        foreign_key("user_sessions", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("user_sessions_pkey")),
        sa.UniqueConstraint("hash", name=op.f("user_sessions_hash_key")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        foreign_key("audit_log", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
    )
    for table in ("user_links", "user_sessions", "audit_log"):
        op.create_index(op.f(f"{table}_user_id_idx"), table, ["user_id"])
