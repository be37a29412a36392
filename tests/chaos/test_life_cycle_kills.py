"""A process dies at any commit between a campaign's creation and its release: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignPlan, CampaignState
from distributor.domain.schedule import StartTimes
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.plan import create_campaign, edit_campaign, plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release, release_due
from distributor.storage.database import Connection, Database
from tests.conftest import thorough
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

pytestmark = pytest.mark.chaos

ME = "a test"


class KilledError(BaseException):
    """The process is dead: nothing in it catches this."""


class MortalDatabase(Database):
    """A database whose client dies at one of its commits: right before it, or right after; reads are not counted."""

    def __init__(self, database: Database, at: int, *, before: bool) -> None:
        self._living = database
        self._left = at
        self._before = before

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self._living.begin() as connection:
            yield connection
            has_written = connection.execute(text("SELECT pg_current_xact_id_if_assigned()")).scalar() is not None
            self._left -= has_written
            if has_written and self._left == 0 and self._before:
                raise KilledError
        if has_written and self._left == 0:
            raise KilledError


def go_out(app: AppContext) -> None:
    """Everything up to the release, as the scheduler and the workers do it."""
    steps: dict[JobKind, Callable[[Job], object]] = {
        JobKind.PREPARE: lambda job: prepare(app, job.subject_id),
        JobKind.RELEASE: lambda job: release(app, job.subject_id),
        JobKind.RELEASE_DUE: lambda _: release_due(app),
    }
    for _ in range(4):
        for job in run_scheduler(app):
            if job.kind in steps:
                steps[job.kind](job)


def in_one_call(harness: CampaignHarness, app: AppContext) -> None:
    plan(app, harness.asked("mail", "wall"))
    go_out(app)


def step_by_step(harness: CampaignHarness, app: AppContext) -> None:
    campaign_id = create_campaign(app, harness.asked("mail", "wall", after=None, needs_approval=True))
    now = StartTimes(starts_at=app.clock(), times={}, notes=())
    life_cycle.arrange(app, campaign_id, actor=ME, start=now)
    life_cycle.approve(app, campaign_id, actor=ME)
    life_cycle.schedule(app, campaign_id, actor=ME)
    go_out(app)


def after_an_edit_and_a_pause(harness: CampaignHarness, app: AppContext) -> None:
    def change(before: CampaignPlan) -> CampaignPlan:
        return replace(before, name="Edited")

    campaign_id = plan(app, harness.asked("mail", "wall"))
    edit_campaign(app, campaign_id, change, actor=ME)
    campaign_control.pause(app, campaign_id, actor=ME)
    campaign_control.resume(app, campaign_id, actor=ME)
    go_out(app)


def as_a_person_goes_on(harness: CampaignHarness) -> None:
    """Whoever looks after the crash schedules what is a draft and resumes what is paused."""
    for number in harness.report_ids():
        found = harness.report(number)
        if found.state in (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.APPROVED):
            if found.dispatches[0].dispatch.scheduled_at is None:
                now = StartTimes(starts_at=harness.app.clock(), times={}, notes=())
                life_cycle.arrange(harness.app, number, actor=ME, start=now)
            if found.campaign.needs_approval:
                life_cycle.approve(harness.app, number, actor=ME)
            life_cycle.schedule(harness.app, number, actor=ME)
        elif found.state is CampaignState.PAUSED:
            campaign_control.resume(harness.app, number, actor=ME)


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    """A harness with a channel to subscribers and one to an account."""
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted")
    made.channel("wall", "scripted_broadcast")
    return made


@pytest.mark.parametrize("before", [True, False], ids=["before a commit", "after a commit"])
@pytest.mark.parametrize("act", [in_one_call, pytest.param(step_by_step, marks=thorough), after_an_edit_and_a_pause])
def test_a_campaign_goes_out_once_wherever_its_process_dies(
    harness: CampaignHarness, act: Callable[[CampaignHarness, AppContext], None], *, before: bool
) -> None:
    for at in count(1):
        mortal = replace(harness.app, database=MortalDatabase(harness.app.database, at, before=before))
        try:
            act(harness, mortal)
        except KilledError:
            is_over = False
        else:
            is_over = True
        everything = harness.report_ids()
        if not everything:
            assert (at, before) == (1, True), "only before the first commit is there nothing to go on with"
            continue
        as_a_person_goes_on(harness)
        harness.run()
        newest = everything[0]
        assert harness.counts(newest) == {"audience": 4, "sent": 4}
        assert harness.report(newest).state is CampaignState.FINISHED
        assert len(harness.seen) == 4 * len(everything)
        if is_over:
            break
    assert at > 5
