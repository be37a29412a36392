"""An email campaign whose workers crash at chosen points, on a clock that advances when there is nothing to do."""

from __future__ import annotations

import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any, Protocol

from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import CampaignPlan, CampaignState, UnknownPolicy
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.delivery import DeliveryState
from distributor.domain.subscriber import Person
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.recovery import resolve_unknown
from distributor.flow.jobs import Job, JobKind
from distributor.flow.journal import held_orphan, journal_files
from distributor.flow.operations.channel_settings import configure
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release, release_due
from distributor.flow.publishing.report import report
from distributor.storage import articles, delivery_queries, lists, memberships

from .crash_worker import CrashAt, WorkerTask, start_worker
from .fault_proxy import Strike, WirePoint

CONNECTIONS = 4
# More than any campaign takes; one that does not end fails instead of hanging.
_ROUNDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashOnWire:
    """The worker is killed when the mail with this number is at this point."""

    point: WirePoint
    number: int


@dataclass
class Clock:
    """The real time plus `ahead`."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, time: timedelta) -> None:
        self.ahead += time


class ArmedRelay(Protocol):
    """A relay, or a server in its place, that a strike can be armed at."""

    @property
    def url(self) -> str: ...

    def arm(self, strike: Strike | None) -> None: ...


class CrashCampaign:
    """One campaign to `people`. Its first workers crash at `crashes`, one after another; the later ones do not.

    It goes out by email over the relay, or on a channel of another `kind` with these `settings`. With `more`, so many
    other campaigns to the same people are due with it.
    """

    def __init__(
        self,
        app: AppContext,
        relay: ArmedRelay,
        secret: bytes,
        *,
        people: Iterable[str],
        crashes: Sequence[CrashAt | CrashOnWire] = (),
        on_crash: Callable[[], None] = lambda: None,
        policy: UnknownPolicy = UnknownPolicy.ASSUME_SENT,
        kind: str = "email",
        settings: dict[str, Any] | None = None,
        more: int = 0,
    ) -> None:
        self.clock = Clock()
        self.app = replace(app, clock=self.clock)
        self.crashes = deque(crashes)
        self._on_crash = on_crash
        self._relay = relay
        self._secret = secret
        configure(self.app, kind, kind, settings or {"smtp_url": relay.url, "connections": CONNECTIONS})
        self._fill(people)
        asked = CampaignPlan(
            name="crash",
            article_slugs=("crash",),
            channel_names=(kind,),
            audience=AudiencePlan(lists=("readers",), repeats=more > 0),
            starts_at=self.clock(),
            unknown_policy=policy,
        )
        self.campaign_ids = [plan(self.app, asked) for _ in range(1 + more)]
        self.campaign_id = self.campaign_ids[0]
        self.dispatch_id = report(self.app, self.campaign_id).dispatches[0].dispatch.id
        self._last_job = Job(JobKind.DELIVER, self.dispatch_id)

    def run(self, *, on_clock_advance: Callable[[], None] = lambda: None) -> None:
        """Run jobs until the campaign has finished. Fails if it does not."""
        for _ in range(_ROUNDS):
            if self._run_jobs():
                continue
            if self._has_orphans():
                # As beat and workers do once a second.
                self._run_worker()
            else:
                if all(report(self.app, one).state is CampaignState.FINISHED for one in self.campaign_ids):
                    return
                self.clock.advance(timedelta(minutes=1))
                on_clock_advance()
        raise AssertionError(f"the campaign does not finish: {report(self.app, self.campaign_id)}")

    def run_due_jobs(self) -> None:
        """Run the jobs that are due now, and those that follow from them."""
        while self._run_jobs():
            pass

    def release(self) -> None:
        """Render and release it: the next job is to deliver."""
        prepare(self.app, self.dispatch_id)
        release(self.app, self.dispatch_id)

    def start_worker(self, *, crash: CrashAt | None = None, lease: timedelta | None = None) -> ForkServerProcess:
        """Start a worker beside this one, which does the delivery job that came last."""
        return start_worker(
            WorkerTask(
                database_url=self.app.database.url.render_as_string(hide_password=False),
                redis_url=_url_of(self.app),
                secret=self._secret,
                site=self.app.site,
                journal_dir=self.app.journal_dir,
                ahead=self.clock.ahead,
                job=self._last_job,
                crash=crash,
                lease=lease,
            )
        )

    def ledger(self) -> dict[str, delivery_queries.DeliveryRecord]:
        """The delivery of each recipient in the database, that of the first campaign."""
        with self.app.database.begin() as connection:
            records = delivery_queries.listed(connection, self.dispatch_id, state=None, limit=1_000_000)
        return {record.recipient: record for record in records}

    def deliveries(self) -> list[delivery_queries.DeliveryRecord]:
        """Those of all campaigns."""
        with self.app.database.begin() as connection:
            return [
                record
                for one in self.campaign_ids
                for record in delivery_queries.of_campaign(connection, one, limit=1_000_000)
            ]

    def states(self) -> Counter[DeliveryState]:
        return Counter(record.state for record in self.ledger().values())

    def _has_orphans(self) -> bool:
        for path in journal_files(self.app.journal_dir):
            with held_orphan(path) as content:
                if content is not None:
                    return True
        return False

    def _run_jobs(self) -> bool:
        """Run what the scheduler finds; False if that is nothing."""
        steps: dict[JobKind, Callable[[Job], object]] = {
            JobKind.PREPARE: lambda job: prepare(self.app, job.subject_id),
            JobKind.RELEASE: lambda job: release(self.app, job.subject_id),
            JobKind.RELEASE_DUE: lambda _: release_due(self.app),
            JobKind.RESOLVE_UNKNOWN: lambda job: resolve_unknown(self.app, job.subject_id),
            JobKind.DELIVER: self._deliver,
            JobKind.DELIVER_SMALL: self._deliver,
        }
        jobs = run_scheduler(self.app)
        for job in jobs:
            steps[job.kind](job)
        return bool(jobs)

    def _deliver(self, job: Job) -> None:
        self._last_job = job
        self._run_worker()

    def _run_worker(self) -> None:
        crash = self.crashes[0] if self.crashes else None
        pid: Future[int] = Future()
        if isinstance(crash, CrashOnWire):
            # Armed before the start: the first mail may come at once.
            self._relay.arm(Strike(point=crash.point, number=crash.number, act=lambda: _kill(pid.result())))
        worker = self.start_worker(crash=crash if isinstance(crash, CrashAt) else None)
        assert worker.pid is not None
        pid.set_result(worker.pid)
        worker.join()
        self._relay.arm(None)
        if worker.exitcode == -signal.SIGKILL:
            self.crashes.popleft()
            self._on_crash()
        else:
            assert worker.exitcode == 0
        worker.close()

    def _fill(self, people: Iterable[str]) -> None:
        now = self.clock()
        with self.app.database.begin() as connection:
            chosen = lists.add(connection, slug="readers", name="Readers")
            persons = [Person(key=address, email=address) for address in people]
            told = ConsentEvidence(method=ConsentMethod.PERSON, text="They are made up.")
            memberships.subscribe(connection, chosen.id, persons, told, now=now)
            articles.add(
                connection,
                Manuscript(title="Crash", body=(Paragraph((Run("Nobody is skipped, and nobody gets it twice."),)),)),
                guid="urn:uuid:00000000-0000-4000-8000-000000000dea",
                slug="crash",
                source="test",
                source_ref="crash",
                content_hash="0",
                now=now,
            )


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _url_of(app: AppContext) -> str:
    options = app.redis.connection_pool.connection_kwargs
    return f"redis://:{options.get('password') or ''}@{options['host']}:{options['port']}/{options['db']}"
