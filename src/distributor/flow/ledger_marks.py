"""Marks outside the database of how far it has come: one in Redis, one in the journal folder of the beat.

A mark is written after the database has committed it, and read before the database is: so it is ahead only of a
database that has lost what it had committed, such as an older snapshot. A mark that is missing, damaged, older or of
another database says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast
from uuid import UUID

from redis import RedisError

from distributor.domain.generation import Generation, LedgerMark
from distributor.flow.app_context import AppContext
from distributor.flow.generations import begin_if_rewound
from distributor.private_files import make_private_folder
from distributor.storage import generations

_KEY = "distributor:mark"
_SUFFIX = ".mark"


def require_newest(app: AppContext) -> Generation | None:
    """Begin a generation if a mark shows that the database is an older snapshot of itself; None if none does.

    Everything that was open waits for a person then. Raises ServiceError if PostgreSQL does not answer.
    """
    with app.database.begin() as connection:
        database_id = generations.current(connection).database_id
        marks = list(_marks(app, database_id))
        # This statement sees what was committed before the marks were read.
        return begin_if_rewound(app, connection, marks)


def advance(app: AppContext) -> None:
    """Note that the service runs, in the database and then in the marks."""
    with app.database.begin() as connection:
        mark = generations.advance(connection, now=app.clock())
        database_id = generations.current(connection).database_id
    # Always as long, so that it is written over the former one: a full disk has room for it.
    _write(app, database_id, b"%20d %20d\n" % (mark.generation, mark.position))


def _write(app: AppContext, database_id: UUID, content: bytes) -> None:
    """Keep the mark wherever that is possible: where it is not, an older snapshot is not noticed."""
    with suppress(RedisError):
        app.redis.set(f"{_KEY}:{database_id}", content)
    path = _file(app, database_id)
    with suppress(OSError):
        make_private_folder(path.parent)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def _marks(app: AppContext, database_id: UUID) -> Iterator[LedgerMark]:
    contents: list[bytes | None] = []
    with suppress(OSError):
        contents.append(_file(app, database_id).read_bytes())
    with suppress(RedisError):
        contents.append(cast("bytes | None", app.redis.get(f"{_KEY}:{database_id}")))
    for content in contents:
        # Half of a file, or what somebody has written over it.
        with suppress(ValueError):
            generation, position = map(int, (content or b"").split())
            yield LedgerMark(generation, position)


def _file(app: AppContext, database_id: UUID) -> Path:
    return app.journal_dir / f"{database_id}{_SUFFIX}"
