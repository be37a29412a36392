"""Which jobs have a message on a queue, or are being done: so that no job has two messages, however often it is due.

What is to be done is in the ledger, and the scheduler finds it there again every second. What is noted here is in Redis
like the messages themselves, and only saves messages: a note that is lost makes one message too many, and one whose
message was lost keeps its job waiting until the note expires, a minute at most.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from redis import RedisError

from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job

# A message that no worker has taken by then may be lost. A job that is due gets another one.
WAITS_SECONDS = 60
# A job whose worker has not said for so long that it is at it is not being done any more.
RUNS_SECONDS = 6
_RENEW_EVERY_SECONDS = 2.0
# A queue that no worker consumes does not grow beyond this; what has no room waits in the ledger.
MOST_WAITING = 1000

_WAITING = "distributor:job:waiting:"
_RUNNING = "distributor:job:running:"


def without_message(app: AppContext, jobs: Sequence[Job]) -> list[Job]:
    """Those of the jobs that need a message: none has been sent, and no worker is at it. Notes that they have one now.

    Leaves out those for which there is no room on their queue. Raises RedisError.
    """
    if not jobs:
        return []
    queues = sorted({job.queue for job in jobs})
    pipeline = app.redis.pipeline(transaction=False)
    for queue in queues:
        pipeline.llen(queue)
    for job in jobs:
        pipeline.exists(f"{_RUNNING}{job}", f"{_WAITING}{job}")
    answers = pipeline.execute()
    room = {queue: MOST_WAITING - int(length) for queue, length in zip(queues, answers, strict=False)}
    chosen: list[Job] = []
    for job, is_noted in zip(jobs, answers[len(queues) :], strict=True):
        if not is_noted and room[job.queue] > 0:
            room[job.queue] -= 1
            chosen.append(job)
    pipeline = app.redis.pipeline(transaction=False)
    for job in chosen:
        pipeline.set(f"{_WAITING}{job}", 1, nx=True, ex=WAITS_SECONDS)
    return [job for job, is_new in zip(chosen, pipeline.execute(), strict=True) if is_new]


def forget_messages(app: AppContext, jobs: Sequence[Job]) -> None:
    """Messages of these jobs could not be sent. If Redis is away, their notes expire."""
    with suppress(RedisError):
        app.redis.delete(*(f"{_WAITING}{job}" for job in jobs))


class RunningJobs:
    """The jobs that this process is doing: each is noted for as long as it takes."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[AppContext, str]] = {}
        self._lock = threading.Lock()
        self._renewing: threading.Thread | None = None

    @contextmanager
    def hold(self, app: AppContext, job: Job, message_id: str) -> Iterator[bool]:
        """Whether the job is to be done for this message; False while another message has it done.

        If Redis is away, it is done: every step is safe when it is done twice.
        """
        key, is_free = f"{_RUNNING}{job}", True
        with suppress(RedisError):
            pipeline = app.redis.pipeline(transaction=False)
            pipeline.set(key, message_id, nx=True, ex=RUNS_SECONDS)
            pipeline.delete(f"{_WAITING}{job}")
            is_free = bool(pipeline.execute()[0])
        if not is_free:
            yield False
            return
        with self._lock:
            self._held[key] = (app, message_id)
        self._start_renewing()
        try:
            yield True
        finally:
            with self._lock:
                self._held.pop(key, None)
                # Inside the lock: nothing renews it afterwards.
                with suppress(RedisError):
                    app.redis.delete(key)

    def _start_renewing(self) -> None:
        if self._renewing is None or not self._renewing.is_alive():
            self._renewing = threading.Thread(target=self._renew, name="renew-job-notes", daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        pause = threading.Event()
        while not pause.wait(_RENEW_EVERY_SECONDS):
            with self._lock:
                for key, (app, message_id) in self._held.items():
                    with suppress(RedisError):
                        app.redis.set(key, message_id, ex=RUNS_SECONDS)
