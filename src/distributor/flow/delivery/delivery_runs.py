"""The delivery runs of one process: those that only wait for a silent server go on in the background.

A server may take ten minutes for a reply (RFC 5321 section 4.5.3.2); a worker that gave up earlier would send twice.
So the run keeps its connections and waits, while its worker serves other campaigns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import RunProgress, deliver, deliver_small
from distributor.flow.jobs import Job, JobKind, delivery_jobs, small_delivery_job
from distributor.flow.quarantine import guarded_job
from distributor.storage import channels, dispatches

# A run that has waited for so long without any outcome waits for silent servers.
SILENT_AFTER = timedelta(seconds=5)
# Each keeps its connections: with more of them in the background, a worker waits with the next.
MAX_IN_BACKGROUND = 8
# One dispatch must not take all of these.
MAX_OF_DISPATCH = 3

log = structlog.get_logger(__name__)


class DeliveryRuns:
    """Runs `deliver` and `deliver_small` in threads. For one caller at a time, as a worker process is.

    A run that fails is a job that failed, in the background too: it is in quarantine with its dispatch, and leaves it
    when a run has worked to its end.
    """

    def __init__(self, *, silent_after: timedelta = SILENT_AFTER) -> None:
        self._silent_after = silent_after
        self._background: list[_Run] = []

    def deliver(self, app: AppContext, dispatch_id: int, *, until: datetime) -> list[Job]:
        """As `deliver`, but returns once the run only waits for servers. It ends with its batch then.

        Does nothing for a dispatch that has enough runs in the background: its servers are silent. Raises errors of a
        service; what else fails is in quarantine.
        """

        def act(progress: RunProgress) -> list[Job]:
            with guarded_job(app, JobKind.DELIVER, dispatch_id):
                return deliver(app, dispatch_id, until=until, progress=progress)
            return []

        def others() -> list[Job]:
            with app.database.begin() as connection:
                return delivery_jobs([dispatches.find(connection, dispatch_id)])[:1]

        about = f"dispatch {dispatch_id}"
        if sum(run.about == about for run in self._alive()) >= MAX_OF_DISPATCH:
            return []
        return self._run(_Run(about, act), others)

    def deliver_small(self, app: AppContext, channel_id: int, *, until: datetime, part: int = 0) -> list[Job]:
        """The same as `deliver_small`. What a run in the background has not handed to the channel is left to others."""

        def act(progress: RunProgress) -> list[Job]:
            return deliver_small(app, channel_id, until=until, part=part, progress=progress)

        def others() -> list[Job]:
            with app.database.begin() as connection:
                return [small_delivery_job(channels.find_by_id(connection, channel_id).kind, channel_id, part)]

        return self._run(_Run(f"channel {channel_id}", act), others)

    def wait(self) -> None:
        """Wait until every run has ended, each after the replies that it waits for."""
        for run in self._background:
            run.join()

    def _run(self, run: _Run, others: Callable[[], list[Job]]) -> list[Job]:
        """Its jobs, or once it only waits, `others`: the scheduler enqueues none while any delivery is leased."""
        run.start()
        while run.is_alive():
            run.join(max(0.05, (self._silent_after - run.progress.silent_for).total_seconds()))
            if self._is_to_wait_in_background(run):
                run.progress.ends_with_batch = True
                self._background.append(run)
                log.info("delivery.in_background", about=run.about, runs=len(self._background))
                return others()
        return run.result()

    def _alive(self) -> list[_Run]:
        self._background = [run for run in self._background if run.is_alive()]
        return self._background

    def _is_to_wait_in_background(self, run: _Run) -> bool:
        return (
            run.is_alive()
            and run.progress.is_waiting
            and run.progress.silent_for >= self._silent_after
            and len(self._alive()) < MAX_IN_BACKGROUND
        )


class _Run(threading.Thread):
    """One run, about a dispatch or a channel. If the process ends first, the journal holds what the run knew."""

    def __init__(self, about: str, act: Callable[[RunProgress], list[Job]]) -> None:
        super().__init__(name=f"deliver {about}", daemon=True)
        self.about = about
        self.progress = RunProgress()
        self._act = act
        self._jobs: list[Job] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._jobs = self._act(self.progress)
        except BaseException as error:
            self._error = error
            if self.progress.ends_with_batch:
                # No one asks for the result any more.
                log.exception("delivery.failed", about=self.about)

    def result(self) -> list[Job]:
        """The jobs that follow, none if it failed. Raises errors of a service."""
        if self._error is not None:
            raise self._error
        return self._jobs
