"""The note that a restore leaves in the database, in the transaction of its content, until its generation has begun."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from distributor.domain.generation import GenerationBeginning
from distributor.storage.database import Connection

# Not among the tables: it is there from a restore to the next start only, whatever the schema of the backup.
_TABLE = "unfinished_restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRestore:
    """A restore whose generation has not begun yet; `source` is the name of the backup."""

    beginning: GenerationBeginning
    source: str


def statement(note: UnfinishedRestore) -> str:
    """What writes the note, for PostgreSQL's own programs."""
    source = note.source.replace("'", "''")
    return f"CREATE TABLE {_TABLE} AS SELECT '{note.beginning}' AS beginning, '{source}' AS source"


def find(connection: Connection) -> UnfinishedRestore | None:
    """The note, locked until the transaction ends; None if no restore is unfinished."""
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": _TABLE}).scalar_one() is None:
        return None
    # Another process that waits for this one finds no row then.
    row = connection.execute(text(f"SELECT * FROM {_TABLE} FOR UPDATE")).one_or_none()  # noqa: S608
    return UnfinishedRestore(beginning=GenerationBeginning(row.beginning), source=row.source) if row else None


def remove(connection: Connection) -> None:
    """Delete the note: the generation has begun."""
    connection.execute(text(f"DELETE FROM {_TABLE}"))  # noqa: S608
    connection.execute(text(f"DROP TABLE {_TABLE}"))
