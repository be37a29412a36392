"""The schema: migrations give what the tables say, and a database of another version is refused."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from distributor.domain.errors import SchemaError, ServiceError
from distributor.flow.app_context import AppContext
from distributor.storage.database import Database
from distributor.storage.migrations.upgrade import alembic_config
from distributor.storage.schema import check_schema, migrate, newest_revision
from distributor.storage.tables import metadata


def test_the_migrations_give_exactly_the_tables(app: AppContext) -> None:
    with app.database.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_give_the_same_constraints_indexes_and_storage_options_as_the_tables(app: AppContext) -> None:
    migrated = _definitions(app.database)
    with app.database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        metadata.create_all(connection)
    assert migrated == _definitions(app.database)


def test_what_the_first_version_had_planned_is_still_sent_after_the_migration(app: AppContext) -> None:
    """It is prepared anew shortly before its time; what was released stays as it was made."""
    with app.database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO channels (name, kind) VALUES ('mail', 'email')"))
        for state, released_at in (("planned", None), ("scheduled", None), ("running", app.clock())):
            connection.execute(
                text("""
                    WITH campaign AS (
                        INSERT INTO campaigns (name, track_opens, track_clicks, unknown_policy, created_at)
                        VALUES ('Old', true, true, 'assume_sent', now()) RETURNING id
                    )
                    INSERT INTO dispatches (campaign_id, channel_id, state, scheduled_at, zone, released_at)
                    SELECT campaign.id, channels.id, :state, now(), 'UTC', :released_at FROM campaign, channels
                """),
                {"state": state, "released_at": released_at},
            )
    migrate(app.database)
    with app.database.begin() as connection:
        rows = connection.execute(text("SELECT state, prepared_at IS NOT NULL FROM dispatches ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("scheduled", False), ("scheduled", False), ("running", True)]


def test_the_newest_revision_is_the_one_that_alembic_ends_at() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == newest_revision()


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


def _definitions(database: Database) -> set[tuple[object, ...]]:
    """Constraints, indexes, storage options and default values of every table in PostgreSQL."""
    with database.begin() as connection:
        rows = connection.execute(
            text("""
                SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace
                UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT c.oid::regclass::text, 'options', c.reloptions::text FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
                UNION ALL
                SELECT d.adrelid::regclass::text, a.attname, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
                JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                JOIN pg_class c ON c.oid = d.adrelid WHERE c.relnamespace = 'public'::regnamespace
            """)
        )
        return {tuple(row) for row in rows if not str(row[0]).startswith("alembic_version")}
