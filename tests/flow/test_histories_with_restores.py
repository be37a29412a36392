"""Random histories with restores in them: whatever was ever sent is its own person's for good, or is unknown.

What the world outside has kept is compared with what the service makes of it: links, Message-IDs, return paths.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from distributor.domain.campaign import CampaignPlan
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.tokens import Purpose
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.subscriptions.link_tokens import find_link_owner
from distributor.mail.return_path import read_return_path, return_path
from distributor.storage import delivery_queries, generations
from distributor.storage.schema import migrate
from tests.conftest import IS_THOROUGH
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.restoring import Machines, back_up, machines, restore
from tests.flow.test_journal import delivery

_EXAMPLES = 60 if IS_THOROUGH else 6


@dataclass
class World:
    """One service over its lives, and what people have of it."""

    harness: CampaignHarness
    machines: Machines
    backups: list[Path] = field(default_factory=list)
    snapshots: list[AppContext] = field(default_factory=list)
    joined: int = 0
    # What was sent in any history: who got it, by the id of its delivery.
    owners: dict[int, set[str]] = field(default_factory=dict)
    calls: int = 0

    @property
    def app(self) -> AppContext:
        return self.harness.app

    def move_to(self, app: AppContext) -> None:
        self.harness = CampaignHarness(app, self.harness.folder)

    def new_calls(self) -> list[dict[str, object]]:
        """What was sent since the last time this was asked."""
        file = self.harness.folder / "record"
        lines = file.read_text().splitlines() if file.exists() else []
        found = [json.loads(line) for line in lines[self.calls :]]
        self.calls = len(lines)
        return found


Act = Callable[[World, int], None]


def joining(world: World, which: int) -> None:
    world.joined += 1
    world.harness.people(f"reader{world.joined}", list_slug=f"list{world.joined}")


def sending(world: World, which: int) -> None:
    chosen = f"list{1 + which % world.joined}" if world.joined else "readers"
    asked = world.harness.asked("mail")
    try:
        _planned(world, replace(asked, audience=replace(asked.audience, lists=(chosen,))))
    except NotFoundError:
        # The list is of a history that is lost.
        _planned(world, asked)
    world.harness.run()


def planning(world: World, which: int) -> None:
    """A campaign that is open when something happens to the database."""
    _planned(world, world.harness.asked("mail"))


def backing_up(world: World, which: int) -> None:
    world.backups.append(back_up(world.app, world.harness.folder / f"{len(world.backups)}.backup"))


def restoring(world: World, which: int) -> None:
    if world.backups:
        restore(world.app, world.backups[which % len(world.backups)])
        _insist_on_silence(world)


def restoring_elsewhere(world: World, which: int) -> None:
    if world.backups:
        folder = world.harness.folder / f"machine{len(world.machines.made)}"
        moved = world.machines.another(world.app, folder)
        restore(moved, world.backups[which % len(world.backups)])
        world.move_to(moved)
        _insist_on_silence(world)


def taking_a_snapshot(world: World, which: int) -> None:
    world.snapshots.append(world.machines.snapshot(world.app, world.app.journal_dir))


def rewinding(world: World, which: int) -> None:
    """Nobody says that an older snapshot of this machine is put in place."""
    mine = [one for one in world.snapshots if one.journal_dir == world.app.journal_dir]
    if mine:
        world.harness.run()
        world.move_to(mine[which % len(mine)])
        world.snapshots.remove(world.app)
        _insist_on_silence(world)


def letting_go(world: World, which: int) -> None:
    """A person lets what waits go on, and knows that somebody may get it twice."""
    with world.app.database.begin() as connection:
        waiting = generations.held(connection, limit=99)
    if waiting:
        campaign_control.resume(world.app, waiting[which % len(waiting)].campaign_id, after_restore=True)
        world.harness.run()


def _planned(world: World, asked: CampaignPlan) -> None:
    plan(world.app, asked)


def _insist_on_silence(world: World) -> None:
    """Nothing that was planned before goes out unasked."""
    _note(world)
    world.harness.run()
    assert world.new_calls() == []


def _note(world: World) -> None:
    for call in world.new_calls():
        number, recipient = int(str(call["delivery"])), str(call["recipient"])
        world.owners.setdefault(number, set()).add(recipient)
        # A Message-ID, a link and a return path are all made from this number.
        assert world.owners[number] == {recipient}


def _insist_on_owners(world: World) -> None:
    """Every link and address that is out there is its own person's, or unknown."""
    tokens = world.app.tokens
    with world.app.database.begin() as connection:
        for number, owners in world.owners.items():
            link = tokens.mint(Purpose.PREFERENCES, number)
            try:
                found = find_link_owner(world.app, connection, Purpose.PREFERENCES, link)
            except NotFoundError:
                continue
            assert found is not None
            assert {found.recipient} == owners == {found.person.email}
            record = delivery_queries.find(connection, number)
            address = return_path(delivery(number), "bounces.example.org", tokens)
            assert read_return_path(f"{address.local}@{address.domain}", tokens) == number
            assert {record.recipient} == owners


ACTS = st.sampled_from(
    [
        joining,
        sending,
        sending,
        planning,
        backing_up,
        restoring,
        restoring_elsewhere,
        taking_a_snapshot,
        rewinding,
        letting_go,
    ]
)


@pytest.fixture
def others(services: Services) -> Iterator[Machines]:
    with machines(services.database_url) as found:
        yield found


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    acts=[(planning, 0), (backing_up, 0), (sending, 0), (restoring, 0), (joining, 0), (sending, 0), (letting_go, 0)]
)
@example(acts=[(backing_up, 0), (sending, 0), (restoring_elsewhere, 0), (sending, 0), (restoring, 0), (sending, 0)])
@example(acts=[(planning, 0), (taking_a_snapshot, 0), (sending, 0), (rewinding, 0), (joining, 0), (sending, 0)])
@given(acts=st.lists(st.tuples(ACTS, st.integers(0, 9)), max_size=9))
def test_nothing_that_is_out_there_becomes_another_persons(
    app: AppContext, tmp_path: Path, others: Machines, acts: list[tuple[Act, int]]
) -> None:
    folder = tmp_path / f"history{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    fresh = others.another(app, folder / "journals")
    world = World(harness=_begun(fresh, folder), machines=others)
    for act, which in acts:
        try:
            act(world, which)
        except StateError:
            # Such as a campaign without anybody.
            continue
        _note(world)
        _insist_on_owners(world)


def _begun(app: AppContext, folder: Path) -> CampaignHarness:
    migrate(app.database)
    harness = make_campaign_harness(app, folder)
    harness.channel("mail", "scripted", record=str(folder / "record"))
    return harness
