"""The schema: migrations give what the tables say, and a database of another version is refused."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from distributor.domain.errors import SchemaError, ServiceError
from distributor.flow.app_context import AppContext
from distributor.storage.database import Database
from distributor.storage.schema import check_schema, migrate, newest_revision
from distributor.storage.tables import metadata


def test_the_migrations_give_exactly_the_tables(app: AppContext) -> None:
    with app.database.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(app: AppContext) -> None:
    assert migrate(app.database) == newest_revision()
    check_schema(app.database)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (check_schema, migrate):
        with pytest.raises(SchemaError, match="schema 9999, which this version"):
            act(app.database)
    with app.database.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_an_empty_database_is_told_to_migrate(app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(SchemaError, match="run `distributor migrate`"):
        check_schema(app.database)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:

    database = Database("postgresql://somebody:secret@127.0.0.1:1/nothing")
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1/nothing does not answer") as caught:
        migrate(database)
    assert "secret" not in str(caught.value)
