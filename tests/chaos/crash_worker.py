"""A worker process that does one task and may be told to die on the way.

Started by a fork server: each is a process of its own with its own connections, and costs a fork instead of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from redis import Redis

from distributor.bootstrap import make_templates
from distributor.channels.api import Site
from distributor.channels.registry import kinds
from distributor.domain.tokens import TokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.failpoints import Failpoint, do_nothing
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
class Doom:
    """Death at the `passage`-th time that the process comes by this point."""

    point: Failpoint
    passage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the process is to do, and on which app. `ahead` is by how much its clock goes before the real."""

    database_url: str
    redis_url: str
    secret: bytes
    site: Site
    journal_dir: Path
    ahead: timedelta
    dispatch_id: int
    doom: Doom | None = None


def start_worker(orders: Orders) -> ForkServerProcess:
    """A process that does what Celery's task `deliver` does."""
    process = _FORKING.Process(target=work, args=(orders,))
    process.start()
    return process


def work(orders: Orders) -> None:
    """Settle what the dead have left, then send what is due."""
    app = _app(orders)
    recover_journals(app)
    deliver(app, orders.dispatch_id, until=app.clock() + timedelta(seconds=20))


def _app(orders: Orders) -> AppContext:
    nowhere = Path(os.devnull)
    return AppContext(
        database=Database(orders.database_url),
        redis=Redis.from_url(orders.redis_url),
        site=orders.site,
        templates=make_templates(Settings(_env_file=None)),
        tokens=TokenSigner(orders.secret),
        vault=SecretBox(orders.secret),
        journal_dir=orders.journal_dir,
        imports_dir=nowhere,
        content_dir=nowhere,
        clock=lambda: datetime.now(UTC) + orders.ahead,
        failpoint=_dying(orders.doom) if orders.doom else do_nothing,
    )


def _dying(doom: Doom) -> Callable[[Failpoint], None]:
    left = doom.passage

    def failpoint(point: Failpoint) -> None:
        nonlocal left
        left -= point is doom.point
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return failpoint
