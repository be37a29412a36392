"""Jobs: what a step enqueues for the next one. A job carries an id only, and may be lost, duplicated or late."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.channels.registry import kind_of
from distributor.domain.campaign import Dispatch

# One delivery job for each so many recipients, up to the limit.
_AUDIENCE_PER_WORKER = 1000
_MAX_WORKERS = 8


class JobKind(StrEnum):
    """What a job does with its dispatch, import, channel or audit. The values are the names of the Celery tasks."""

    PREPARE = "prepare"
    RELEASE = "release"
    DELIVER = "deliver"
    RESOLVE_UNKNOWN = "resolve_unknown"
    IMPORT = "import_people"
    BUILD_DOCUMENTS = "build_documents"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Job:
    """Do `kind` for the dispatch, import, channel or audit with this id, on a worker that consumes `queue`."""

    kind: JobKind
    subject_id: int
    queue: str


def jobs_for(kind: JobKind, dispatch: Dispatch) -> list[Job]:
    """The jobs of this kind for a dispatch. Raises NotFoundError if the kind of its channel is not installed."""
    kind_of(dispatch.kind)
    return delivery_jobs(dispatch) if kind is JobKind.DELIVER else [Job(kind, dispatch.id, "default")]


def delivery_jobs(dispatch: Dispatch) -> list[Job]:
    """As many delivery jobs as the audience of a running dispatch needs workers."""
    wanted = -(-(dispatch.audience_size or 1) // _AUDIENCE_PER_WORKER)
    queue = kind_of(dispatch.kind).capabilities.queue
    return [Job(JobKind.DELIVER, dispatch.id, queue)] * max(1, min(wanted, _MAX_WORKERS))
