"""The tasks: a name and one call each. They carry ids and may be lost, doubled or late without harm."""

from __future__ import annotations

from datetime import timedelta

from distributor.flow.delivery import deliver as delivering
from distributor.flow.delivery import recovery
from distributor.flow.feedback import tracking
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.people import import_people as importing
from distributor.flow.people import retention
from distributor.flow.publishing import ingest
from distributor.flow.publishing import release as releasing
from distributor.flow.publishing import render as rendering
from distributor_worker.celery_app import app_context, celery, enqueue

# A task ends about then; what is left is rung for again, so that workers can be stopped and shared out fairly.
DELIVER_FOR = timedelta(seconds=20)
IMPORT_FOR = timedelta(seconds=20)


@celery.task(name="scan")
def scan() -> None:
    """Look for new and changed articles in the folder source."""
    app = app_context()
    # A machine that only sends need not have the folder.
    if app.content_dir.is_dir():
        ingest.scan(app)


@celery.task(name="render")
def render(dispatch_id: int) -> None:
    """Freeze what a dispatch will say."""
    if rendering.render(app_context(), dispatch_id):
        enqueue(run_scheduler(app_context()))


@celery.task(name="release")
def release(dispatch_id: int) -> None:
    """Freeze a dispatch's audience and let it run."""
    if releasing.release(app_context(), dispatch_id):
        enqueue(run_scheduler(app_context()))


@celery.task(name="deliver")
def deliver(dispatch_id: int) -> None:
    """Send what is due of a dispatch; what is left after a while goes to the end of the queue."""
    app = app_context()
    # Somebody of this machine may have died in the middle of the same dispatch.
    recovery.recover_journals(app)
    enqueue(delivering.deliver(app, dispatch_id, until=app.clock() + DELIVER_FOR))


@celery.task(name="import_people")
def import_people(import_id: int) -> None:
    """Bring in people of a file; what is left after a while goes to the end of the queue."""
    app = app_context()
    enqueue(importing.work_on_import(app, import_id, until=app.clock() + IMPORT_FOR))


@celery.task(name="settle")
def settle_doubtful(dispatch_id: int) -> None:
    """Look into the deliveries of a dispatch whose outcome is unknown."""
    recovery.resolve_unknown(app_context(), dispatch_id)


@celery.task(name="write_events")
def write_events() -> None:
    """Write the events that wait in Redis to the ledger."""
    tracking.write_events(app_context())


@celery.task(name="forget")
def forget() -> None:
    """Take away what is kept no longer."""
    retention.purge_expired(app_context())
