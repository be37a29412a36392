"""The Celery tasks: each has the name of a kind of job, makes one call, and returns the jobs that come next.

Messages carry ids and may be lost, duplicated or late.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from celery.signals import worker_process_shutdown

from distributor.flow import publications
from distributor.flow.articles import source_runs
from distributor.flow.delivery import recovery, tell_notices
from distributor.flow.delivery.delivery_runs import DeliveryRuns
from distributor.flow.feedback import tracking
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations import audit_runs
from distributor.flow.operations.scheduler import next_jobs
from distributor.flow.people import import_people as importing
from distributor.flow.people import retention
from distributor.flow.publishing import prepare as preparing
from distributor.flow.publishing import release as releasing
from distributor.flow.quarantine import guarded_job
from distributor_worker.celery_app import app_context, celery

# A task ends after about this long and enqueues the rest, so that workers can be stopped and are shared fairly.
DELIVER_FOR = timedelta(seconds=20)
IMPORT_FOR = timedelta(seconds=20)
AUDIT_FOR = timedelta(seconds=20)
PURGE_FOR = timedelta(seconds=20)

# Those of this process.
_DELIVERY_RUNS = DeliveryRuns()


@celery.task(name="run_source")
def run_source(source_id: int) -> None:
    """Read a source, and take in what is new; what is left is due again at once."""
    source_runs.run_source(app_context(), source_id)


@celery.task(name="prepare")
def prepare(dispatch_id: int) -> list[Job]:
    """Make the rendition of a dispatch that starts soon, and compare it with the reviewed one."""
    app = app_context()
    with guarded_job(app, JobKind.PREPARE, dispatch_id):
        if preparing.prepare(app, dispatch_id):
            return next_jobs(app, JobKind.PREPARE, dispatch_id)
    return []


@celery.task(name="release")
def release(dispatch_id: int) -> list[Job]:
    """Freeze a dispatch's audience and start it."""
    app = app_context()
    with guarded_job(app, JobKind.RELEASE, dispatch_id):
        if releasing.release(app, dispatch_id):
            return next_jobs(app, JobKind.RELEASE, dispatch_id)
    return []


@celery.task(name="release_due")
def release_due(_: int = 0, part: int = 0) -> list[Job]:
    """Release several dispatches that are due together."""
    return releasing.release_due(app_context(), part=part)


@celery.task(name="deliver")
def deliver(dispatch_id: int, part: int = 0) -> list[Job]:
    """Send the due deliveries of a dispatch; the rest goes to the end of the queue after a while."""
    app = app_context()
    # Another worker of this machine may have died while it sent the same dispatch.
    recovery.recover_journals(app)
    following = _DELIVERY_RUNS.deliver(app, dispatch_id, until=app.clock() + DELIVER_FOR)
    return [replace(job, part=part) for job in following]


@celery.task(name="deliver_small")
def deliver_small(channel_id: int, part: int = 0) -> list[Job]:
    """Send small dispatches of a channel that are due together."""
    app = app_context()
    recovery.recover_journals(app)
    return _DELIVERY_RUNS.deliver_small(app, channel_id, until=app.clock() + DELIVER_FOR, part=part)


@worker_process_shutdown.connect
def _wait_for_servers(**_: object) -> None:
    """A worker that is stopped waits for the replies that its runs in the background wait for."""
    _DELIVERY_RUNS.wait()


@celery.task(name="import_people")
def import_people(import_id: int) -> list[Job]:
    """Import subscribers from a file; the rest goes to the end of the queue after a while."""
    app = app_context()
    return importing.work_on_import(app, import_id, until=app.clock() + IMPORT_FOR)


@celery.task(name="audit")
def audit(audit_id: int) -> list[Job]:
    """Compare the deliveries of a campaign with the evidence; the rest goes to the end of the queue after a while."""
    app = app_context()
    return audit_runs.work_on_audit(app, audit_id, until=app.clock() + AUDIT_FOR)


@celery.task(name="tell")
def tell(notice_id: int) -> None:
    """Tell operators what a notice says, by mail and by the web hook."""
    tell_notices.tell(app_context(), notice_id)


@celery.task(name="resolve_unknown")
def resolve_unknown(dispatch_id: int) -> None:
    """Find out what happened to the deliveries of a dispatch whose outcome is unknown."""
    app = app_context()
    with guarded_job(app, JobKind.RESOLVE_UNKNOWN, dispatch_id):
        recovery.resolve_unknown(app, dispatch_id)


@celery.task(name="build_documents")
def build_documents(channel_id: int) -> None:
    """Build the documents of the kind of this channel that are stale."""
    publications.build_documents(app_context(), channel_id)


@celery.task(name="write_events")
def write_events() -> None:
    """Write the events that wait in Redis to the database."""
    tracking.write_events(app_context())


@celery.task(name="purge")
def purge() -> list[Job]:
    """Remove what has passed its retention time; the rest goes to the end of the queue after a while."""
    app = app_context()
    done = retention.purge_expired(app, until=app.clock() + PURGE_FOR)
    return [] if done.is_complete else [Job(JobKind.PURGE)]
