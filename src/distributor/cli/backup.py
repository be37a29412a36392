"""`distributor backup` and `distributor restore`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app, open_app_context, postgres_programs
from distributor.cli.console import print_message
from distributor.domain.errors import InputError, StateError
from distributor.settings import load_settings
from distributor.storage.backup import is_empty, read_backup, write_backup
from distributor.storage.schema import migrate


def backup(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write the whole database to a file (pg_dump's custom format)."""
    with open_app() as app:
        write_backup(app.database, file, programs=postgres_programs())
    print_message(f"{file} holds everything but the secret key and the settings; keep those with it")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `distributor backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the database holds.")] = False,
) -> None:
    """Restore the database from a backup: an empty one, or with --replace in place of what it holds."""
    if not file.is_file():
        raise InputError(f"{file} is not a file; name one that `distributor backup` wrote")
    with open_app_context(load_settings()) as app:
        if not replace and not is_empty(app.database):
            raise StateError("the database is not empty; add --replace to lose what it holds")
        read_backup(app.database, file, programs=postgres_programs())
        migrate(app.database)
    print_message("restored")
