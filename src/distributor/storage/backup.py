"""Backup: the whole database as one file in the custom format of pg_dump, and its restoration."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy import text

from distributor.domain.errors import ConfigurationError, DiskFullError, InputError, ServiceError
from distributor.private_files import make_private_folder, replace_private
from distributor.storage.database import Database
from distributor.storage.unfinished_restore import UnfinishedRestore, statement

# Of those that are made before migrations.
_KEPT_BACKUPS = 5
# Of what migrations make, triggers, sequences and indexes go with their tables.
_DROP_ALL = """
DO $$
DECLARE dropping text;
BEGIN
    FOR dropping IN
        SELECT format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        UNION ALL
        SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE dropping;
    END LOOP;
END $$
"""


def write_backup(database: Database, file: Path, *, programs: Path | None) -> None:
    """Write `file`, completely or not at all, for its owner only.

    `programs` is the folder of PostgreSQL's programs, None: those on PATH. Raises InputError if it cannot be written.
    """
    try:
        with replace_private(file) as fresh:
            # pg_dump keeps the mode of a file that exists.
            address, password = database.address_for_programs()
            options = (f"--dbname={address}", "--format=custom", f"--file={fresh}")
            _run("pg_dump", *options, programs=programs, password=password)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def write_backup_before_migration(
    database: Database, folder: Path, *, revision: str, programs: Path | None, now: datetime
) -> Path:
    """Write a backup of the database, which has this revision, to a new file in `folder`; the newest five are kept.

    Raises DiskFullError if there may not be enough room for it, and what `write_backup` raises.
    """
    file = folder / f"schema-{revision}-{now:%Y%m%dT%H%M%S%fZ}.dump"
    try:
        make_private_folder(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    needed = _bytes_of_tables(database)
    if free < needed:
        raise DiskFullError(
            f"{folder} has {_megabytes(free)} MB free, and the backup may need {_megabytes(needed)} MB; free some space"
        )
    write_backup(database, file, programs=programs)
    for old in sorted(folder.glob("schema-*.dump"), key=lambda one: one.stat().st_mtime)[:-_KEPT_BACKUPS]:
        old.unlink(missing_ok=True)
    return file


def read_backup(database: Database, file: Path, note: UnfinishedRestore, *, programs: Path | None) -> None:
    """Restore `file` in one transaction, in place of all tables that exist, also those that the backup has none of.

    The note is left with it, since what is open in it must not go on by itself. Raises ServiceError, and then nothing
    is changed.
    """
    with TemporaryFile() as script:
        # Completely, before anything is dropped: a damaged backup ends in the middle.
        _run("pg_restore", "--no-owner", "--file=-", str(file), programs=programs, output=script)
        script.seek(0)
        address, password = database.address_for_programs()
        options = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        # The script empties the search path.
        last = f"SET search_path TO public; {statement(note)}"
        steps = (f"--dbname={address}", f"--command={_DROP_ALL}", "--file=-", f"--command={last}")
        _run("psql", *options, *steps, programs=programs, password=password, script=script)


def analyze(database: Database) -> None:
    """Let PostgreSQL count what the tables hold: after a restore it would plan as if they were empty."""
    with database.begin() as connection:
        connection.execute(text("ANALYZE"))


def is_empty(database: Database) -> bool:
    """Whether the database holds no table at all."""
    with database.begin() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalar_one()
    return bool(found == 0)


def _bytes_of_tables(database: Database) -> int:
    """The size of the tables without their indexes, which a backup has only the definitions of."""
    with database.begin() as connection:
        size: int = connection.execute(
            text("""
                SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            """)
        ).scalar_one()
    return size


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)


def _run(
    program: str,
    *arguments: str,
    programs: Path | None,
    password: Mapping[str, str] | None = None,
    script: IO[bytes] | None = None,
    output: IO[bytes] | None = None,
) -> None:
    """Run a program of PostgreSQL, which reads `script` and writes to `output`. Raises ServiceError."""
    path = str(programs / program) if programs else shutil.which(program)
    if path is None:
        raise ConfigurationError(f"the program {program} is missing; install the package postgresql-client")
    done = subprocess.run(  # noqa: S603
        [path, *arguments],
        env={**os.environ, **(password or {})},
        stdin=script or subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ServiceError(f"{program} failed: {lines[0] if lines else f'status {done.returncode}'}")
