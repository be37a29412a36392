"""Beat: ticks once a second and rings for what is due. Two of them, or none for a minute, do no harm."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import structlog
from kombu.exceptions import OperationalError
from redis import RedisError

from distributor.domain.errors import DistributorError
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.feedback import tracking
from distributor.flow.operations.scheduler import run_scheduler
from distributor_worker.celery_app import app_context, celery, enqueue

TICK_SECONDS = 1.0
SCAN_EVERY_SECONDS = 30.0
FORGET_EVERY_SECONDS = 3600.0

log = structlog.get_logger("beat")


def run_beat() -> None:
    """Tick until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("beat started")
    next_scan = next_forgetting = 0.0
    while not stop.is_set():
        started = time.monotonic()
        _try("tick", _tick)
        if started >= next_scan:
            next_scan = started + SCAN_EVERY_SECONDS
            _try("scan", _ring_scan)
        if started >= next_forgetting:
            next_forgetting = started + FORGET_EVERY_SECONDS
            _try("forget", _ring_forget)
        stop.wait(max(0.0, TICK_SECONDS - (time.monotonic() - started)))
    log.info("beat stopped")


def _tick() -> None:
    app = app_context()
    recover_journals(app)
    enqueue(run_scheduler(app))
    if tracking.has_waiting_events(app):
        celery.send_task("write_events", queue="default", expires=5, retry=False)


def _ring_scan() -> None:
    celery.send_task("scan", queue="default", expires=SCAN_EVERY_SECONDS, retry=False)


def _ring_forget() -> None:
    celery.send_task("forget", queue="default", expires=FORGET_EVERY_SECONDS, retry=False)


def _try(what: str, act: Callable[[], None]) -> None:
    """The door: PostgreSQL or Redis may be away for a while, and the next second is another chance."""
    try:
        act()
    except (DistributorError, OperationalError, RedisError, OSError) as error:
        log.warning("beat skipped", what=what, reason=str(error))
    except Exception:
        log.exception("beat broke", what=what)
