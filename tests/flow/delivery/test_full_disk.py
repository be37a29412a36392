"""A full disk pauses a dispatch with a reason, and it resumes by itself when there is room: nothing lost or doubled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.domain.campaign import CampaignState, DispatchState
from distributor.domain.errors import DiskFullError
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import BATCH, FULL_DISK_PAUSE, deliver
from distributor.flow.publishing import campaign_control
from distributor.storage.database import Connection, Database
from tests.flow.campaign_harness import CampaignHarness

PEOPLE = 300
_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KB mounted at the folder, full because of the file whose path this is."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    ballast = folder / "ballast"
    try:
        with ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * _PAGE)
        yield ballast
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


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
        # Room for the journal of less than a batch.
        os.truncate(ballast, ballast.stat().st_size - _PAGE)
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
    # The dispatch is read, and then its deliveries cannot be claimed.
    full = FullDatabase(there.app, at=2)
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
