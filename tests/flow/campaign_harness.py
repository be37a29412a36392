"""The CampaignHarness: plans campaigns and runs the jobs of the flow in this process, one at a time, without Celery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import CampaignPlan, UnknownPolicy
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import Person
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import deliver, deliver_small
from distributor.flow.delivery.recovery import recover_journals, resolve_unknown
from distributor.flow.delivery.tell_notices import tell
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.audit_runs import work_on_audit
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publications import build_documents
from distributor.flow.publishing.plan import create_campaign, plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release, release_due
from distributor.flow.publishing.report import CampaignReport, report, summarise
from distributor.storage import articles, campaigns, channels, delivery_queries, lists, memberships

EVIDENCE = ConsentEvidence(method=ConsentMethod.PERSON, text="They asked for it in person.")


@dataclass
class CampaignHarness:
    """Campaigns of one app whose channels are scripted."""

    app: AppContext
    folder: Path

    @property
    def seen(self) -> list[str]:
        """The recipients that the scripted channels sent to, in order."""
        file = self.folder / "seen"
        return file.read_text().split() if file.exists() else []

    def channel(self, name: str, kind: str, **script: Any) -> None:
        with self.app.database.begin() as connection:
            channels.save(
                connection,
                name=name,
                kind=kind,
                settings={"seen": str(self.folder / "seen"), **script} if kind.startswith("scripted") else script,
                sealed=None,
            )

    def people(self, *names: str, list_slug: str = "readers") -> None:
        with self.app.database.begin() as connection:
            chosen = lists.add(connection, slug=list_slug, name=list_slug)
            persons = [Person(key=f"{name}@example.org", email=f"{name}@example.org", name=name) for name in names]
            memberships.subscribe(connection, chosen.id, persons, EVIDENCE, now=self.app.clock())

    def article(self, slug: str, **changes: Any) -> None:
        """Another article."""
        manuscript = Manuscript(title="Hello", body=(Paragraph((Run("A first paragraph."),)),))
        with self.app.database.begin() as connection:
            articles.add(
                connection,
                replace(manuscript, **changes),
                guid=f"urn:test:{slug}",
                slug=slug,
                source="test",
                source_ref=slug,
                content_hash="0",
                now=self.app.clock(),
            )

    def asked(
        self,
        *names: str,
        after: timedelta | None = timedelta(),
        repeats: bool = True,
        slugs: tuple[str, ...] = ("hello",),
        **changes: Any,
    ) -> CampaignPlan:
        """A plan of the article on these channels to the list, so long after now; without a time if that is None."""
        return CampaignPlan(
            name="",
            article_slugs=slugs,
            channel_names=names,
            audience=AudiencePlan(lists=("readers",), repeats=repeats),
            starts_at=None if after is None else self.app.clock() + after,
            **changes,
        )

    def plan(
        self,
        *names: str,
        slugs: tuple[str, ...] = ("hello",),
        policy: UnknownPolicy = UnknownPolicy.ASSUME_SENT,
        after: timedelta = timedelta(),
        repeats: bool = True,
    ) -> int:
        return plan(self.app, self.asked(*names, after=after, repeats=repeats, slugs=slugs, unknown_policy=policy))

    def draft(self, *names: str, after: timedelta | None = None, **changes: Any) -> int:
        """A campaign that is not scheduled."""
        return create_campaign(self.app, self.asked(*names, after=after, **changes), actor="a test")

    def run(self, rounds: int = 12, *, arranged: Callable[[Sequence[Job]], Iterable[Job]] = tuple) -> None:
        """Run the jobs that the scheduler enqueues until there are none, at most so many rounds.

        `arranged` puts the jobs of a round in another order, or loses some.
        """
        steps: dict[JobKind, Callable[[int], object]] = {
            JobKind.PREPARE: lambda number: prepare(self.app, number),
            JobKind.RELEASE: lambda number: release(self.app, number),
            JobKind.RELEASE_DUE: lambda _: release_due(self.app),
            JobKind.DELIVER: lambda number: deliver(self.app, number, until=self.app.clock() + timedelta(seconds=20)),
            JobKind.DELIVER_SMALL: lambda number: deliver_small(
                self.app, number, until=self.app.clock() + timedelta(seconds=20)
            ),
            JobKind.RESOLVE_UNKNOWN: lambda number: resolve_unknown(self.app, number),
            JobKind.BUILD_DOCUMENTS: lambda number: build_documents(self.app, number),
            JobKind.AUDIT: lambda number: work_on_audit(
                self.app, number, until=self.app.clock() + timedelta(seconds=20)
            ),
            JobKind.TELL: lambda number: tell(self.app, number),
        }
        for _ in range(rounds):
            recover_journals(self.app)
            jobs = run_scheduler(self.app)
            if not jobs:
                return
            for job in arranged(tuple(dict.fromkeys(jobs))):
                steps[job.kind](job.subject_id)

    def plan_and_run(self, *names: str) -> int:
        """Another campaign that has gone out."""
        campaign_id = self.plan(*names)
        self.run()
        return campaign_id

    def report_ids(self) -> list[int]:
        """The numbers of all campaigns, the newest first."""
        with self.app.database.begin() as connection:
            return [campaign.id for campaign in campaigns.latest(connection, limit=100)]

    def later(self, *, days: float, **changes: Any) -> AppContext:
        """The same app when so many days have passed."""
        now = self.app.clock() + timedelta(days=days)
        return replace(self.app, clock=lambda: now, **changes)

    def report(self, campaign_id: int) -> CampaignReport:
        return report(self.app, campaign_id)

    def only_delivery(self, campaign_id: int) -> delivery_queries.DeliveryRecord:
        """The delivery of a campaign that has exactly one."""
        with self.app.database.begin() as connection:
            (found,) = delivery_queries.of_campaign(connection, campaign_id, limit=2)
        return found

    def counts(self, campaign_id: int) -> dict[str, int]:
        """The totals that are not zero."""
        return {word: count for word, count in summarise(self.report(campaign_id).totals).items() if count}


def make_campaign_harness(app: AppContext, folder: Path) -> CampaignHarness:
    """A harness with one article, `hello`, and a list `readers` of three people."""
    made = CampaignHarness(app, folder)
    made.article("hello")
    made.people("ada", "bo", "cy")
    return made
