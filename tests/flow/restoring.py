"""Backups and restores of an app in tests: in place, on another machine, and of a snapshot that nobody speaks of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from distributor.bootstrap import postgres_programs
from distributor.domain.generation import GenerationBeginning
from distributor.flow.app_context import AppContext
from distributor.flow.generations import finish_restore
from distributor.flow.ledger_marks import advance
from distributor.storage.backup import read_backup, write_backup
from distributor.storage.database import Database
from distributor.storage.generations import HeldWork
from distributor.storage.unfinished_restore import UnfinishedRestore


def back_up(app: AppContext, file: Path) -> Path:
    """What `distributor backup` does."""
    advance(app)
    write_backup(app.database, file, programs=postgres_programs())
    return file


def restore(
    app: AppContext, file: Path, beginning: GenerationBeginning = GenerationBeginning.RESTORED
) -> HeldWork | None:
    """What `distributor restore --replace` does."""
    read_content(app, file, beginning)
    return finish_restore(app)


def read_content(app: AppContext, file: Path, beginning: GenerationBeginning = GenerationBeginning.RESTORED) -> None:
    """A restore that is killed as soon as the content is there."""
    note = UnfinishedRestore(beginning=beginning, source=file.name)
    read_backup(app.database, file, note, programs=postgres_programs())


@dataclass
class Machines:
    """Other machines with a database of their own, on the same server."""

    server_url: str
    made: list[tuple[str, Database]] = field(default_factory=list)

    def another(self, app: AppContext, folder: Path) -> AppContext:
        """An app with an empty database and no journals, under the same key."""
        return self._with_database(app, folder, "template1")

    def snapshot(self, app: AppContext, folder: Path) -> AppContext:
        """The same app on a copy of its database as it is now, as of a volume. Nothing tells it that it is one."""
        app.database.close()
        return self._with_database(app, folder, make_url(str(app.database.url)).database or "")

    def _with_database(self, app: AppContext, folder: Path, template: str) -> AppContext:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = make_url(self.server_url).set(database=name)
        database = Database(url.render_as_string(hide_password=False))
        self.made.append((name, database))
        return replace(app, database=database, journal_dir=folder)


@contextmanager
def machines(server_url: str) -> Iterator[Machines]:
    """Other machines; their databases are gone at the end."""
    found = Machines(server_url)
    yield found
    for name, database in found.made:
        database.close()
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
