"""A worker process that runs one task and may crash at a chosen failpoint.

A fork server starts it: it is a process with connections of its own, and costs a fork instead of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from redis import Redis

from distributor.bootstrap import make_templates
from distributor.channels.api import Site
from distributor.channels.registry import kinds
from distributor.domain.tokens import TokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.delivery import lease as delivery_lease
from distributor.flow.delivery.deliver import deliver, deliver_small
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.failpoints import Failpoint, do_nothing
from distributor.flow.jobs import Job, JobKind
from distributor.settings import Settings
from distributor.storage.channels import SecretBox
from distributor.storage.database import Database

_FORKING = multiprocessing.get_context("forkserver")
# Imported once, by the fork server. It would not find this module: before Python 3.12 it looks along its own path.
# SQLAlchemy imports its driver only when it is asked for an engine.
_FORKING.set_forkserver_preload(
    [deliver.__module__, make_templates.__module__, "psycopg", *(k.__module__ for k in kinds().values())]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashAt:
    """The worker kills itself at the `hit`-th time that it passes this failpoint, or sends itself another signal."""

    point: Failpoint
    hit: int
    signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    """The delivery job to do, and the app context to make. `ahead` is by how much the clock is ahead of the real time.

    With `lease` the worker claims for so long, and not for as long as in production.
    """

    database_url: str
    redis_url: str
    secret: bytes
    site: Site
    journal_dir: Path
    ahead: timedelta
    job: Job
    crash: CrashAt | None = None
    lease: timedelta | None = None


def start_worker(task: WorkerTask) -> ForkServerProcess:
    """Start a process that does what the Celery task of the job does."""
    process = _FORKING.Process(target=work, args=(task,))
    process.start()
    return process


def work(task: WorkerTask) -> None:
    """Recover the journals of dead workers, then send what is due."""
    if task.lease is not None:
        delivery_lease.LEASE = task.lease
        delivery_lease.MARGIN = task.lease / 4
    app = _app(task)
    recover_journals(app)
    act = deliver_small if task.job.kind is JobKind.DELIVER_SMALL else deliver
    act(app, task.job.subject_id, until=app.clock() + timedelta(seconds=20))


def _app(task: WorkerTask) -> AppContext:
    nowhere = Path(os.devnull)
    return AppContext(
        database=Database(task.database_url),
        connect_redis=partial(Redis.from_url, task.redis_url),
        configured_site=task.site,
        templates=make_templates(Settings(_env_file=None)),
        tokens=TokenSigner(task.secret),
        vault=SecretBox(task.secret),
        journal_dir=task.journal_dir,
        imports_dir=nowhere,
        content_dir=nowhere,
        clock=lambda: datetime.now(UTC) + task.ahead,
        failpoint=_crashing(task.crash) if task.crash else do_nothing,
    )


def _crashing(crash: CrashAt) -> Callable[[Failpoint], None]:
    left = crash.hit

    def failpoint(point: Failpoint) -> None:
        nonlocal left
        left -= point is crash.point
        if left == 0 and point is crash.point:
            os.kill(os.getpid(), crash.signal)

    return failpoint
