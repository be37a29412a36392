"""An older snapshot in place of the database is noticed by the marks outside it, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from distributor.domain.campaign import CampaignState
from distributor.domain.generation import GenerationBeginning
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.ledger_marks import require_newest
from distributor.flow.operations.scheduler import run_scheduler
from distributor.storage import delivery_queries, generations
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.restoring import Machines, back_up, machines, restore


@dataclass(frozen=True, kw_only=True)
class World:
    """A harness, and what makes snapshots of its database."""

    harness: CampaignHarness
    machines: Machines
    folder: Path

    @property
    def app(self) -> AppContext:
        return self.harness.app

    def snapshot(self) -> CampaignHarness:
        """The service as it is when its database is replaced by one of this moment."""
        return CampaignHarness(self.machines.snapshot(self.app, self.app.journal_dir), self.folder)

    def mark_file(self) -> Path:
        (found,) = self.app.journal_dir.glob("*.mark")
        return found


@pytest.fixture
def world(app: AppContext, services: Services, tmp_path: Path) -> Iterator[World]:
    with machines(services.database_url) as others:
        harness = make_campaign_harness(app, tmp_path)
        harness.channel("mail", "scripted")
        yield World(harness=harness, machines=others, folder=tmp_path)


@pytest.mark.parametrize("lost", ["nothing", "Redis", "the journal folder"])
def test_an_older_snapshot_sends_nothing_again_and_gives_out_no_id_again(world: World, lost: str) -> None:
    run_scheduler(world.app)
    campaign_id = world.harness.plan("mail")
    older = world.snapshot()
    world.harness.run()
    lost_ids = _delivery_ids(world.app, campaign_id)
    assert len(world.harness.seen) == 3
    if lost == "Redis":
        world.app.redis.flushall()
    elif lost == "the journal folder":
        world.mark_file().unlink()
    older.run()
    assert len(older.seen) == 3
    assert older.report(campaign_id).state is CampaignState.PAUSED
    assert _beginnings(older.app) == [GenerationBeginning.REWOUND, GenerationBeginning.CREATED]
    again = older.plan_and_run("mail")
    assert not _delivery_ids(older.app, again) & lost_ids
    # Once is enough.
    older.run()
    assert len(_beginnings(older.app)) == 2


def test_a_snapshot_of_before_a_restore_is_older_too(world: World) -> None:
    run_scheduler(world.app)
    older, file = world.snapshot(), back_up(world.app, world.folder / "all.backup")
    restore(world.app, file)
    run_scheduler(world.app)
    run_scheduler(older.app)
    with older.app.database.begin() as connection, world.app.database.begin() as other:
        assert generations.current(connection).beginning is GenerationBeginning.REWOUND
        assert generations.current(connection).number > generations.current(other).number


def test_a_restore_is_not_taken_for_an_older_snapshot(world: World) -> None:
    """The marks of the lost history are above the backup, and those of other machines stay so."""
    file = back_up(world.app, world.folder / "all.backup")
    for _ in range(3):
        run_scheduler(world.app)
    restore(world.app, file)
    other_machine = replace(world.app, journal_dir=world.folder / "another machine")
    for app in (world.app, other_machine, world.app):
        run_scheduler(app)
    assert _beginnings(world.app) == [GenerationBeginning.RESTORED, GenerationBeginning.CREATED]
    # The same file once more: its generations do not know the one that is lost now.
    restore(world.app, file)
    for app in (other_machine, world.app):
        run_scheduler(app)
    assert _beginnings(world.app) == [GenerationBeginning.RESTORED, GenerationBeginning.CREATED]


def test_what_is_missing_or_damaged_is_no_alarm(world: World) -> None:
    run_scheduler(world.app)
    for damage in (b"", b"9", b"one two\n", b"\xff\x00 1\n", b"1 2 3\n"):
        world.mark_file().write_bytes(damage)
        (key,) = world.app.redis.keys("distributor:mark:*")
        world.app.redis.set(key, damage)
        run_scheduler(world.app)
    world.app.redis.flushall()
    world.mark_file().unlink()
    run_scheduler(replace(world.app, journal_dir=world.folder / "moved"))
    run_scheduler(world.app)
    assert _beginnings(world.app) == [GenerationBeginning.CREATED]


def test_another_database_that_shares_redis_and_the_folder_is_none_of_its_concern(
    world: World, services: Services
) -> None:
    """Such as a copy of the service that somebody tries out on the same machine."""
    for _ in range(3):
        run_scheduler(world.app)
    other = world.machines.another(world.app, world.app.journal_dir)
    restore(other, back_up(world.app, world.folder / "all.backup"), GenerationBeginning.COPIED)
    for app in (other, world.app, other, world.app):
        run_scheduler(app)
    assert _beginnings(world.app) == [GenerationBeginning.CREATED]
    assert _beginnings(other) == [GenerationBeginning.COPIED, GenerationBeginning.CREATED]


def test_two_schedulers_that_notice_it_begin_one_generation(world: World) -> None:
    run_scheduler(world.app)
    older = world.snapshot()
    run_scheduler(world.app)
    assert require_newest(older.app) is not None
    assert require_newest(older.app) is None
    assert _beginnings(older.app) == [GenerationBeginning.REWOUND, GenerationBeginning.CREATED]


def _beginnings(app: AppContext) -> list[GenerationBeginning]:
    with app.database.begin() as connection:
        return [one.beginning for one in generations.listed(connection)]


def _delivery_ids(app: AppContext, campaign_id: int) -> set[int]:
    with app.database.begin() as connection:
        return {one.id for one in delivery_queries.of_campaign(connection, campaign_id, limit=99)}
