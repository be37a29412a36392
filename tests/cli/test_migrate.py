"""A database with data is backed up before its schema is changed, and not changed if that fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from alembic.config import Config
from sqlalchemy import text

from distributor import bootstrap
from distributor.bootstrap import migrate_database, migrate_embedded, this_process
from distributor.domain.errors import SchemaError
from distributor.embedded import Services, wait_until_stopped
from distributor.flow.app_context import AppContext
from distributor.flow.operations.processes import reporting
from distributor.settings import Settings
from distributor.storage import backup, processes, schema, tables
from distributor.storage.migrations import upgrade
from tests.cli.conftest import Run

NEXT = "9000"
SERVICES = Services(database_url="postgresql://example/db", redis_url="redis://example")
EMBEDDED = {"DISTRIBUTOR_DATABASE_URL": "", "DISTRIBUTOR_REDIS_URL": ""}


@pytest.fixture
def newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A version of Distributor with one migration more, in the file that is given."""
    versions = tmp_path / "versions"
    versions.mkdir()
    file = versions / f"{NEXT}_next.py"
    file.write_text(
        "from alembic import op\n"
        f"revision, down_revision = '{NEXT}', '{schema.newest_revision()}'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE next_things (id int)')\n"
    )
    ordinary = upgrade.alembic_config

    def with_one_more() -> Config:
        config = ordinary()
        own = Path(upgrade.__file__).parent / "versions"
        config.set_main_option("version_locations", f"{own}{os.pathsep}{versions}")
        return config

    monkeypatch.setattr(upgrade, "alembic_config", with_one_more)
    monkeypatch.setattr(schema, "_REVISIONS", [*schema._REVISIONS, NEXT])
    yield file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data")


def backups(folder: Path) -> list[Path]:
    return sorted((folder / "backups").glob("*"))


def revision(app: AppContext) -> str:
    with app.database.begin() as connection:
        found: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return found


