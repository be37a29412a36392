"""Beat: runs the scheduler once a second and enqueues what is due. Two of them, or none for a minute, do no harm."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

import structlog
from kombu.exceptions import KombuError
from redis import RedisError

from distributor.domain.errors import DistributorError
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.feedback import tracking
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.scheduler import run_scheduler, source_jobs
from distributor_worker.celery_app import app_context, enqueue

SCHEDULER_EVERY_SECONDS = 1.0
PURGE_EVERY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def run_beat() -> None:
    """Run the scheduler until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("beat.started")
    next_purge = 0.0
    while not stop.is_set():
        started = time.monotonic()
        for step, act in _STEPS.items():
            _guarded(step, act)
        if started >= next_purge:
            next_purge = started + PURGE_EVERY_SECONDS
            _guarded("purge", _enqueue_purge)
        stop.wait(max(0.0, SCHEDULER_EVERY_SECONDS - (time.monotonic() - started)))
    log.info("beat.stopped")


def _recover() -> None:
    recover_journals(app_context())


def _schedule() -> None:
    sent = enqueue(run_scheduler(app_context()))
    if sent:
        log.info("scheduler.enqueued", **Counter(job.kind.value for job in sent))


def _enqueue_events() -> None:
    if tracking.has_waiting_events(app_context()):
        enqueue([Job(JobKind.WRITE_EVENTS)])


def _enqueue_sources() -> None:
    enqueue(source_jobs(app_context()))


# Every second; one that fails does not keep the others from running.
_STEPS: Mapping[str, Callable[[], None]] = {
    "recovery": _recover,
    "scheduler": _schedule,
    "events": _enqueue_events,
    "sources": _enqueue_sources,
}


def _enqueue_purge() -> None:
    enqueue([Job(JobKind.PURGE)])


def _guarded(step: str, act: Callable[[], None]) -> None:
    """Log errors instead of ending: PostgreSQL or Redis may be away for a while, and the next second tries again."""
    try:
        act()
    except (DistributorError, KombuError, RedisError, OSError) as error:
        log.warning("beat.skipped", step=step, reason=str(error))
    except Exception:
        log.exception("beat.failed", step=step)
