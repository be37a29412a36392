"""Sources that run by themselves, and what an article knows of its source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

_EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("settings", JSONB(), server_default=_EMPTY, nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("publishing", sa.Text(), server_default="nothing", nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("cursor", JSONB(), server_default=_EMPTY, nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_result", JSONB(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="sources_pkey"),
        sa.UniqueConstraint("name", name="sources_name_key"),
    )
    op.create_index("sources_due_idx", "sources", ["next_run_at"], postgresql_where=sa.text("state = 'active'"))
    # The content folder, as it was read before.
    op.execute("""
        INSERT INTO sources (name, kind, interval_seconds, next_run_at) VALUES ('folder', 'folder', 30, now())
    """)
    op.add_column("articles", sa.Column("source_hash", sa.Text(), nullable=True))
    op.add_column("articles", sa.Column("held_update", JSONB(), nullable=True))
    op.execute("""
        UPDATE articles SET source_hash = r.content_hash
        FROM article_revisions r
        WHERE r.article_id = articles.id AND r.number = articles.revision AND articles.source IN ('folder', 'upload')
    """)
