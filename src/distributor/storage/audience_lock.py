"""People and lists stay while an audience is frozen, and whoever takes one away waits until that is done."""

from __future__ import annotations

from sqlalchemy import text

from distributor.storage.database import Connection

# Any number will do as long as it is always the same.
_LOCK = 7_415_220_414


def lock_shared(connection: Connection) -> None:
    """To the end of this transaction nobody is taken away; several may ask for this at once."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


def lock_exclusive(connection: Connection) -> None:
    """To the end of this transaction no audience is frozen: somebody is about to be taken away."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
