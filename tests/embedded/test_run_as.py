"""Which user the embedded servers run as, under root and under an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.embedded import Tuning, running_services, wait_until_stopped

from .client_process import ClientProcess, process_named

POSTGRES = " -D "
UNPRIVILEGED = pwd.getpwnam("nobody")

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    wait_until_stopped(tmp_path / "var")


@only_root
def test_under_root_the_servers_run_as_nobody_even_below_closed_folders(data_dir: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        assert owner_of(process_named(data_dir, POSTGRES)) == UNPRIVILEGED.pw_uid
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@only_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) acts as an ordinary user here")
def test_an_ordinary_user_runs_the_servers_and_root_may_use_them(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    data_dir.mkdir()
    os.chown(data_dir, UNPRIVILEGED.pw_uid, UNPRIVILEGED.pw_gid)
    with ClientProcess(data_dir, before=as_nobody()) as client:
        services = client.services()
        assert owner_of(process_named(data_dir, POSTGRES)) == UNPRIVILEGED.pw_uid
        assert owner_of(process_named(data_dir, "embedded.supervisor")) == UNPRIVILEGED.pw_uid
        with running_services(data_dir) as shared:
            assert shared == services
        client.finish()
    wait_until_stopped(data_dir)


@only_root
def test_under_root_the_servers_run_as_the_owner_of_their_data(data_dir: Path) -> None:
    with running_services(data_dir, tuning=Tuning.TEST_SPEED):
        pass
    wait_until_stopped(data_dir)
    owner = pwd.getpwnam("daemon")
    for place, _, files in os.walk(data_dir / "postgres"):
        for path in (Path(place), *(Path(place) / file for file in files)):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    with running_services(data_dir):
        assert owner_of(process_named(data_dir, POSTGRES)) == owner.pw_uid


def as_nobody() -> tuple[str, ...]:
    # The right to pass closed folders is kept: the interpreter may lie in one.
    kept = "-all,+dac_read_search"
    user = ("--reuid", str(UNPRIVILEGED.pw_uid), "--regid", str(UNPRIVILEGED.pw_gid), "--clear-groups")
    return ("setpriv", *user, "--inh-caps", kept, "--ambient-caps", kept, "--")


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
