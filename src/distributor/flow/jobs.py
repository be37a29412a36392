"""Rings: what one step says to whoever should do the next. They carry numbers and may be lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.channels.registry import kind_of
from distributor.domain.campaign import Dispatch

# One worker is rung for each so many of an audience, up to the limit.
_AUDIENCE_PER_WORKER = 1000
_MOST_WORKERS = 8


class JobKind(StrEnum):
    """The steps that a dispatch, or an import, may be rung for."""

    RENDER = "render"
    RELEASE = "release"
    DELIVER = "deliver"
    SETTLE = "settle"
    IMPORT = "import_people"


@dataclass(frozen=True, slots=True)
class Job:
    """Somebody who listens on `queue` should do `verb` to this dispatch or import. It may be lost or doubled."""

    verb: JobKind
    subject_id: int
    queue: str


def delivery_jobs(dispatch: Dispatch) -> list[Job]:
    """Rings for as many workers as the audience of a running dispatch is worth."""
    wanted = -(-(dispatch.audience or 1) // _AUDIENCE_PER_WORKER)
    queue = kind_of(dispatch.kind).capabilities.queue
    return [Job(JobKind.DELIVER, dispatch.id, queue)] * max(1, min(wanted, _MOST_WORKERS))
