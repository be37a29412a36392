"""Files with addresses, secrets or logs are for their owner only, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.cli.process_group import ChildProcess, ProcessGroup
from distributor.embedded import Tuning, running_services, wait_until_stopped
from distributor.flow.journal import open_journal
from distributor.private_files import make_private_folder, open_private, replace_private

from .conftest import Run

FILE = 0o600
FOLDERS = {0o700, 0o711} if os.geteuid() == 0 else {0o700}


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("_umask")
def test_private_files_and_folders_are_for_their_owner(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    file = tmp_path / "a" / "b" / "file"
    with open_private(file, "ab") as opened:
        opened.write(b"x")
    with replace_private(tmp_path / "a" / "other") as part:
        assert mode(part) == FILE
    assert (mode(tmp_path / "a" / "b"), mode(file), mode(tmp_path / "a" / "other")) == (0o700, FILE, FILE)
    assert mode(tmp_path / "a") in FOLDERS


def test_a_file_that_others_could_read_no_longer_can(tmp_path: Path) -> None:
    file = tmp_path / "old.log"
    file.touch(mode=0o644)
    with open_private(file, "ab") as opened:
        opened.write(b"x")
    assert mode(file) == FILE


def test_an_existing_file_stays_when_its_replacement_fails(tmp_path: Path) -> None:
    file = tmp_path / "all.dump"
    file.write_text("before")
    with pytest.raises(RuntimeError), replace_private(file) as part:
        part.write_text("half")
        raise RuntimeError
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("all.dump", "before")]


@pytest.mark.usefixtures("_open_umask")
def test_backups_exports_and_imports_are_private(run: Run, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email,name\nada@example.org,Ada\nnobody,Nobody\n")
    run("list", "create", "Readers")
    assert run("subscriber", "import", str(people), "--list", "readers", "--basis", "On paper.").code == 8
    results = [tmp_path / "all.dump", tmp_path / "people.jsonl", tmp_path / "ada.json"]
    assert run("backup", str(results[0])).code == 0
    assert run("subscriber", "export", "--list", "readers", "--format", "jsonl", "--out", str(results[1])).code == 0
    assert run("subscriber", "data", "ada@example.org", "--out", str(results[2])).code == 0
    assert {file.name: mode(file) for file in results} == {file.name: FILE for file in results}
    everything = list((tmp_path / "data").rglob("*"))
    assert {mode(one) for one in everything if one.is_file()} == {FILE}
    assert {mode(one) for one in everything if one.is_dir()} | {mode(tmp_path / "data")} <= FOLDERS


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    run("subscriber", "add", "ada@example.org", "--list", "readers")
    for command in (("backup",), ("subscriber", "export", "--out"), ("subscriber", "data", "ada@example.org", "--out")):
        result = run(*command, str(tmp_path / "missing" / "file"))
        assert result.code != 0
        assert "cannot be written: No such file or directory" in result.message


@pytest.mark.usefixtures("_open_umask")
def test_logs_and_journals_are_private(tmp_path: Path) -> None:
    group = ProcessGroup(logs=tmp_path / "var" / "logs", environment={})
    group.start(ChildProcess(name="one", module="this"))
    group.stop()
    with open_journal(tmp_path / "var" / "journals"):
        everything = list((tmp_path / "var").rglob("*"))
        assert {mode(one) for one in everything if one.is_file()} == {FILE}
        assert {mode(one) for one in everything if one.is_dir()} == {0o700}


@pytest.mark.usefixtures("_open_umask")
def test_a_log_that_has_grown_too_long_begins_anew_and_the_one_before_is_kept(tmp_path: Path) -> None:
    group = ProcessGroup(logs=tmp_path, environment={})
    log, kept = tmp_path / "one.log", tmp_path / "one.log.1"
    written = "x" * 2000
    log.write_text(written)
    group.start(ChildProcess(name="one", module="this"))
    group.shorten_logs(longest=5000)
    assert not kept.exists()
    group.shorten_logs(longest=1000)
    assert kept.read_text().startswith(written)
    assert mode(kept) == FILE
    group.stop()
    assert written not in log.read_text()


@pytest.mark.usefixtures("_open_umask")
def test_the_files_of_embedded_servers_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "var"
    with running_services(data, tuning=Tuning.TEST_SPEED):
        found = [data, *data.rglob("*")]
        assert {one.name for one in found if one.is_file() and one.suffix == ".log" and mode(one) != FILE} == set()
        # The folders of the servers are closed, so the modes of files below do not matter.
        assert mode(data) in FOLDERS
        assert {mode(data / name) for name in ("postgres", "redis") if (data / name).exists()} == {0o700}
    wait_until_stopped(data)
