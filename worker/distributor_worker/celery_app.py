"""The Celery application and its configuration. Redis only carries messages; the state is in PostgreSQL."""

from __future__ import annotations

from functools import cache

from celery import Celery
from celery.signals import worker_process_init

from distributor.bootstrap import make_app_context
from distributor.channels.registry import kinds
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job
from distributor.settings import load_settings

# A message that no worker has taken by then is dropped: the scheduler enqueues again what is still to do.
JOB_EXPIRES_SECONDS = 5
# Above the longest task: a reply to a message may take ten minutes (RFC 5321 section 4.5.3.2.6).
VISIBILITY_TIMEOUT_SECONDS = 1200

celery = Celery("distributor", include=["distributor_worker.tasks"])
celery.conf.update(
    task_default_queue="default",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=VISIBILITY_TIMEOUT_SECONDS - 60,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "health_check_interval": 10,
    },
)


def connect_broker(redis_url: str) -> None:
    """Use this Redis as the broker of this process."""
    celery.conf.update(broker_url=redis_url)


@cache
def app_context() -> AppContext:
    """The app context of this process, made at its first task: connections must not be shared across a fork."""
    settings = load_settings()
    if settings.database_url is None or settings.redis_url is None:
        raise RuntimeError(
            "DISTRIBUTOR_DATABASE_URL or DISTRIBUTOR_REDIS_URL is not set; start workers with `distributor worker`"
        )
    return make_app_context(
        settings,
        Services(
            database_url=settings.database_url.get_secret_value(), redis_url=settings.redis_url.get_secret_value()
        ),
    )


@worker_process_init.connect
def _warm_up(**_: object) -> None:
    """Load every channel before the first task, which is due already and should not wait for imports."""
    app_context()
    kinds()


def enqueue(jobs: list[Job]) -> None:
    """Send one message for each job. Raises kombu's OperationalError if Redis is down; the scheduler tries again."""
    for job in jobs:
        celery.send_task(
            job.kind.value, args=[job.subject_id], queue=job.queue, expires=JOB_EXPIRES_SECONDS, retry=False
        )
