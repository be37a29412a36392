"""Random sequences of what people, the clock and crashes do to articles, channels and campaigns.

The rules stand here once more in plain Python. Nobody gets what no review showed and no setting allowed; every campaign
is out exactly once, or visibly waits for a person; and who did what can be read in its history.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import (
    CampaignAction,
    CampaignEvent,
    CampaignPlan,
    ChangePolicy,
    Dispatch,
    DispatchState,
)
from distributor.domain.campaign_review import CampaignReview
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import (
    BlockedError,
    InputError,
    NotFoundError,
    ScheduleError,
    StateError,
)
from distributor.domain.schedule import StartTimes
from distributor.flow.app_context import AppContext
from distributor.flow.failpoints import Failpoint
from distributor.flow.publishing import article_control, campaign_control, life_cycle
from distributor.flow.publishing.plan import create_campaign, duplicate_campaign, edit_campaign, plan
from distributor.storage import articles, campaigns, delivery_queries, dispatches, lists
from distributor.storage.database import Connection, Database
from tests.conftest import IS_THOROUGH
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.test_publications import Newsroom

# More examples: DISTRIBUTOR_LIFE_EXAMPLES=1000 make test ARGS=tests/flow/publishing/test_life_of_campaigns.py
EXAMPLES = int(os.environ.get("DISTRIBUTOR_LIFE_EXAMPLES", "40" if IS_THOROUGH else "8"))
SLUGS = ("news", "more")
TAGS = (("Boats",), ("Boats", "Trains"), ("Trains",))
KINDS = {"mail": "scripted", "board": "scripted_broadcast", "feeds": "feed"}
PEOPLE = ("ada", "bo")
REFUSALS = (BlockedError, InputError, NotFoundError, ScheduleError, StateError)
# What each change of the state of a dispatch is in the history; the others are none of a person or of a time.
ENTRIES: Mapping[DispatchState, frozenset[CampaignAction]] = {
    DispatchState.DRAFT: frozenset({CampaignAction.UNDONE, CampaignAction.EDITED, CampaignAction.RESCHEDULED}),
    DispatchState.SCHEDULED: frozenset({CampaignAction.SCHEDULED, CampaignAction.RESUMED}),
    DispatchState.PAUSED: frozenset({CampaignAction.PAUSED}),
    DispatchState.RUNNING: frozenset({CampaignAction.RELEASED, CampaignAction.RESUMED}),
    DispatchState.CANCELLED: frozenset({CampaignAction.CANCELLED}),
    DispatchState.FAILED: frozenset({CampaignAction.RELEASED}),
}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Death:
    """The process is killed at the moment with this number: before, within or after a transaction, or at a failpoint.

    Without a number it lives on.
    """

    at: int | None
    moments: int = 0

    def __call__(self, _point: Failpoint | None = None) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed


class MortalDatabase(Database):
    """The same database for a process that may be killed around each of its transactions."""

    def __init__(self, database: Database, death: Death) -> None:
        vars(self).update(vars(database))
        self._death = death

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._death()
        with super().begin() as connection:
            yield connection
            self._death()
        self._death()


def as_text(shown: object) -> str:
    return json.dumps(shown, sort_keys=True)


@dataclass
class Planned:
    """A campaign as its author knows it, and what is allowed to go out of it."""

    name: str
    slugs: tuple[str, ...]
    channels: tuple[str, ...]
    policy: ChangePolicy
    needs_approval: bool
    again: bool
    # By channel: what the review showed that it was last scheduled or resumed on, and what it was on the scheduler's
    # passes since; and everything that was approved.
    accepted: dict[str, str] = field(default_factory=dict)
    passed: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    approved: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    accepted_as: str = ""

    def allowed(self, channel: str) -> set[str]:
        if self.policy is ChangePolicy.REFRESH:
            return set(self.passed[channel])
        shown = {self.accepted[channel]} if channel in self.accepted else set()
        return shown & self.approved[channel] if self.needs_approval else shown


@dataclass(frozen=True)
class Moment:
    """The campaigns at one moment: their dispatches by id, and their histories."""

    dispatches: Mapping[int, Dispatch]
    histories: Mapping[int, Sequence[CampaignEvent]]


@dataclass
class World:
    """An app whose clock is set by the test, what people did so far, and what may follow from that."""

    newsroom: Newsroom
    folder: Path
    number: Iterator[int]
    content: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    campaigns: dict[int, Planned] = field(default_factory=dict)
    # What a dispatch may send once it is released, and what it was edited to before that.
    released: dict[int, tuple[str, set[str]]] = field(default_factory=dict)
    was_killed: bool = False

    @property
    def app(self) -> AppContext:
        return self.newsroom.app

    @property
    def harness(self) -> CampaignHarness:
        return CampaignHarness(self.app, self.folder)

    @property
    def record(self) -> Path:
        return self.folder / "record"

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

    @property
    def has_people(self) -> bool:
        with self.app.database.begin() as connection:
            return bool(lists.listed(connection))

    def configure(self, name: str) -> None:
        if name == "feeds":
            title = self.signatures.get(name, "")
            self.newsroom.configure(name, **({"title": title} if title else {}))
        else:
            problem = "it is broken" if name in self.broken else ""
            signature = self.signatures.get(name, "")
            script = {"record": str(self.record), "signature": signature, "problem": problem}
            self.harness.channel(name, KINDS[name], **script)

    def write(self, slug: str, tags: tuple[str, ...]) -> None:
        count = next(self.number)
        self.newsroom.write(slug, title=f"{slug} {count}", tags=tags, words=f"Words {count}.")
        self.content[slug] = (f"{slug} {count}: Words {count}.", tags)

    def shown(self, campaign: Planned, channel: str) -> str:
        """What the campaign shows on a channel as everything is now."""
        return as_text(
            {
                "articles": [self.content[slug][0] for slug in campaign.slugs],
                "tags": [", ".join(self.content[slug][1]) for slug in campaign.slugs],
                "campaign": campaign.name,
                "site": f"{self.app.site.name} {self.app.site.public_url}",
                "signature": self.signatures.get(channel, ""),
            }
        )

    def circumstances(self, campaign: Planned) -> str:
        """Everything that a rendition of the campaign may depend on."""
        with self.app.database.begin() as connection:
            statuses = {slug: str(articles.find_by_slug(connection, slug).status) for slug in campaign.slugs}
        return as_text([statuses, [self.shown(campaign, channel) for channel in campaign.channels]])

    def chosen(self, which: int) -> int:
        """One of the campaigns there are, counted round. Raises NotFoundError if there are none."""
        if not self.campaigns:
            raise NotFoundError("campaign", which)
        return sorted(self.campaigns)[which % len(self.campaigns)]

    def moment(self) -> Moment:
        with self.newsroom.app.database.begin() as connection:
            planned = [one for number in self.campaigns for one in dispatches.of_campaign(connection, number)]
            histories = {number: campaigns.history(connection, number) for number in self.campaigns}
        return Moment({one.id: one for one in planned}, histories)

    def do(self, step: Do) -> None:
        """Do it, and check everything that must hold then."""
        before, count = self.moment(), len(self.sent)
        living, death = self.newsroom.app, Death(step.killed_at)
        self.newsroom.app = replace(living, database=MortalDatabase(living.database, death), failpoint=death)
        error: BaseException | None = None
        try:
            step.act(self, **step.arguments)
        except (*REFUSALS, Killed) as raised:
            error = raised
        # What a step changes of the app, such as its site, stays.
        self.newsroom.app = replace(self.newsroom.app, database=living.database, failpoint=living.failpoint)
        note(f"{step}{f' -> {type(error).__name__}: {error}' if error else ''}")
        self.was_killed |= isinstance(error, Killed)
        self._adopt()
        after = self.moment()
        self._learn(before, after)
        check_history(before, after)
        if isinstance(error, REFUSALS) and step.act not in (edit, reschedule):
            assert unchanged(before, after), "what is refused changes nothing"
        self._check_releases(before, after, step)
        for line in self.sent[count:]:
            self._check_sent(line, before)
        self._check_no_doubles()

    def _adopt(self) -> None:
        """Take over campaigns that were made by a process that was killed, and edits that came before a refusal."""
        with self.app.database.begin() as connection:
            for found in campaigns.latest(connection, limit=100):
                plan = campaigns.plan_of(connection, found.id)
                known = self.campaigns.get(found.id)
                if known is None:
                    self.campaigns[found.id] = Planned(
                        name=plan.name,
                        slugs=plan.article_slugs,
                        channels=plan.channel_names,
                        policy=plan.change_policy,
                        needs_approval=plan.needs_approval,
                        again=plan.audience.repeats,
                    )
                else:
                    known.name, known.slugs, known.channels = plan.name, plan.article_slugs, plan.channel_names

    def _learn(self, before: Moment, after: Moment) -> None:
        """What is allowed to go out from now on."""
        for number, campaign in self.campaigns.items():
            new = [one.action for one in after.histories[number][len(before.histories.get(number, ())) :]]
            shown = {channel: self.shown(campaign, channel) for channel in campaign.channels}
            if CampaignAction.APPROVED in new:
                for channel in campaign.channels:
                    campaign.approved[channel].add(shown[channel])
            is_rescheduled = any(
                one.campaign_id == number
                and one.state is DispatchState.SCHEDULED
                and before.dispatches.get(one.id, one).state is not DispatchState.SCHEDULED
                for one in after.dispatches.values()
            )
            if CampaignAction.SCHEDULED in new or is_rescheduled:
                campaign.accepted, campaign.accepted_as = shown, self.circumstances(campaign)
                campaign.passed.clear()
                if campaign.needs_approval:
                    assert all(shown[channel] in campaign.approved[channel] for channel in campaign.channels)

    def passing(self) -> None:
        """The scheduler is about to look at everything as it is now."""
        for campaign in self.campaigns.values():
            for channel in campaign.channels:
                campaign.passed[channel].add(self.shown(campaign, channel))

    def _check_releases(self, before: Moment, after: Moment, step: Do) -> None:
        for one in after.dispatches.values():
            earlier = before.dispatches.get(one.id)
            if earlier is None or earlier.released_at is not None or one.released_at is None:
                continue
            campaign = self.campaigns[one.campaign_id]
            allowed = campaign.allowed(one.channel_name)
            if campaign.policy is ChangePolicy.REFRESH:
                # Settings count as they were when it was prepared, articles as they are when it is released.
                now = json.loads(self.shown(campaign, one.channel_name))["articles"]
                allowed = {shown for shown in allowed if json.loads(shown)["articles"] == now}
            self.released[one.id] = (campaign.name, allowed)
            assert earlier.scheduled_at is not None
            for other in before.dispatches.values():
                is_sooner = other.scheduled_at is not None and other.scheduled_at <= earlier.scheduled_at
                if other.campaign_id == one.campaign_id and is_sooner and other.released_at is None:
                    is_held = other.channel_name in self.broken and other.prepared_at is None
                    is_open = other.state in (DispatchState.SCHEDULED, DispatchState.PAUSED)
                    assert not (is_held and is_open), f"{other.channel_name} is blocked, {one.channel_name} is out"

    def _check_sent(self, line: Mapping[str, Any], before: Moment) -> None:
        was = before.dispatches[line["dispatch"]]
        campaign = self.campaigns[was.campaign_id]
        assert was.state in (DispatchState.SCHEDULED, DispatchState.RUNNING, DispatchState.PAUSED), was.state
        _, allowed = self.released[was.id]
        assert as_text(line["shown"]) in allowed, f"campaign {was.campaign_id} sent {line['shown']}, not {allowed}"
        now = self.app.clock()
        with self.app.database.begin() as connection:
            for slug in campaign.slugs:
                assert articles.find_by_slug(connection, slug).status.is_public(now), f"{slug} is not public"

    def _check_no_doubles(self) -> None:
        sent = self.sent
        assert max(Counter(line["delivery"] for line in sent).values(), default=0) <= 1, "a delivery was sent twice"
        by_dispatch: defaultdict[int, set[str]] = defaultdict(set)
        got: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        of_dispatch = {id: one.campaign_id for id, one in self.moment().dispatches.items()}
        for line in sent:
            by_dispatch[line["dispatch"]].add(line["digest"])
            campaign = self.campaigns[of_dispatch[line["dispatch"]]]
            known = got[line["kind"], line["recipient"]]
            assert campaign.again or not known & set(campaign.slugs), f"{line['recipient']} got it twice"
            known |= set(campaign.slugs)
        assert all(len(digests) == 1 for digests in by_dispatch.values()), "one dispatch sent two renditions"

    def rest(self) -> None:
        """Everything goes on until nothing is left to do, and is then out, or waits for a person, who can see why."""
        for _ in range(3):
            self.do(Do(wait, {"seconds": 1200}))
            self.do(Do(run, {}))
        now = self.app.clock()
        after = self.moment()
        waiting = {one.campaign_id for one in after.dispatches.values() if one.state is DispatchState.PAUSED}
        for one in after.dispatches.values():
            if one.state in (DispatchState.PAUSED, DispatchState.FAILED):
                assert one.reason, "it does not say why"
            elif one.state is DispatchState.SCHEDULED:
                assert one.scheduled_at is not None
                assert one.scheduled_at > now or one.campaign_id in waiting, "it is late, and nobody knows"
            assert one.state is not DispatchState.RUNNING, "it does not end"
        self._check_ledger(after)
        self.newsroom.insist_on_a_fresh_build()

    def _check_ledger(self, after: Moment) -> None:
        sent = {line["delivery"] for line in self.sent}
        for number in self.campaigns:
            with self.app.database.begin() as connection:
                found = delivery_queries.of_campaign(connection, number, limit=100)
            for one in found:
                dispatch = after.dispatches[one.dispatch_id]
                if dispatch.kind == "feed":
                    continue
                if one.state is DeliveryState.SENT:
                    assert one.id in sent
                elif one.state is DeliveryState.UNKNOWN:
                    assert self.was_killed
                else:
                    assert one.id not in sent
                    assert dispatch.state in (DispatchState.PAUSED, DispatchState.CANCELLED), one.state


@dataclass(frozen=True)
class Do:
    """One thing that is done; the process that does it is killed at a moment if there is one."""

    act: Callable[..., None]
    arguments: Mapping[str, Any]
    killed_at: int | None = None

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        killed = "" if self.killed_at is None else f", {self.killed_at}"
        return f"Do({self.act.__name__}, dict({arguments}){killed})"


def unchanged(before: Moment, after: Moment) -> bool:
    """Whether no dispatch is in another state; what a draft was to be may have changed."""
    return all(before.dispatches[id].state is one.state for id, one in after.dispatches.items())


def check_history(before: Moment, after: Moment) -> None:
    """Who changed what can be read there."""
    for one in after.dispatches.values():
        earlier = before.dispatches.get(one.id)
        new = after.histories[one.campaign_id][len(before.histories.get(one.campaign_id, ())) :]
        assert all(event.actor for event in new)
        if earlier is None or earlier.state is one.state or one.state not in ENTRIES:
            continue
        actions = {event.action for event in new}
        assert actions & ENTRIES[one.state], f"{one.channel_name}: {earlier.state} -> {one.state} is in no history"


# The acts. `which` is one of the campaigns there are, counted round.


def write(world: World, slug: str, tags: int) -> None:
    world.write(slug, TAGS[tags])


def publish(world: World, slug: str, hours: int) -> None:
    at = world.app.clock() + timedelta(hours=hours) if hours else None
    article_control.publish(world.app, slug, actor="ed", at=at)


def withdraw(world: World, slug: str) -> None:
    article_control.withdraw(world.app, slug, actor="ed")


def sign(world: World, channel: str) -> None:
    world.signatures[channel] = f"signature {next(world.number)}"
    world.configure(channel)


def break_channel(world: World, channel: str) -> None:
    world.broken ^= {channel}
    world.configure(channel)


def move_site(world: World, number: int) -> None:
    world.newsroom.move(f"https://host{number}.example", name=f"Gazette {number}")


def create(
    world: World,
    channels: tuple[str, ...],
    slugs: tuple[str, ...],
    policy: ChangePolicy | None,
    after: int | None,
    *,
    approval: bool = False,
    again: bool = False,
) -> None:
    """Make a campaign that starts so many seconds from now, and schedule it if it has a time."""
    asked = CampaignPlan(
        name=f"campaign {next(world.number)}",
        article_slugs=slugs,
        channel_names=channels,
        audience=AudiencePlan(lists=("readers",), repeats=again),
        starts_at=None if after is None else world.app.clock() + timedelta(seconds=after),
        needs_approval=approval,
        on_change=policy,
    )
    number = create_campaign(world.app, asked, actor="ed")
    if after is not None:
        with suppress(*REFUSALS):
            life_cycle.schedule(world.app, number, actor="ed")


def edit(world: World, which: int, what: str) -> None:
    number = next(world.number)

    def change(plan: CampaignPlan) -> CampaignPlan:
        if what == "name":
            return replace(plan, name=f"campaign {number}")
        if what == "articles":
            return replace(plan, article_slugs=SLUGS[: 1 + number % 2])
        names = tuple(KINDS)[: 1 + number % 3]
        times = {name: time for name, time in plan.times.items() if name in names}
        return replace(plan, channel_names=names, times=times, starts_at=max(plan.times.values(), default=None))

    edit_campaign(world.app, world.chosen(which), change, actor="ed")


def review(world: World, which: int) -> None:
    number = world.chosen(which)
    check_review(world, number, life_cycle.review(world.app, number, actor="ed"))


def approve(world: World, which: int) -> None:
    number = world.chosen(which)
    check_review(world, number, life_cycle.approve(world.app, number, actor="chief"))


def schedule(world: World, which: int, after: int | None, without: tuple[str, ...] = ()) -> None:
    number = world.chosen(which)
    start = None if after is None else start_in(world, after)
    made = life_cycle.schedule(world.app, number, actor="ed", start=start, without=without)
    check_review(world, number, made, left_out=without)
    assert not world.broken & {one.channel_name for one in made.dispatches}, "a blocker was accepted"


def reschedule(world: World, which: int, after: int) -> None:
    life_cycle.reschedule(world.app, world.chosen(which), start_in(world, after), actor="ed")


def undo(world: World, which: int) -> None:
    life_cycle.undo(world.app, world.chosen(which), actor="ed")


def duplicate(world: World, which: int) -> None:
    duplicate_campaign(world.app, world.chosen(which), actor="ed")


def pause(world: World, which: int) -> None:
    campaign_control.pause(world.app, world.chosen(which), actor="ed")


def resume(world: World, which: int) -> None:
    campaign_control.resume(world.app, world.chosen(which), actor="ed")


def cancel(world: World, which: int) -> None:
    campaign_control.cancel(world.app, world.chosen(which), actor="ed")


def wait(world: World, seconds: int) -> None:
    world.newsroom.clock.advance(seconds)


def run(world: World, *, backwards: bool = False) -> None:
    """The scheduler and its jobs run until nothing is due."""
    world.passing()
    world.harness.run(arranged=lambda jobs: jobs[::-1] if backwards else jobs)


def run_one(world: World, which: int) -> None:
    """The scheduler runs once, and of its jobs all are lost except one."""
    world.passing()
    world.harness.run(rounds=1, arranged=lambda jobs: (jobs[which % len(jobs)],))


def wait_and_run(world: World, seconds: int, *, backwards: bool = False) -> None:
    wait(world, seconds)
    run(world, backwards=backwards)


def start_in(world: World, seconds: int) -> StartTimes:
    return StartTimes(starts_at=world.app.clock() + timedelta(seconds=seconds), times={}, notes=())


def check_review(world: World, number: int, made: CampaignReview, *, left_out: tuple[str, ...] = ()) -> None:
    """It shows everything as it is now, on every channel."""
    with world.app.database.begin() as connection:
        plan = campaigns.plan_of(connection, number)
    current = replace(world.campaigns[number], name=plan.name, slugs=plan.article_slugs)
    for one in made.dispatches:
        if KINDS[one.channel_name] != "feed":
            assert one.rendition is not None
            assert as_text(one.rendition.payload["shown"]) == world.shown(current, one.channel_name)
            assert one.channel_name not in left_out


def doing(act: Callable[..., None], **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Do]:
    return st.builds(Do, st.just(act), st.fixed_dictionaries(arguments))


# Few, so that things happen to the same one.
SLUG, WHICH = st.sampled_from(("news", "news", "more")), st.sampled_from((0, 0, 0, 1))
CHANNEL = st.sampled_from(("mail", "board"))
SOON = (0, 30, 600, 600, 86400)
CREATE = doing(
    create,
    channels=st.sampled_from((("board",), ("mail", "board"), ("mail", "board", "feeds"), ("board", "feeds"))),
    slugs=st.sampled_from((("news",), SLUGS)),
    policy=st.sampled_from((None, *ChangePolicy)),
    after=st.sampled_from((None, *SOON, *SOON)),
    approval=st.sampled_from((False, False, True)),
    again=st.sampled_from((False, False, True)),
)
CHANGE = st.one_of(
    doing(write, slug=SLUG, tags=st.integers(0, 2)),
    doing(publish, slug=SLUG, hours=st.sampled_from((0, 0, 1, 30))),
    doing(withdraw, slug=SLUG),
    doing(sign, channel=st.sampled_from(tuple(KINDS))),
    doing(break_channel, channel=CHANNEL),
    doing(move_site, number=st.integers(0, 1)),
)
STEER = st.one_of(
    doing(edit, which=WHICH, what=st.sampled_from(("name", "articles", "channels"))),
    doing(review, which=WHICH),
    doing(approve, which=WHICH),
    doing(schedule, which=WHICH, after=st.sampled_from((None, *SOON))),
    doing(schedule, which=WHICH, after=st.sampled_from(SOON), without=st.just(("board",))),
    doing(reschedule, which=WHICH, after=st.sampled_from(SOON)),
    doing(undo, which=WHICH),
    doing(duplicate, which=WHICH),
    doing(pause, which=WHICH),
    doing(resume, which=WHICH),
    doing(cancel, which=WHICH),
)
TIME = st.one_of(
    doing(wait_and_run, seconds=st.sampled_from((0, 1, 31, 100, 500, 500, 590, 7100, 90000)), backwards=st.booleans()),
    doing(run_one, which=st.integers(0, 2)),
)
KILLED = st.builds(
    lambda step, at: replace(step, killed_at=at), st.one_of(STEER, TIME, TIME, CREATE), st.integers(1, 60)
)
STEPS = st.one_of(CREATE, CHANGE, STEER, STEER, TIME, TIME, KILLED)


def new_world(app: AppContext, folder: Path) -> World:
    with app.database.begin() as connection:
        for table in ("campaigns", "channels", "articles", "collections", "document_builds"):
            connection.execute(text(f"DELETE FROM {table}"))
    shutil.rmtree(app.journal_dir, ignore_errors=True)
    (folder / "record").unlink(missing_ok=True)
    world = World(Newsroom(app, folder), folder, iter(range(1, 1000)))
    for slug in SLUGS:
        world.write(slug, TAGS[0])
    for channel in KINDS:
        world.configure(channel)
    if not world.has_people:
        world.harness.people(*PEOPLE)
    return world


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    first=Do(create, {"channels": ("mail", "board"), "slugs": ("news",), "policy": None, "after": 600}),
    steps=[Do(withdraw, {"slug": "news"})],
    is_public=True,
)
@example(
    first=Do(create, {"channels": ("mail", "board"), "slugs": ("news",), "policy": None, "after": 600}),
    steps=[
        Do(wait_and_run, {"seconds": 500}),
        Do(write, {"slug": "news", "tags": 1}),
        Do(wait_and_run, {"seconds": 100, "backwards": True}),
    ],
    is_public=True,
)
@example(
    first=Do(create, {"channels": ("mail", "board"), "slugs": ("news",), "policy": None, "after": 30}),
    steps=[
        Do(run_one, {"which": 1}),
        Do(break_channel, {"channel": "board"}),
        Do(wait_and_run, {"seconds": 31, "backwards": True}),
    ],
    is_public=True,
)
@example(
    first=Do(create, {"channels": ("mail", "board"), "slugs": ("news",), "policy": None, "after": 30}),
    steps=[
        Do(run_one, {"which": 0}),
        Do(break_channel, {"channel": "mail"}),
        Do(wait_and_run, {"seconds": 31, "backwards": True}),
    ],
    is_public=False,
)
@given(first=CREATE, steps=st.lists(STEPS, min_size=4, max_size=10), is_public=st.booleans())
def test_whatever_happens_nothing_goes_out_that_was_not_meant_to(
    app: AppContext, tmp_path: Path, first: Do, steps: list[Do], is_public: bool
) -> None:
    world = new_world(app, tmp_path)
    published = [Do(publish, {"slug": slug, "hours": 0}) for slug in SLUGS] if is_public else []
    for step in (*published, first, *steps):
        world.do(step)
    world.rest()


def test_whatever_pauses_a_campaign_is_in_its_history(app: AppContext, tmp_path: Path) -> None:
    world = new_world(app, tmp_path)

    def pauses(number: int) -> list[tuple[str, str]]:
        with app.database.begin() as connection:
            history = campaigns.history(connection, number)
        return [(one.actor, one.detail) for one in history if one.action is CampaignAction.PAUSED]

    for slug in SLUGS:
        publish(world, slug, 0)
    held = plan(world.app, world.harness.asked("board", slugs=("news",)), actor="ed")
    withdraw(world, "news")
    assert [(actor, detail.split(":")[0]) for actor, detail in pauses(held)] == [("ed", "article news was withdrawn")]
    world.harness.channel("board", "scripted_broadcast", answers={"@one": "sender_rejected"})
    refused = plan(world.app, world.harness.asked("board", slugs=("more",)), actor="ed")
    world.harness.run()
    assert pauses(refused) == [("worker", "board: sender rejected")]
