"""Bringing a database to the present schema, and refusing one that this version does not understand.

Alembic is imported only when there is something to migrate: every command checks the schema when it starts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError

from distributor.domain.errors import SchemaError
from distributor.storage.database import Connection, Database

# Any number will do as long as it is always the same: two migrations never run at once.
_MIGRATION_LOCK = 7_415_220_413
# The revisions this version knows, oldest first; a revision is the part of its file's name before the first "_".
_REVISIONS = sorted(
    file.name.partition("_")[0] for file in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*_*.py")
)


def migrate(database: Database, *, before: Callable[[str], None] | None = None) -> str:
    """Bring the database to the newest schema and return its revision. Does nothing if it is there already.

    `before` is called with the present revision, unless the database is empty; if it raises, nothing is changed.
    Raises SchemaError for a database made by a newer version, and if the migration fails, which changes nothing.
    """
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        current = _known_revision(connection)
        if current != newest_revision():
            if current is not None and before is not None:
                before(current)
            _upgrade(connection, current)
    return newest_revision()


def _upgrade(connection: Connection, current: str | None) -> None:
    try:
        importlib.import_module("distributor.storage.migrations.upgrade").upgrade(connection)
    except (ProgrammingError, IntegrityError, DataError, InternalError, NotSupportedError) as error:
        # A fault of the migration, or data that it was not made for.
        reason = str(error.orig).partition("\n")[0]
        raise SchemaError(
            f"the migration from schema {current or 'none'} to {newest_revision()} failed, and nothing was changed: "
            f"{reason}; go on with the version before, and report this"
        ) from error


def check_schema(database: Database) -> None:
    """Raises SchemaError unless the database has exactly the schema this version works with."""
    with database.begin() as connection:
        current = _known_revision(connection)
    if current != newest_revision():
        at = f"at schema {current}" if current else "empty"
        raise SchemaError(f"the database is {at} and this version needs {newest_revision()}; run `distributor migrate`")


def is_empty(database: Database) -> bool:
    """Whether the database has no schema yet. Raises SchemaError for one of a newer version."""
    with database.begin() as connection:
        return _known_revision(connection) is None


def newest_revision() -> str:
    """The revision this version works with."""
    return _REVISIONS[-1]


def _known_revision(connection: Connection) -> str | None:
    """The revision of the database; None if it has no schema yet. Raises SchemaError if this version lacks it."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    current: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if current is not None and current not in _REVISIONS:
        raise SchemaError(
            f"the database has schema {current}, which this version of Distributor does not know; "
            "it was made by a newer version: install that version, or restore a backup, such as one in the folder "
            "backups of the data directory, which was made before the migration"
        )
    return current
