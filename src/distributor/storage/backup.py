"""Backup: the whole database as one file in the custom format of pg_dump, and its restoration."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import text

from distributor.domain.errors import ConfigurationError, InputError, ServiceError
from distributor.private_files import replace_private
from distributor.storage.database import Database


def write_backup(database: Database, file: Path, *, programs: Path | None) -> None:
    """Write `file`, completely or not at all, for its owner only.

    `programs` is the folder of PostgreSQL's programs, None: those on PATH. Raises InputError if it cannot be written.
    """
    try:
        with replace_private(file) as fresh:
            # pg_dump keeps the mode of a file that exists.
            _run(database, "pg_dump", "--format=custom", f"--file={fresh}", programs=programs)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def read_backup(database: Database, file: Path, *, programs: Path | None) -> None:
    """Restore `file` in one transaction, replacing the existing tables."""
    options = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
    _run(database, "pg_restore", *options, str(file), programs=programs)


def is_empty(database: Database) -> bool:
    """Whether the database holds no table at all."""
    with database.begin() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalar_one()
    return bool(found == 0)


def _run(database: Database, program: str, *arguments: str, programs: Path | None) -> None:
    path = str(programs / program) if programs else shutil.which(program)
    if path is None:
        raise ConfigurationError(f"the program {program} is missing; install the package postgresql-client")
    address, password = database.address_for_programs()
    done = subprocess.run(  # noqa: S603
        [path, f"--dbname={address}", *arguments],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise ServiceError(f"{program} failed: {lines[0] if lines else f'status {done.returncode}'}")
