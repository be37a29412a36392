"""A full disk pauses a dispatch with a reason, and it resumes by itself when there is room: nothing lost or doubled."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from signal import Signals

import psycopg
import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignState, DispatchState
from distributor.domain.errors import DiskFullError
from distributor.embedded.postgres import find_postgres
from distributor.embedded.run_as import choose_os_user
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import BATCH, FULL_DISK_PAUSE, deliver
from distributor.flow.publishing import campaign_control
from distributor.storage.database import Connection, Database
from distributor.storage.schema import migrate
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

PEOPLE = 300
_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def mounted(folder: str, size: str) -> Iterator[None]:
    """A file system in memory; skips the test where it cannot be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast: Path) -> None:
    """Write to the file until its file system is full."""
    with ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * _PAGE)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KB mounted at the folder, full because of the file whose path this is."""
    folder.mkdir()
    with mounted(str(folder), "64k"):
        ballast = folder / "ballast"
        fill(ballast)
        yield ballast


def campaign_on(harness: CampaignHarness, journals: Path) -> tuple[CampaignHarness, int]:
    """A harness whose journals are there, with a campaign that is due."""
    harness.people(*(f"reader{number}" for number in range(PEOPLE - 3)))
    harness.channel("mail", "scripted")
    there = CampaignHarness(replace(harness.app, journal_dir=journals), harness.folder)
    return there, there.plan("mail")


def pause_is_over(harness: CampaignHarness) -> CampaignHarness:
    """The harness when the pause has ended."""
    app = harness.app
    return CampaignHarness(
        replace(app, clock=lambda: app.clock() + FULL_DISK_PAUSE + timedelta(seconds=1)), harness.folder
    )


def test_a_campaign_pauses_on_a_small_disk_and_goes_on_when_there_is_room(
    harness: CampaignHarness, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as ballast:
        there, campaign_id = campaign_on(harness, tmp_path / "disk")
        there.run()
        dispatch = there.report(campaign_id).dispatches[0].dispatch
        assert dispatch.state is DispatchState.PAUSED
        assert dispatch.reason.startswith("the disk with the journals is full")
        assert "resumes by itself" in dispatch.reason
        assert there.seen == []
        # Still no room: it looks again, and pauses again.
        there = pause_is_over(there)
        there.run()
        assert there.report(campaign_id).state is CampaignState.PAUSED
        ballast.unlink()
        there = pause_is_over(there)
        there.run()
    assert there.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}
    assert len(there.seen) == len(set(there.seen)) == PEOPLE
    assert there.report(campaign_id).state is CampaignState.FINISHED


def test_a_disk_that_is_full_in_the_middle_of_a_batch_costs_no_outcome(
    harness: CampaignHarness, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as ballast:
        there, campaign_id = campaign_on(harness, tmp_path / "disk")
        # Room for the mark of the scheduler, and for the journal of less than a batch.
        os.truncate(ballast, ballast.stat().st_size - 2 * _PAGE)
        there.run()
        assert there.report(campaign_id).state is CampaignState.PAUSED
        counts = there.counts(campaign_id)
        assert 0 < counts["sent"] < BATCH
        assert counts["sent"] == len(there.seen) == PEOPLE - counts["pending"]
        ballast.unlink()
        there = pause_is_over(there)
        there.run()
    assert there.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}
    assert len(there.seen) == len(set(there.seen)) == PEOPLE


def test_an_operators_pause_outlasts_that_of_a_full_disk(harness: CampaignHarness, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk"):
        there, campaign_id = campaign_on(harness, tmp_path / "disk")
        there.run()
    assert campaign_control.pause(there.app, campaign_id) == 1
    there = pause_is_over(there)
    there.run()
    assert there.report(campaign_id).dispatches[0].dispatch.reason == "paused by hand"


class FullDatabase(Database):
    """A database without room for one transaction, counted from 1."""

    def __init__(self, app: AppContext, *, at: int) -> None:
        super().__init__(app.database.url.render_as_string(hide_password=False))
        self._left = at

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._left -= 1
        if self._left == 0:
            raise DiskFullError("the disk of PostgreSQL is full")
        with super().begin() as connection:
            yield connection


def test_a_postgresql_without_room_pauses_a_dispatch_too(harness: CampaignHarness, tmp_path: Path) -> None:
    there, campaign_id = campaign_on(harness, tmp_path / "journals")
    there.run(rounds=2)
    # The generation is read, the heartbeat stored, the dispatch and the site read; its deliveries cannot be claimed.
    full = FullDatabase(there.app, at=5)
    deliver(
        replace(there.app, database=full),
        there.report(campaign_id).dispatches[0].dispatch.id,
        until=there.app.clock() + FULL_DISK_PAUSE,
    )
    full.close()
    dispatch = there.report(campaign_id).dispatches[0].dispatch
    assert dispatch.state is DispatchState.PAUSED
    assert dispatch.reason.startswith("the disk of PostgreSQL is full")
    there = pause_is_over(there)
    there.run()
    assert there.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}


def test_a_heartbeat_without_room_keeps_nothing_from_being_sent(harness: CampaignHarness, tmp_path: Path) -> None:
    there, campaign_id = campaign_on(harness, tmp_path / "journals")
    there.run(rounds=2)
    # After the generation, which is only read.
    full = FullDatabase(there.app, at=2)
    dispatch_id = there.report(campaign_id).dispatches[0].dispatch.id
    deliver(replace(there.app, database=full), dispatch_id, until=there.app.clock() + FULL_DISK_PAUSE)
    full.close()
    assert there.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}


@contextmanager
def postgresql_with_a_small_disk(disk: Path) -> Iterator[str]:
    """The URL of a PostgreSQL whose tablespace `small` is on a file system of 1 MB, mounted at the folder.

    The embedded one has no user who may make a tablespace.
    """
    programs, folder = find_postgres(), disk.parent
    user, _ = choose_os_user(programs / "postgres", folder)
    disk.mkdir()
    with mounted(str(disk), "1m"):
        for path in (folder, disk):
            user.chown(path)
        (disk / "space").mkdir()
        user.chown(disk / "space")

        def command(program: str, *arguments: str) -> tuple[str, ...]:
            return user.command((str(programs / program), "-D", str(folder / "data"), *arguments), Signals.SIGTERM)

        initdb = command("initdb", "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user.credentials)
        postgres = command("postgres", "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off")
        server = subprocess.Popen(postgres, stderr=subprocess.DEVNULL, cwd=folder, **user.credentials)
        try:
            url = f"postgresql://postgres@/postgres?host={folder}"
            with connected(url, server) as connection:
                connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}/space'")
            yield url
        finally:
            server.terminate()
            server.wait()


@contextmanager
def connected(url: str, server: subprocess.Popen[bytes]) -> Iterator[psycopg.Connection]:
    """A connection to a server that is starting."""
    while server.poll() is None:
        try:
            connection = psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.02)
            continue
        with connection:
            yield connection
        return
    raise AssertionError("PostgreSQL did not start")


def test_a_real_postgresql_without_room_pauses_a_dispatch_until_there_is(app: AppContext, tmp_path: Path) -> None:
    with (
        # Not a temporary folder of pytest, which the user of PostgreSQL may not enter.
        tempfile.TemporaryDirectory(prefix="small-disk-") as folder,
        postgresql_with_a_small_disk(Path(folder) / "disk") as url,
        closing(Database(url)) as database,
    ):
        migrate(database)
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE deliveries SET TABLESPACE small"))
        harness = make_campaign_harness(replace(app, database=database), tmp_path)
        there, campaign_id = campaign_on(harness, tmp_path / "journals")
        ballast = Path(folder) / "disk" / "ballast"
        there.run(rounds=2)
        assert there.counts(campaign_id) == {"audience": PEOPLE, "pending": PEOPLE}
        fill(ballast)
        there.run()
        dispatch = there.report(campaign_id).dispatches[0].dispatch
        assert dispatch.state is DispatchState.PAUSED
        assert dispatch.reason.startswith("the disk of PostgreSQL at ")
        assert "could not extend file" in dispatch.reason
        assert len(there.seen) < PEOPLE
        counts = there.counts(campaign_id)
        assert counts["audience"] == counts.get("sent", 0) + counts["pending"] == PEOPLE
        ballast.unlink()
        there = pause_is_over(there)
        there.run()
        assert there.counts(campaign_id) == {"audience": PEOPLE, "sent": PEOPLE}
        assert len(there.seen) == len(set(there.seen)) == PEOPLE
