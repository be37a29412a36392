"""Runs the migrations with Alembic. Imported by `schema.migrate` when a database is behind."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from distributor.storage.database import Connection


def upgrade(connection: Connection) -> None:
    """Migrate to the newest revision, within the transaction of the connection."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def alembic_config() -> Config:
    """The configuration that names the folder of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
