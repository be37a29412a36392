"""Two people, or a person and a worker, do something to one campaign at the same time: it comes out as if in a row.

Every pair of acts meets on real connections: on a draft, a campaign that is about to be released, and a paused one.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.campaign import CampaignAction, CampaignPlan, CampaignState, DispatchState
from distributor.domain.errors import BlockedError, ScheduleError, StateError
from distributor.domain.schedule import StartTimes
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import article_control, campaign_control, life_cycle
from distributor.flow.publishing.plan import edit_campaign
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import campaigns
from distributor.testing.fakes import FakeClock
from tests.conftest import IS_THOROUGH
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

# More rounds: DISTRIBUTOR_RACE_ROUNDS=50 make test ARGS=tests/flow/publishing/test_people_at_once.py
ROUNDS = int(os.environ.get("DISTRIBUTOR_RACE_ROUNDS", "1"))
NEW_NAME = "Another name"
Act = Callable[["Race"], object]


@dataclass
class Race:
    """A campaign on two channels that several people and workers do something to at the same time."""

    harness: CampaignHarness
    number: int

    @property
    def app(self) -> AppContext:
        return self.harness.app

    @property
    def state(self) -> CampaignState:
        return self.harness.report(self.number).state

    @property
    def states(self) -> dict[str, DispatchState]:
        return {one.dispatch.channel_name: one.dispatch.state for one in self.harness.report(self.number).dispatches}

    @property
    def is_released(self) -> bool:
        return any(one.dispatch.released_at for one in self.harness.report(self.number).dispatches)

    @property
    def actions(self) -> list[CampaignAction]:
        with self.app.database.begin() as connection:
            return [one.action for one in campaigns.history(connection, self.number)]

    @property
    def sent(self) -> list[dict[str, Any]]:
        record = self.harness.folder / "record"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []

    def each_dispatch(self, act: Callable[[AppContext, int], object]) -> None:
        for one in self.harness.report(self.number).dispatches:
            act(self.app, one.dispatch.id)

    def at_once(self, *acts: Act) -> list[BaseException | None]:
        """Start all of them at the same time; returns how each of them was refused. Raises any other error."""
        barrier = threading.Barrier(len(acts))

        def do(act: Act) -> BaseException | None:
            barrier.wait()
            try:
                act(self)
            except (StateError, BlockedError, ScheduleError) as error:
                return error
            return None

        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(do, acts))


def edits(race: Race) -> None:
    def change(plan: CampaignPlan) -> CampaignPlan:
        return replace(plan, name=NEW_NAME)

    edit_campaign(race.app, race.number, change, actor="ed")


def schedules(race: Race) -> None:
    life_cycle.schedule(race.app, race.number, actor="ed", start=_soon(race))


def reschedules(race: Race) -> None:
    life_cycle.reschedule(race.app, race.number, _soon(race), actor="ed")


def _soon(race: Race) -> StartTimes:
    return StartTimes(starts_at=race.app.clock() + timedelta(seconds=60), times={}, notes=())


def approves(race: Race) -> None:
    life_cycle.approve(race.app, race.number, actor="chief")


def undoes(race: Race) -> None:
    life_cycle.undo(race.app, race.number, actor="ed")


def pauses(race: Race) -> None:
    campaign_control.pause(race.app, race.number, actor="ed")


def resumes(race: Race) -> None:
    campaign_control.resume(race.app, race.number, actor="ed")


def cancels(race: Race) -> None:
    campaign_control.cancel(race.app, race.number, actor="ed")


def withdraws(race: Race) -> None:
    article_control.withdraw(race.app, "hello", actor="ed")


def prepares(race: Race) -> None:
    race.each_dispatch(prepare)


def releases(race: Race) -> None:
    race.each_dispatch(release)


def sends(race: Race) -> None:
    """A scheduler and its workers do everything that is due."""
    race.harness.run()


def _begin_to_release(race: Race) -> None:
    schedules(race)
    _wait(race)
    prepares(race)


def _begin_paused(race: Race) -> None:
    schedules(race)
    pauses(race)


ANYTIME: tuple[Act, ...] = (edits, reschedules, approves, cancels, withdraws, sends)
# How a campaign comes to be so, and what can be done to it then.
STARTS: Mapping[str, tuple[Callable[[Race], None], tuple[Act, ...]]] = {
    "a draft": (lambda _: None, (*ANYTIME, schedules)),
    "about to be released": (_begin_to_release, (*ANYTIME, undoes, pauses, prepares, releases)),
    "paused": (_begin_paused, (*ANYTIME, undoes, resumes)),
}


def _wait(race: Race, seconds: float = 61) -> None:
    clock = race.app.clock
    assert isinstance(clock, FakeClock)
    clock.advance(seconds)


@pytest.fixture
def newsroom(app: AppContext, tmp_path: Path) -> CampaignHarness:
    """A harness whose time stands still, and two channels that record what they send."""
    harness = make_campaign_harness(replace(app, clock=FakeClock()), tmp_path)
    for name, kind in (("mail", "scripted"), ("board", "scripted_broadcast")):
        harness.channel(name, kind, record=str(tmp_path / "record"))
    return harness


def begin(harness: CampaignHarness, start: str = "a draft", **changes: Any) -> Race:
    """A new race; what was sent before is forgotten."""
    (harness.folder / "record").unlink(missing_ok=True)
    article_control.publish(harness.app, "hello", actor="ed")
    race = Race(harness, harness.draft("mail", "board", **changes))
    STARTS[start][0](race)
    return race


def finish(race: Race) -> None:
    """Everything goes on until nothing is left to do."""
    for _ in range(2):
        _wait(race, 1200)
        race.harness.run()


@pytest.mark.parametrize("start", STARTS)
def test_whatever_meets_comes_out_as_if_in_a_row(newsroom: CampaignHarness, start: str) -> None:
    pairs = list(combinations_with_replacement(STARTS[start][1], 2))
    if not IS_THOROUGH and start != "a draft":
        # Two acts that are possible at any time meet in a draft.
        pairs = [pair for pair in pairs if not set(pair) <= set(ANYTIME)]
    for pair in pairs * ROUNDS:
        race = begin(newsroom, start)
        refused = dict(zip(pair, race.at_once(*pair), strict=True)) if pair[0] is not pair[1] else {}
        if pair[0] is pair[1]:
            race.at_once(*pair)
        done = {act for act, error in refused.items() if error is None}
        finish(race)
        insist_on(race, done, pair)


def insist_on(race: Race, done: set[Act], pair: tuple[Act, Act]) -> None:
    named = " and ".join(act.__name__ for act in pair)
    states, actions = race.states, race.actions
    got = Counter((one["kind"], one["recipient"]) for one in race.sent)
    assert max(got.values(), default=0) <= 1, f"{named}: someone got it twice: {actions}"
    assert set(states.values()) <= {
        DispatchState.DRAFT,
        DispatchState.PAUSED,
        DispatchState.FINISHED,
        DispatchState.CANCELLED,
    }, f"{named}: {states}, {actions}"
    finished = {channel for channel, state in states.items() if state is DispatchState.FINISHED}
    expected = 3 * ("mail" in finished) + ("board" in finished)
    if not done & {cancels, pauses, withdraws}:
        assert len(got) == expected, f"{named}: {states}, {actions}"
    if DispatchState.DRAFT in states.values():
        assert set(states.values()) == {DispatchState.DRAFT}, f"{named}: a part is a draft: {states}"
        assert not got, f"{named}: a draft was sent"
    if cancels in done and not done & {sends, edits, reschedules, schedules, undoes, resumes}:
        assert not got
    if withdraws in done and sends not in done:
        assert not got, f"{named}: the article was withdrawn"
    if edits in done and not done & {sends, releases}:
        assert all(one["shown"]["campaign"] == NEW_NAME for one in race.sent), f"{named}: sent as before the edit"


def test_a_campaign_is_undone_or_released_and_never_both(newsroom: CampaignHarness) -> None:
    for _ in range(10 * ROUNDS):
        race = begin(newsroom, "about to be released")
        undone, _ = race.at_once(undoes, releases)
        assert race.is_released is (undone is not None)
        finish(race)
        if undone is None:
            assert (race.sent, race.state) == ([], CampaignState.REVIEWED)
            assert CampaignAction.RELEASED not in race.actions
        else:
            assert "has begun" in str(undone)
            assert len(race.sent) == 4
            assert CampaignAction.UNDONE not in race.actions


def test_of_two_people_who_schedule_a_draft_one_does(newsroom: CampaignHarness) -> None:
    for _ in range(5 * ROUNDS):
        race = begin(newsroom)
        refused = [error for error in race.at_once(schedules, schedules) if error is not None]
        assert len(refused) == 1
        assert race.actions.count(CampaignAction.SCHEDULED) == 1
        finish(race)
        assert len(race.sent) == 4


def test_an_approval_is_of_what_was_seen(newsroom: CampaignHarness) -> None:
    for _ in range(5 * ROUNDS):
        race = begin(newsroom, needs_approval=True)
        race.at_once(edits, approves)
        with race.app.database.begin() as connection:
            found = campaigns.find(connection, race.number)
            history = campaigns.history(connection, race.number)
        approved = [one.version for one in history if one.action is CampaignAction.APPROVED]
        assert found.is_approved is (approved == [found.version])
        if not found.is_approved:
            with pytest.raises(StateError, match="needs an approval"):
                schedules(race)


def test_two_schedulers_and_their_workers_send_each_campaign_once(newsroom: CampaignHarness) -> None:
    for _ in range(3 * ROUNDS):
        races = [begin(newsroom) for _ in range(3)]
        for race in races:
            schedules(race)
        _wait(races[0])
        races[0].at_once(sends, sends, sends)
        finish(races[0])
        assert [race.state for race in races] == [CampaignState.FINISHED] * 3
        assert len(races[0].sent) == 12
        assert len({one["delivery"] for one in races[0].sent}) == 12


def test_of_two_campaigns_that_tell_an_account_the_same_one_does(newsroom: CampaignHarness) -> None:
    for count in range(3 * ROUNDS):
        newsroom.article(f"article{count}")
        article_control.publish(newsroom.app, f"article{count}", actor="ed")
        both = [begin(newsroom, slugs=(f"article{count}",), repeats=False) for _ in range(2)]
        for race in both:
            schedules(race)
        _wait(both[0])
        both[0].at_once(sends, sends)
        finish(both[0])
        got = Counter((one["kind"], one["recipient"]) for one in both[0].sent)
        assert sorted(got.values()) == [1] * 4
