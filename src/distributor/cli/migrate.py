"""`distributor migrate`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.bootstrap import migrate_database, migrate_embedded, open_app_context
from distributor.cli.console import print_message
from distributor.settings import load_settings
from distributor.storage.schema import newest_revision


def migrate(
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up the database before its schema is changed.")
    ] = False,
) -> None:
    """Migrate the database to the schema of this version, after a backup to DATA_DIR/backups if it holds data."""
    settings = load_settings()
    migrate_it = migrate_database if settings.database_url else migrate_embedded
    with open_app_context(settings) as app:
        backup = migrate_it(settings, app.database, with_backup=not no_backup)
    if backup is not None:
        print_message(f"before the migration, the database was backed up to {backup}")
    print_message(f"the database has schema {newest_revision()}")
