"""Fewer entries: the index of workers holds only what has no known end.

Every mail wrote to it twice. What a living worker holds is never more than a few hundred deliveries for each, and the
index of leases finds those.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.drop_index("deliveries_worker_idx", table_name="deliveries")
    op.create_index(
        "deliveries_worker_idx",
        "deliveries",
        ["worker"],
        postgresql_where=sa.text("worker IS NOT NULL AND state = 'unknown'"),
    )
