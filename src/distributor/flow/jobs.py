"""Jobs: what is to be done next, by kind of work. A job carries an id only, and may be lost, duplicated or late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from distributor.channels.registry import kind_of
from distributor.domain.campaign import Dispatch

# One delivery job for each so many recipients, up to the limit.
_AUDIENCE_PER_WORKER = 1000
_MAX_WORKERS = 8


class JobKind(StrEnum):
    """What a job does with its dispatch, import, channel, audit or notice; the values are the names of its task."""

    PREPARE = "prepare"
    RELEASE = "release"
    DELIVER = "deliver"
    RESOLVE_UNKNOWN = "resolve_unknown"
    IMPORT = "import_people"
    BUILD_DOCUMENTS = "build_documents"
    AUDIT = "audit"
    WRITE_EVENTS = "write_events"
    SCAN = "scan"
    PURGE = "purge"
    TELL = "tell"


# Each kind of work has a queue of its own, and deliveries that of their channel. A worker is started for groups of
# them: `urgent` is short and has a time, `background` may take long and has none, `default` is both. Only a worker that
# takes nothing in the background never keeps waiting what is due.
_URGENT = (JobKind.RELEASE, JobKind.WRITE_EVENTS, JobKind.PREPARE)
_BACKGROUND = (JobKind.RESOLVE_UNKNOWN, JobKind.IMPORT, JobKind.AUDIT, JobKind.SCAN, JobKind.PURGE, JobKind.TELL)
_GROUPS = {"urgent": _URGENT, "background": _BACKGROUND, "default": (*_URGENT, *_BACKGROUND)}


@dataclass(frozen=True, slots=True)
class Job:
    """Do `kind` for what has this id, such as a dispatch or an import; 0 for a kind that concerns no single one.

    A dispatch that needs several workers has several delivery jobs, which differ in their `part`.
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
        if not self.subject_id:
            return ()
        return (self.subject_id, self.part) if self.part else (self.subject_id,)

    def __str__(self) -> str:
        return ":".join(map(str, (self.kind.value, *self.arguments)))


def jobs_for(kind: JobKind, dispatch: Dispatch) -> list[Job]:
    """The jobs of this kind for a dispatch. Raises NotFoundError if the kind of its channel is not installed."""
    kind_of(dispatch.kind)
    return delivery_jobs(dispatch) if kind is JobKind.DELIVER else [Job(kind, dispatch.id)]


def delivery_jobs(dispatch: Dispatch) -> list[Job]:
    """As many delivery jobs as the audience of a running dispatch needs workers."""
    wanted = -(-(dispatch.audience_size or 1) // _AUDIENCE_PER_WORKER)
    queue = kind_of(dispatch.kind).capabilities.queue
    return [Job(JobKind.DELIVER, dispatch.id, part, queue) for part in range(max(1, min(wanted, _MAX_WORKERS)))]


def consumed_queues(names: Iterable[str]) -> list[str]:
    """The queues that a worker consumes which was started for these, of which some stand for several."""
    return [queue for name in names for queue in _GROUPS.get(name, (name,))]


def urgency(queue: str) -> int:
    """How urgent the jobs of a queue are, 0 the most: what is due now, what is due soon, the background.

    Events are due now as well: one job a second stores them, and a thousand releases must not keep them waiting.
    """
    if queue in _BACKGROUND:
        return 2
    return 1 if queue == JobKind.PREPARE else 0
