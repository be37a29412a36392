"""`distributor backup` and `distributor restore`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import (
    key_fingerprint,
    make_app_context,
    note_key,
    open_app,
    open_services,
    postgres_programs,
    this_process,
)
from distributor.cli.console import print_message
from distributor.domain.errors import InputError, StateError
from distributor.domain.generation import GenerationBeginning
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.generations import finish_restore
from distributor.flow.ledger_marks import advance, require_newest
from distributor.flow.operations.processes import SECRET_KEY, changed_since, split_by_life
from distributor.settings import Settings, load_settings
from distributor.storage import generations, processes
from distributor.storage.backup import is_empty, read_backup, write_backup
from distributor.storage.generations import HeldWork
from distributor.storage.schema import migrate
from distributor.storage.unfinished_restore import UnfinishedRestore


def backup(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write the whole database to a file (pg_dump's custom format)."""
    settings = load_settings()
    with open_app(settings) as app:
        # From here on a restore does not know what was sent. Noted only of a database that is not older than it was.
        require_newest(app)
        advance(app)
        note_key(settings, app.database)
        write_backup(app.database, file, programs=postgres_programs())
    print_message(
        f"{file} holds everything but the secret key and the settings: keep {_key_place(settings)} and .env with it"
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `distributor backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the database holds.")] = False,
    as_copy: Annotated[
        bool,
        typer.Option("--as-copy", help="Beside the original: send nothing until `distributor generation activate`."),
    ] = False,
) -> None:
    """Restore the database from a backup: an empty one, or with --replace in place of what it holds.

    What was open in the backup waits until you have looked at what may have been sent since. Exit status 4 if the
    secret key is not that of the backup.
    """
    if not file.is_file():
        raise InputError(f"{file} is not a file; name one that `distributor backup` wrote")
    settings = load_settings()
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        try:
            is_same_key = _restore(app, settings, services, file, replace=replace, as_copy=as_copy)
        finally:
            app.close()
    if not is_same_key:
        raise typer.Exit(4)


def _restore(
    app: AppContext, settings: Settings, services: Services, file: Path, *, replace: bool, as_copy: bool
) -> bool:
    """Restore, and say what to do next; whether the secret key is that of the backup."""
    if not is_empty(app.database):
        if not replace:
            raise StateError("the database is not empty; add --replace to lose what it holds")
        _require_idle(app)
    beginning = GenerationBeginning.COPIED if as_copy else GenerationBeginning.RESTORED
    note = UnfinishedRestore(beginning=beginning, source=file.name)
    read_backup(app.database, file, note, programs=postgres_programs())
    migrate(app.database)
    with app.database.begin() as connection:
        kept = generations.current(connection).key_fingerprint
        former = [one.process for one in processes.all_reported(connection)]
    held = finish_restore(app)
    is_same_key = kept in ("", key_fingerprint(settings))
    if not is_same_key:
        print_message(
            f"the secret key is not that of the backup: put its file in place as {_key_place(settings)}, or set "
            "DISTRIBUTOR_SECRET_KEY to it. Without it mails are not signed with the same keys, channels cannot be "
            "opened, and links in earlier mails do not work"
        )
    changed = [name for name in changed_since(former, this_process(settings, services, "up")) if name != SECRET_KEY]
    if changed:
        names = ", ".join(f"DISTRIBUTOR_{name.upper()}" for name in changed)
        print_message(f"differs from the service that was backed up: {names}; is its .env in place?")
    _print_next_step(held, as_copy=as_copy)
    return is_same_key


def _require_idle(app: AppContext) -> None:
    """Raises StateError if processes of the service work with the database: they would go on with what is replaced."""
    with app.database.begin() as connection:
        found = processes.all_reported(connection) if processes.has_table(connection) else []
    running, _ = split_by_life(found)
    if running:
        raise StateError(f"the service runs: stop {', '.join(one.title for one in running)} first")


def _print_next_step(held: HeldWork | None, *, as_copy: bool) -> None:
    print_message("restored")
    if held and (held.dispatches or held.unknown or held.imports):
        print_message(
            f"{held.dispatches} dispatches and {held.imports} imports that were open wait, and {held.unknown} "
            "deliveries are unknown, since they may have been sent after the backup: "
            "`distributor generation review` shows them"
        )
    if as_copy:
        print_message("this is a copy: it sends nothing until `distributor generation activate`")


def _key_place(settings: Settings) -> str:
    """Where the secret key is."""
    return "DISTRIBUTOR_SECRET_KEY" if settings.secret_key else str(settings.data_dir / "secret_key")
