"""An advisory lock that keeps subscribers and lists from being deleted while an audience is frozen."""

from __future__ import annotations

from sqlalchemy import text

from distributor.storage.database import Connection

# An arbitrary constant.
_LOCK = 7_415_220_414


def lock_shared(connection: Connection) -> None:
    """Until this transaction ends no subscriber and no list is deleted. Several transactions may hold it at once."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


def lock_exclusive(connection: Connection) -> None:
    """Until this transaction ends no audience is frozen. To be taken before a subscriber or a list is deleted."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
