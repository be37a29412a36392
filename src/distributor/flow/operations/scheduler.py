"""Tick: once a second, see what is due or has stalled, and say whom to ring. Several ticks at once do no harm."""

from __future__ import annotations

from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind, delivery_jobs
from distributor.storage import deliveries, dispatches, heartbeats, imports, leases

# How many dispatches one tick looks after; the next one comes in a second.
_LIMIT = 50


def run_scheduler(app: AppContext) -> list[Job]:
    """Take back what is held by nobody, finish what is settled, and return what there is to do."""
    now = app.clock()
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, "beat", now=now)
        leases.expire(connection, now=now)
        deliveries.suppress_cancelled(connection, "the campaign was cancelled", now=now)
        dispatches.finish_settled(connection, now=now)
    with app.database.begin() as connection:
        rings = [Job(JobKind.RENDER, n, "default") for n in dispatches.to_render(connection, limit=_LIMIT)]
        rings += [Job(JobKind.RELEASE, n, "default") for n in dispatches.to_release(connection, now=now, limit=_LIMIT)]
        for dispatch in dispatches.stalled(connection, now=now, limit=_LIMIT):
            rings.extend(delivery_jobs(dispatch))
        rings += [Job(JobKind.IMPORT, n, "default") for n in imports.stalled(connection, now=now, limit=_LIMIT)]
        rings += [
            Job(JobKind.RESOLVE_UNKNOWN, n, "default")
            for n in dispatches.with_unknown(connection, now=now, limit=_LIMIT)
        ]
    return rings
