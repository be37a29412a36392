"""Bringing a database to the present schema, and refusing one that this version does not understand."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from distributor.domain.errors import SchemaError
from distributor.storage.database import Database

# Any number will do as long as it is always the same: two migrations never run at once.
_MIGRATION_LOCK = 7_415_220_413


def migrate(database: Database) -> str:
    """Bring the database to the newest schema and return its revision. Does nothing if it is there already.

    Raises SchemaError for a database made by a newer version.
    """
    config = _config()
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        _refuse_newer(current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest_revision()


def check_schema(database: Database) -> None:
    """Raises SchemaError unless the database has exactly the schema this version works with."""
    with database.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(current)
    if current != newest_revision():
        at = f"at schema {current}" if current else "empty"
        raise SchemaError(f"the database is {at} and this version needs {newest_revision()}; run `distributor migrate`")


def newest_revision() -> str:
    """The revision this version works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package ships at least one migration"  # noqa: S101
    return head


def _refuse_newer(current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaError(
            f"the database has schema {current}, which this version of Distributor does not know; "
            "it was made by a newer version: install that version, or restore a backup"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
