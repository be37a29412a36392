"""`distributor migrate`"""

from __future__ import annotations

from distributor.bootstrap import open_app_context
from distributor.cli.console import print_message
from distributor.settings import load_settings
from distributor.storage import schema


def migrate() -> None:
    """Migrate the database to the schema of this version."""
    with open_app_context(load_settings()) as app:
        print_message(f"the database has schema {schema.migrate(app.database)}")
