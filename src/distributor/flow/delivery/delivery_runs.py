"""The delivery runs of one process: those that only wait for a silent server go on in the background.

A server may take ten minutes for a reply (RFC 5321 section 4.5.3.2); a worker that gave up earlier would send twice.
So the run keeps its connections and waits, while its worker serves other campaigns.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog

from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import RunProgress, deliver
from distributor.flow.jobs import Job, JobKind, delivery_jobs
from distributor.flow.quarantine import guarded_job
from distributor.storage import dispatches

# A run that has waited for so long without any outcome waits for silent servers.
SILENT_AFTER = timedelta(seconds=5)
# Each keeps its connections: with more of them in the background, a worker waits with the next.
MAX_IN_BACKGROUND = 8
# One dispatch must not take all of these.
MAX_OF_DISPATCH = 3

log = structlog.get_logger(__name__)


class DeliveryRuns:
    """Runs `deliver` in threads. For one caller at a time, as a worker process is.

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
        self._background = [run for run in self._background if run.is_alive()]
        if sum(run.dispatch_id == dispatch_id for run in self._background) >= MAX_OF_DISPATCH:
            return []
        run = _Run(app, dispatch_id, until)
        run.start()
        while run.is_alive():
            run.join(max(0.05, (self._silent_after - run.progress.silent_for).total_seconds()))
            if self._is_to_wait_in_background(run):
                run.progress.ends_with_batch = True
                self._background.append(run)
                log.info("delivery.in_background", dispatch_id=dispatch_id, runs=len(self._background))
                return self._jobs_for_others(app, dispatch_id)
        return run.result()

    def wait(self) -> None:
        """Wait until every run has ended, each after the replies that it waits for."""
        for run in self._background:
            run.join()

    def _is_to_wait_in_background(self, run: _Run) -> bool:
        return (
            run.is_alive()
            and run.progress.is_waiting
            and run.progress.silent_for >= self._silent_after
            and len(self._background) < MAX_IN_BACKGROUND
        )

    def _jobs_for_others(self, app: AppContext, dispatch_id: int) -> list[Job]:
        """A job for what the run has not claimed: the scheduler enqueues none while any delivery is leased."""
        with app.database.begin() as connection:
            return delivery_jobs(dispatches.find(connection, dispatch_id))[:1]


class _Run(threading.Thread):
    """One run of `deliver`. If the process ends first, the journal holds what the run knew."""

    def __init__(self, app: AppContext, dispatch_id: int, until: datetime) -> None:
        super().__init__(name=f"deliver-{dispatch_id}", daemon=True)
        self.dispatch_id = dispatch_id
        self.progress = RunProgress()
        self._app = app
        self._until = until
        self._jobs: list[Job] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            with guarded_job(self._app, JobKind.DELIVER, self.dispatch_id):
                self._jobs = deliver(self._app, self.dispatch_id, until=self._until, progress=self.progress)
        except BaseException as error:
            self._error = error
            if self.progress.ends_with_batch:
                # No one asks for the result any more.
                log.exception("delivery.failed", dispatch_id=self.dispatch_id)

    def result(self) -> list[Job]:
        """What `deliver` returned, nothing if it failed. Raises errors of a service."""
        if self._error is not None:
            raise self._error
        return self._jobs
