"""The Celery application and its configuration. Redis only carries messages; the state is in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from celery import Celery, Task
from celery.signals import worker_process_init
from kombu.utils.scheduling import round_robin_cycle

from distributor.bootstrap import make_app_context
from distributor.channels.registry import kinds
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.job_notes import WAITS_SECONDS, RunningJobs, forget_messages, without_message
from distributor.flow.jobs import Job, JobKind, urgency
from distributor.settings import load_settings

# Above the longest task: a reply to a message may take ten minutes (RFC 5321 section 4.5.3.2.6).
VISIBILITY_TIMEOUT_SECONDS = 1200

# Those of this process.
_RUNNING = RunningJobs()


class JobTask(Task):  # type: ignore[type-arg]  # generic only in its stubs
    """A task that does one job and returns those that come next, which are enqueued once it has ended.

    A message for a job that a worker is at already does nothing: what is left then, the scheduler finds.
    """

    def __call__(self, subject_id: int = 0, part: int = 0) -> None:
        """Do the job with these arguments of its message."""
        job, following = Job(JobKind(self.name), subject_id, part), None
        with _RUNNING.hold(app_context(), job, str(self.request.id)) as is_to_be_done:
            if is_to_be_done:
                following = self.run(*job.arguments)
        enqueue(following or [])


class UrgencyCycle(round_robin_cycle):  # type: ignore[type-arg]  # generic only in its stubs
    """The order in which a worker looks for messages: the most urgent queues first, those that are equal in turn."""

    def consume(self, n: int) -> list[str]:  # type: ignore[override]  # read more than once by kombu
        """The queues to look at, in this order."""
        return sorted((self.items or [])[:n], key=urgency)


celery = Celery("distributor", include=["distributor_worker.tasks"], task_cls=JobTask)
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
        "queue_order_strategy": UrgencyCycle,
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


def enqueue(jobs: Sequence[Job]) -> list[Job]:
    """Send one message for each job that has none yet and is not being done; returns the jobs of these messages.

    Raises RedisError, or an error of kombu's, if Redis is down; the scheduler tries again.
    """
    chosen = without_message(app_context(), jobs)
    if not chosen:
        return []
    try:
        # One round trip for all of them; the stubs do not know batches yet.
        with celery.producer_pool.acquire(block=True) as producer, producer.batch():  # type: ignore[attr-defined]
            for job in chosen:
                celery.send_task(
                    job.kind.value,
                    args=job.arguments,
                    queue=job.queue,
                    # What concerns everything is due again soon: of many such messages only the newest is worth doing.
                    expires=None if job.subject_id else WAITS_SECONDS,
                    producer=producer,
                    retry=False,
                )
    except BaseException:
        forget_messages(app_context(), chosen)
        raise
    return chosen
