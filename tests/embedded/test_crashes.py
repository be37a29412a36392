"""What happens to the embedded servers, their data and their clients when a process is killed."""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from distributor.domain.errors import ServiceError
from distributor.embedded import Services, Tuning, running_services, wait_until_stopped
from distributor.embedded.program import Program, launch
from distributor.embedded.run_as import OsUser

from .client_process import ClientProcess, process_named, processes_of

pytestmark = pytest.mark.chaos

SUPERVISOR = "distributor.embedded.supervisor"
POSTGRES = " -D "


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    wait_until_stopped(tmp_path / "var")


@pytest.fixture
def services(data_dir: Path) -> Iterator[Services]:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services:
        yield services


def test_a_killed_redis_comes_back_on_its_port_with_its_data(services: Services) -> None:
    with retrying_redis(services) as redis:
        redis.set("task", "waiting")
        redis_pid = redis.info("server")["process_id"]
        os.kill(redis_pid, signal.SIGKILL)
        assert redis.get("task") == b"waiting"
        assert redis.info("server")["process_id"] != redis_pid


def test_a_killed_postgresql_comes_back_with_what_was_committed(services: Services, data_dir: Path) -> None:
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(process_named(data_dir, POSTGRES), signal.SIGKILL)
    with connect_with_retries(services) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_server_that_cannot_be_started_again_is_given_up_and_the_next_client_gets_the_error(data_dir: Path) -> None:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services, Redis.from_url(services.redis_url) as redis:
        for manifest in (data_dir / "redis").glob("appendonlydir/*.manifest"):
            manifest.write_text("damaged\n")
        os.kill(redis.info("server")["process_id"], signal.SIGKILL)
        wait_until_stopped(data_dir)
        assert processes_of(data_dir) == {}
    with (
        pytest.raises(ServiceError, match=r"Redis ended: .*MANIFEST.*\(more in .*redis\.log\)"),
        running_services(data_dir),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the servers with their supervisor")
def test_the_servers_end_with_their_supervisor_and_the_next_start_is_like_any_other(data_dir: Path) -> None:
    with ClientProcess(data_dir) as client:
        services = client.services()
        sockets = Path((data_dir / "supervisor.address").read_text()).parent
        with Redis.from_url(services.redis_url) as redis:
            redis.set("kept", "42")
        os.kill(process_named(data_dir, SUPERVISOR), signal.SIGKILL)
        wait_until_free(data_dir / "supervisor.lock")
        with running_services(data_dir) as again, Redis.from_url(again.redis_url) as redis:
            assert again != services
            assert redis.get("kept") == b"42"
            # There is just one: it would not be found otherwise.
            assert process_named(data_dir, POSTGRES)
        assert not sockets.exists()


def test_after_everything_was_killed_at_once_the_next_start_recovers(data_dir: Path) -> None:
    kill_everything(data_dir)
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    with running_services(data_dir) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_empty_pid_file_of_a_server_that_was_killed_early_does_not_stop_postgresql_from_starting(
    data_dir: Path,
) -> None:
    kill_everything(data_dir)
    (data_dir / "postgres" / "postmaster.pid").write_text("")
    with running_services(data_dir) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_start_that_is_cancelled_shuts_its_server_down_and_does_not_kill_it(tmp_path: Path) -> None:
    # The signal is blocked until the program handles it, so it arrives in order however early it is sent.
    script = (
        "import signal, sys\n"
        "def shut_down(*_):\n"
        "    sys.exit(print('shut down in order'))\n"
        "signal.signal(signal.SIGINT, shut_down)\n"
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])\n"
        "signal.pause()\n"
    )
    program = Program(
        name="server",
        argv=(sys.executable, "-c", script),
        run_as=OsUser(uid=os.geteuid(), gid=os.getegid(), credentials={}),
        folder=tmp_path,
        lock=tmp_path / "server.lock",
        log=tmp_path / "log" / "server.log",
        stop_signals=(signal.SIGINT,),
    )

    async def cancel_when_forked() -> None:
        start = asyncio.create_task(launch(program))
        while not program.lock.exists() or not program.lock.read_text():
            await asyncio.sleep(0)
        assert not start.done()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start

    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        asyncio.run(cancel_when_forked())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert program.log.read_text() == "shut down in order\n"


def test_a_process_number_that_now_belongs_to_another_process_does_not_stop_postgresql_from_starting(
    data_dir: Path,
) -> None:
    kill_everything(data_dir)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines(keepends=True)
    with ClientProcess(data_dir.with_name("unrelated")) as client:
        client.services()
        unrelated = str(process_named(data_dir.with_name("unrelated"), POSTGRES))
        pid_file.write_text("".join([unrelated + "\n", *rest]))
        (data_dir / "postgres.lock").write_text(unrelated)
        with running_services(data_dir):
            assert int(unrelated) in processes_of(data_dir.with_name("unrelated"))
    wait_until_stopped(data_dir.with_name("unrelated"))


def test_a_server_of_an_earlier_supervisor_is_ended_first(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o711)
    with (data_dir / "redis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        earlier = subprocess.Popen(("sleep", "1000"), pass_fds=(lock.fileno(),))
        lock.write(str(earlier.pid))
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        assert earlier.wait() == -signal.SIGTERM


def test_the_servers_of_a_data_directory_that_is_renamed_are_ended(data_dir: Path) -> None:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED) as services, Redis.from_url(services.redis_url) as redis:
        redis_pid = redis.info("server")["process_id"]
        sockets = Path((data_dir / "supervisor.address").read_text()).parent
        supervisor = os.pidfd_open(process_named(data_dir, SUPERVISOR))
        data_dir.rename(data_dir.with_name("elsewhere"))
        os.kill(redis_pid, signal.SIGKILL)
        ended, _, _ = select.select([supervisor], [], [], 300)
        assert ended
        os.close(supervisor)
        assert processes_of(data_dir) == processes_of(data_dir.with_name("elsewhere")) == {}
        assert not sockets.exists()


def kill_everything(data_dir: Path) -> None:
    with ClientProcess(data_dir) as client:
        client.services()
        # All are stopped first, the supervisor before the others: none sees another die, and none is started meanwhile.
        processes = [process_named(data_dir, SUPERVISOR), process_named(data_dir, POSTGRES), *processes_of(data_dir)]
        for kill in (signal.SIGSTOP, signal.SIGKILL):
            for pid in processes:
                # PostgreSQL's workers come and go until it is stopped.
                with suppress(ProcessLookupError):
                    os.kill(pid, kill)
        for name in ("supervisor", "postgres", "redis"):
            wait_until_free(data_dir / f"{name}.lock")


def wait_until_free(lock: Path) -> None:
    """Return when the last process that holds the lock has ended."""
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def retrying_redis(services: Services) -> Redis:
    """A client that tries again until the server is back and has read its file."""
    retry = Retry(ConstantBackoff(0.05), 400)
    return Redis.from_url(services.redis_url, retry=retry, retry_on_error=[RedisConnectionError, BusyLoadingError])


def connect_with_retries(services: Services) -> psycopg.Connection:
    deadline = time.monotonic() + 300
    while True:
        try:
            return psycopg.connect(services.database_url)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
