"""Covers: what a campaign says around its articles, and the files that go along."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("subject", "greeting", "closing"):
        op.add_column("campaigns", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_table(
        "campaign_enclosures",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="campaign_enclosures_campaign_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "position", name="campaign_enclosures_pkey"),
    )
