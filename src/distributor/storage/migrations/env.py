"""Alembic's entry: runs the migrations on the connection that `schema.migrate` hands over."""

from alembic import context

from distributor.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