def test_any_command_migrates_an_embedded_database_and_says_where_the_backup_is(
    run: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    try:
        assert run("list", "create", "Kept", **EMBEDDED).code == 0
        assert backups(tmp_path / "data") == []
        request.getfixturevalue("newer_version")
        listed = run("list", "list", "--json", **EMBEDDED)
        (file,) = backups(tmp_path / "data")
        assert "database.migrated" in listed.err
        assert str(file) in listed.err
        assert [one["slug"] for one in json.loads(listed.out)] == ["kept"]
        assert file.stat().st_mode & 0o077 == 0
        assert backups(tmp_path / "data") == [file]
        assert "backup" not in run("list", "list", "--json", **EMBEDDED).err
    finally:
        wait_until_stopped(tmp_path / "data")


@pytest.mark.parametrize(
    "command",
    [
        *(("web",), ("worker", "--queue", "email"), ("beat",), ("inbound",), ("up",)),
        *(("list", "create", "News"), ("campaign", "list")),
    ],
    ids=lambda command: command[0],
)
def test_over_an_older_database_every_process_names_the_one_command_and_does_nothing_else(
    run_process: Run, app: AppContext, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with app.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    before = _counts(app)
    refused = run_process(*command)
    assert refused.code == SchemaError.exit_code, refused.message
    assert "run `distributor migrate`" in refused.message
    assert _counts(app) == before
    assert backups(tmp_path / "data") == []


def _counts(app: AppContext) -> dict[str, int]:
    """How many rows each table has."""
    with app.database.begin() as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in tables.metadata.tables
        }


def test_the_backup_restores_what_was_there_before(
    run: Run, app: AppContext, tmp_path: Path, newer_version: Path
) -> None:
    with app.database.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 7 AS number"))
    migrated = run("migrate")
    assert (migrated.code, revision(app)) == (0, NEXT)
    (file,) = backups(tmp_path / "data")
    assert f"backed up to {file}" in migrated.err.replace("\n", "")
    with app.database.begin() as connection:
        connection.execute(text("DROP TABLE kept"))
    assert run("restore", str(file), "--replace").code == 0
    with app.database.begin() as connection:
        assert connection.execute(text("SELECT number FROM kept")).scalar_one() == 7
        assert connection.execute(text("SELECT count(*) FROM next_things")).scalar_one() == 0


def test_an_embedded_database_is_not_migrated_while_processes_work_with_the_old_schema(
    app: AppContext, settings: Settings, newer_version: Path
) -> None:
    before = revision(app)
    mine = this_process(settings, SERVICES, "worker", name="worker email")
    killed = replace(mine, id=uuid4(), pid=_ended_process())
    with app.database.begin() as connection:
        processes.report(connection, killed)
    with reporting(app.database.url.render_as_string(hide_password=False), mine):
        for with_backup in (True, False):
            with pytest.raises(SchemaError, match=rf"stop worker email \(process {os.getpid()} on .+\) first"):
                migrate_embedded(settings, app.database, with_backup=with_backup)
        assert revision(app) == before
    with app.database.begin() as connection:
        processes.report(connection, killed)
    assert migrate_embedded(settings, app.database) is not None
    assert revision(app) == NEXT


def test_a_schema_without_reports_of_processes_is_migrated(
    app: AppContext, settings: Settings, newer_version: Path
) -> None:
    with app.database.begin() as connection:
        connection.execute(text("DROP TABLE processes"))
    assert migrate_embedded(settings, app.database) is not None


def _ended_process() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_damaged_backup_changes_nothing(run: Run, app: AppContext, tmp_path: Path) -> None:
    assert run("list", "create", "Kept").code == 0
    assert run("backup", str(tmp_path / "whole.dump")).code == 0
    content = (tmp_path / "whole.dump").read_bytes()
    (tmp_path / "half.dump").write_bytes(content[: len(content) // 2])
    (tmp_path / "none.dump").write_bytes(b"no backup")
    for name in ("half.dump", "none.dump"):
        refused = run("restore", str(tmp_path / name), "--replace")
        assert refused.code != 0
        assert "pg_restore failed: " in refused.message
    assert [one["slug"] for one in json.loads(run("list", "list", "--json").out)] == ["kept"]


def test_an_empty_database_and_one_with_the_newest_schema_are_not_backed_up(
    app: AppContext, settings: Settings
) -> None:
    assert migrate_database(settings, app.database) is None
    with app.database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    assert migrate_database(settings, app.database) is None
    assert backups(settings.data_dir) == []


def test_without_a_backup_nothing_is_migrated(
    run: Run, app: AppContext, tmp_path: Path, newer_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = revision(app)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "backups").write_text("a file is in the way")
    refused = run("migrate")
    assert (refused.code, revision(app)) == (SchemaError.exit_code, before)
    assert "it could not be backed up before" in refused.message
    assert "--no-backup" in refused.message
    assert run("migrate", "--no-backup").code == 0
    assert revision(app) == NEXT


def test_a_disk_without_room_for_the_backup_is_left_alone(
    app: AppContext, settings: Settings, newer_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = revision(app)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(SchemaError, match=r"has 1 MB free, and the backup may need \d+ MB"):
        migrate_database(settings, app.database)
    assert (revision(app), backups(settings.data_dir)) == (before, [])


def test_a_backup_that_fails_half_way_leaves_no_file(
    app: AppContext, settings: Settings, newer_version: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dump = tmp_path / "programs" / "pg_dump"
    dump.parent.mkdir()
    dump.write_text("#!/bin/sh\necho 'pg_dump: error: no more' >&2\nexit 1\n")
    dump.chmod(0o755)
    monkeypatch.setattr(bootstrap, "postgres_programs", lambda: dump.parent)
    before = revision(app)
    with pytest.raises(SchemaError, match="pg_dump failed: pg_dump: error: no more"):
        migrate_database(settings, app.database)
    assert (revision(app), backups(settings.data_dir)) == (before, [])


def test_a_migration_that_fails_changes_nothing_and_says_so(
    app: AppContext, settings: Settings, newer_version: Path
) -> None:
    newer_version.write_text(
        newer_version.read_text() + "    op.execute('ALTER TABLE nothing_of_this_name ADD COLUMN x int')\n"
    )
    before = revision(app)
    with pytest.raises(SchemaError, match='to 9000 failed, and nothing was changed: relation "nothing_of_this_name"'):
        migrate_database(settings, app.database)
    assert revision(app) == before
    with app.database.begin() as connection:
        assert connection.execute(text("SELECT to_regclass('next_things')")).scalar_one() is None


def test_the_newest_five_backups_are_kept_and_other_files_are_left_alone(
    app: AppContext, settings: Settings, newer_version: Path
) -> None:
    folder = settings.data_dir / "backups"
    folder.mkdir(parents=True)
    for number in range(7):
        (folder / f"schema-000{number}.dump").write_text("")
        os.utime(folder / f"schema-000{number}.dump", (number, number))
    (folder / "mine.dump").write_text("")
    made = migrate_database(settings, app.database)
    assert made is not None
    assert {file.name for file in backups(settings.data_dir)} == {
        "mine.dump",
        made.name,
        *(f"schema-000{number}.dump" for number in range(3, 7)),
    }
    assert backup._KEPT_BACKUPS == 5


def test_a_database_of_a_newer_version_is_refused_with_what_to_do(run: Run, app: AppContext, tmp_path: Path) -> None:
    with app.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for command in (("migrate",), ("list", "list")):
        refused = run(*command)
        assert refused.code == SchemaError.exit_code
        assert "schema 9999, which this version of Distributor does not know" in refused.message
        assert "restore a backup" in refused.message
    assert backups(tmp_path / "data") == []
