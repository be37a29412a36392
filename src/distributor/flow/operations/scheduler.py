"""The scheduler: once a second, find what is due or has stalled. Several schedulers at once do no harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from distributor.channels.registry import kind_of
from distributor.domain.campaign import BY_CANCELLATION, Dispatch
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.event_counting import count_events
from distributor.flow.job_notes import MOST_WAITING
from distributor.flow.jobs import Job, JobKind, delivery_jobs, release_jobs
from distributor.flow.ledger_marks import advance, require_newest
from distributor.flow.operations.notices import record_notices
from distributor.flow.publications import document_jobs
from distributor.flow.quarantine import ItemGuard, key_of_job
from distributor.storage import (
    campaign_audits,
    deliveries,
    delivery_totals,
    dispatches,
    generations,
    heartbeats,
    imports,
    leases,
    quarantine,
    sources,
)

# How many dispatches or imports of each kind one run looks at, those first that are due the longest. As many as a queue
# has room for: what has a message already is looked at again, and must not hide the others.
_LIMIT = MOST_WAITING
# As many events as are counted in a fraction of a second.
_EVENTS_AT_ONCE = 4000
# A failed item that is still due is tried again within five minutes. One that is not, such as a job of a campaign that
# was cancelled, is not shown for longer than this.
_FORGET_AFTER = timedelta(minutes=15)
_LOOPS = (QuarantineLoop.SCHEDULER, QuarantineLoop.JOB)


def run_scheduler(app: AppContext) -> list[Job]:
    """Release expired claims, finish settled dispatches, and return every job that is due, under way or not.

    A dispatch for which no job can be made, such as one on a channel of a kind that is not installed, waits: it is in
    quarantine and shows why, and the jobs of the others are returned.
    """
    require_newest(app)
    advance(app)
    now = app.clock()
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, heartbeats.BEAT, now=now)
        dispatches.resume_due(connection, now=now)
        leases.expire(connection, now=now)
        deliveries.suppress_cancelled(connection, BY_CANCELLATION, now=now)
        dispatches.finish_settled(connection, now=now)
        quarantine.discard_not_due(connection, _LOOPS, before=now - _FORGET_AFTER)
    with app.database.begin() as connection:
        delivery_totals.add_up(connection)
    with app.database.begin() as connection:
        sending = {
            JobKind.PREPARE: dispatches.to_prepare,
            JobKind.RELEASE: dispatches.to_release,
            JobKind.DELIVER: dispatches.stalled,
            JobKind.RESOLVE_UNKNOWN: dispatches.with_unknown,
        }
        due = {
            kind: find(connection, now=now, limit=_LIMIT, resting=key_of_job(kind, ""))
            for kind, find in (sending.items() if generations.sends(connection) else ())
        }
        jobs = [Job(JobKind.IMPORT, n) for n in imports.stalled(connection, now=now, limit=_LIMIT)]
        jobs += [Job(JobKind.AUDIT, n) for n in campaign_audits.stalled(connection, now=now, limit=_LIMIT)]
    if any(due.values()):
        jobs += _dispatch_jobs(app, due)
    with ItemGuard(app, QuarantineLoop.SCHEDULER).item("event totals"):
        count_events(app, most=_EVENTS_AT_ONCE)
    with ItemGuard(app, QuarantineLoop.SCHEDULER).item("documents"), app.database.begin() as connection:
        jobs += document_jobs(app, connection)
    with ItemGuard(app, QuarantineLoop.SCHEDULER).item("notices"):
        jobs += record_notices(app)
    return jobs


def source_jobs(app: AppContext) -> list[Job]:
    """The jobs that read the sources that are due; none in a restored copy that sends nothing, as they may publish."""
    with app.database.begin() as connection:
        if not generations.sends(connection):
            return []
        return [Job(JobKind.RUN_SOURCE, number) for number in sources.due(connection, now=app.clock(), limit=_LIMIT)]


def next_jobs(app: AppContext, kind: JobKind, dispatch_id: int) -> list[Job]:
    """The jobs that follow when a job of this kind has succeeded: its own next step and no one else's.

    A dispatch that is prepared may be released, and so may others of its campaign that waited for it; one that is
    released is delivered. Raises NotFoundError if the kind of a channel is not installed.
    """
    with app.database.begin() as connection:
        if not generations.sends(connection):
            return []
        dispatch = dispatches.find(connection, dispatch_id)
        if kind is JobKind.RELEASE:
            return delivery_jobs([dispatch])
        resting = key_of_job(JobKind.RELEASE, "")
        due = dispatches.to_release(
            connection, now=app.clock(), limit=_LIMIT, resting=resting, campaign_id=dispatch.campaign_id
        )
        return release_jobs(due)


def _dispatch_jobs(app: AppContext, due: Mapping[JobKind, Sequence[int]]) -> list[Job]:
    jobs: list[Job] = []
    guard = ItemGuard(app, QuarantineLoop.SCHEDULER)
    with app.database.begin() as connection:
        found = dispatches.find_many(connection, {number for numbers in due.values() for number in numbers})
    by_id = {dispatch.id: dispatch for dispatch in found}
    for kind, dispatch_ids in due.items():
        usable: list[Dispatch] = []
        for dispatch_id in filter(by_id.__contains__, dispatch_ids):
            with guard.item(key_of_job(kind, dispatch_id), dispatch_id=dispatch_id):
                kind_of(by_id[dispatch_id].kind)
                usable.append(by_id[dispatch_id])
        jobs += _jobs_of(kind, usable)
    return jobs


def _jobs_of(kind: JobKind, found: Sequence[Dispatch]) -> list[Job]:
    if kind is JobKind.DELIVER:
        return delivery_jobs(found)
    ids = [dispatch.id for dispatch in found]
    return release_jobs(ids) if kind is JobKind.RELEASE else [Job(kind, number) for number in ids]
