"""The lanes: pauses between relays and destinations, warm-up plans, and when a delivery was first tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("tried_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "lanes",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_probe_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="lanes_channel_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id", "relay", "destination", name="lanes_pkey"),
    )
    op.create_table(
        "warm_up_days",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name="warm_up_days_channel_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "day", name="warm_up_days_pkey"),
    )
