"""Jobs: what is to be done next, by kind of work. A job carries an id only, and may be lost, duplicated or late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from distributor.channels.registry import kind_of
from distributor.domain.campaign import Dispatch

# One delivery job for each so many recipients, up to the limit.
_AUDIENCE_PER_WORKER = 1000
_MAX_WORKERS = 8
# Dispatches to no more recipients than this are small: several of one channel are sent by one job.
SMALL_AUDIENCE = 100
# So many dispatches are released in one transaction, or sent by one run: many more would wait for each other.
DISPATCHES_AT_ONCE = 25


class JobKind(StrEnum):
    """What a job does with its dispatch, import, channel, audit, source or notice; the values name its task."""

    PREPARE = "prepare"
    RELEASE = "release"
    RELEASE_DUE = "release_due"
    DELIVER = "deliver"
    DELIVER_SMALL = "deliver_small"
    RESOLVE_UNKNOWN = "resolve_unknown"
    IMPORT = "import_people"
    BUILD_DOCUMENTS = "build_documents"
    AUDIT = "audit"
    WRITE_EVENTS = "write_events"
    RUN_SOURCE = "run_source"
    PURGE = "purge"
    TELL = "tell"


# Each kind of work has a queue of its own, and deliveries that of their channel. A worker is started for groups of
# them: `urgent` is short and has a time, `background` may take long and has none, `default` is both. Only a worker that
# takes nothing in the background never keeps waiting what is due.
_URGENT = (JobKind.RELEASE, JobKind.RELEASE_DUE, JobKind.WRITE_EVENTS, JobKind.PREPARE)
_BACKGROUND = (JobKind.RESOLVE_UNKNOWN, JobKind.IMPORT, JobKind.AUDIT, JobKind.RUN_SOURCE, JobKind.PURGE, JobKind.TELL)
_GROUPS = {"urgent": _URGENT, "background": _BACKGROUND, "default": (*_URGENT, *_BACKGROUND)}


@dataclass(frozen=True, slots=True)
class Job:
    """Do `kind` for what has this id, such as a dispatch or an import; 0 for a kind that concerns no single one.

    What needs several workers, such as a dispatch with many recipients, has several jobs, which differ in their `part`.
    """

    kind: JobKind
    subject_id: int = 0
    part: int = 0
    # The queue of the channel's kind, for work that is done with a channel.
    channel_queue: str = ""

    @property
    def queue(self) -> str:
        """The queue of its messages: that of the channel, or one for each kind of work."""
        return self.channel_queue or self.kind.value

    @property
    def arguments(self) -> tuple[int, ...]:
        """What its message carries."""
        if self.part:
            return (self.subject_id, self.part)
        return (self.subject_id,) if self.subject_id else ()

    def __str__(self) -> str:
        return ":".join(map(str, (self.kind.value, *self.arguments)))


def release_jobs(dispatch_ids: Sequence[int]) -> list[Job]:
    """The jobs that release these dispatches: several are released together."""
    if len(dispatch_ids) > 1:
        return [Job(JobKind.RELEASE_DUE, part=part) for part in range(_workers(len(dispatch_ids), DISPATCHES_AT_ONCE))]
    return [Job(JobKind.RELEASE, number) for number in dispatch_ids]


def delivery_jobs(dispatches: Iterable[Dispatch]) -> list[Job]:
    """As many delivery jobs as running dispatches need workers: small ones of one channel are sent together.

    Raises NotFoundError if the kind of a channel is not installed.
    """
    jobs: list[Job] = []
    small: dict[int, list[Dispatch]] = defaultdict(list)
    for dispatch in dispatches:
        if (dispatch.audience_size or 0) <= SMALL_AUDIENCE:
            small[dispatch.channel_id].append(dispatch)
        else:
            jobs += _own_jobs(dispatch)
    for channel_id, together in small.items():
        if len(together) == 1:
            jobs += _own_jobs(together[0])
        else:
            parts = range(_workers(len(together), DISPATCHES_AT_ONCE))
            jobs += [small_delivery_job(together[0].kind, channel_id, part) for part in parts]
    return jobs


def small_delivery_job(kind: str, channel_id: int, part: int = 0) -> Job:
    """The job that sends small dispatches of a channel of this kind. Raises NotFoundError if it is not installed."""
    return Job(JobKind.DELIVER_SMALL, channel_id, part, kind_of(kind).capabilities.queue)


def _own_jobs(dispatch: Dispatch) -> list[Job]:
    queue = kind_of(dispatch.kind).capabilities.queue
    parts = range(_workers(dispatch.audience_size or 1, _AUDIENCE_PER_WORKER))
    return [Job(JobKind.DELIVER, dispatch.id, part, queue) for part in parts]


def _workers(work: int, each: int) -> int:
    """How many workers so much work needs if each takes so much of it."""
    return max(1, min(-(-work // each), _MAX_WORKERS))


def consumed_queues(names: Iterable[str]) -> list[str]:
    """The queues that a worker consumes which was started for these, of which some stand for several."""
    return [queue for name in names for queue in _GROUPS.get(name, (name,))]


def urgency(queue: str) -> int:
    """How urgent the jobs of a queue are, 0 the most: what is due now, what is due soon, the background.

    Events are due now as well: one job a second stores them, and a thousand releases must not keep them waiting.
    """
    if is_background(queue):
        return 2
    return 1 if queue == JobKind.PREPARE else 0


def is_background(queue: str) -> bool:
    """Whether the jobs of a queue may take long and have no time."""
    return queue in _BACKGROUND
