"""The lease of a delivery run as its worker measures it, so that it sends nothing once the lease may have run out.

The database ends a lease at a time; a worker that was stopped meanwhile (SIGSTOP, a suspended machine) does not notice
by itself. So the worker measures its lease from before the statement that claims, by a clock that goes on while the
machine is suspended, and ends it earlier than the database does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.domain.errors import LeaseLostError

LEASE = timedelta(seconds=90)
RENEW_EVERY = timedelta(seconds=20)
# By how much the worker's lease ends before that of the database: for the time from the check to the network, and for
# machines whose clocks differ.
MARGIN = timedelta(seconds=20)

# Linux: the time since the start, that of suspension included. Other systems: the monotonic clock.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_time() -> timedelta:
    """The time since the machine started, as far as the system can tell including the time that it was suspended."""
    return timedelta(seconds=time.clock_gettime(_BOOT_CLOCK))


@dataclass(frozen=True, slots=True)
class _Term:
    """One lease: its end by the boot clock and by the clock of the app."""

    by_boot_time: timedelta
    by_clock: datetime


class WorkerLease:
    """The lease on everything that one worker holds. It has run out before the first claim."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._term: _Term | None = None
        # A renewal and a claim at the same time could each take the other's deliveries for renewed.
        self._changing = threading.Lock()

    @contextmanager
    def claim(self) -> Iterator[datetime]:
        """A new lease, for the transaction in the block: yields the end to store. It counts once that is committed."""
        with self._changing:
            start = self._term_from_now()
            yield self._clock() + LEASE
            self._term = start

    @contextmanager
    def renew(self) -> Iterator[datetime]:
        """As `claim`, for the same deliveries: a lease that has run out by the commit may have passed to others."""
        with self._changing:
            start = self._term_from_now()
            yield self._clock() + LEASE
            if not self.has_run_out:
                self._term = start

    @property
    def has_run_out(self) -> bool:
        """Whether other workers may hold by now what this one has claimed."""
        term = self._term
        # A virtual machine may be suspended without its boot clock: its host sets the other clock when it resumes.
        return term is None or boot_time() >= term.by_boot_time or self._clock() >= term.by_clock

    def check(self) -> None:
        """Raises LeaseLostError once the lease may have run out."""
        if self.has_run_out:
            raise LeaseLostError("the worker was stopped or cut off for longer than its lease: nothing more is sent")

    def _term_from_now(self) -> _Term:
        lasting = LEASE - MARGIN
        return _Term(by_boot_time=boot_time() + lasting, by_clock=self._clock() + lasting)
