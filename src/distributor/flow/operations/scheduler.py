"""The scheduler: once a second, find what is due or has stalled. Several schedulers at once do no harm."""

from __future__ import annotations

from collections import Counter

import structlog

from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind, delivery_jobs
from distributor.flow.publications import document_jobs
from distributor.storage import deliveries, dispatches, heartbeats, imports, leases

# How many dispatches or imports of each kind one run looks at; the next run is a second later.
_LIMIT = 50

log = structlog.get_logger(__name__)


def run_scheduler(app: AppContext) -> list[Job]:
    """Release expired claims, finish settled dispatches, and return the jobs to enqueue."""
    now = app.clock()
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, "beat", now=now)
        leases.expire(connection, now=now)
        deliveries.suppress_cancelled(connection, "the campaign was cancelled", now=now)
        dispatches.finish_settled(connection, now=now)
    with app.database.begin() as connection:
        jobs = [Job(JobKind.RENDER, n, "default") for n in dispatches.to_render(connection, limit=_LIMIT)]
        jobs += [Job(JobKind.RELEASE, n, "default") for n in dispatches.to_release(connection, now=now, limit=_LIMIT)]
        for dispatch in dispatches.stalled(connection, now=now, limit=_LIMIT):
            jobs.extend(delivery_jobs(dispatch))
        jobs += [Job(JobKind.IMPORT, n, "default") for n in imports.stalled(connection, now=now, limit=_LIMIT)]
        jobs += [
            Job(JobKind.RESOLVE_UNKNOWN, n, "default")
            for n in dispatches.with_unknown(connection, now=now, limit=_LIMIT)
        ]
    with app.database.begin() as connection:
        jobs += document_jobs(app, connection)
    if jobs:
        log.info("scheduler.enqueued", **Counter(job.kind.value for job in jobs))
    return jobs
