"""A worker's lease: it runs out by the boot clock or by the app's, earlier than in the database, and stays lost."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from distributor.domain.errors import LeaseLostError
from distributor.flow.delivery import lease as delivery_lease
from distributor.flow.delivery.lease import LEASE, MARGIN, WorkerLease, boot_time

SECOND = timedelta(seconds=1)


class Times:
    """The boot clock and the app's clock, as a test moves them."""

    def __init__(self) -> None:
        self.booted = timedelta(days=3)
        self.now = datetime(2026, 3, 4, tzinfo=UTC)

    def pass_by(self, time: timedelta) -> None:
        self.booted += time
        self.now += time


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    made = Times()
    monkeypatch.setattr(delivery_lease, "boot_time", lambda: made.booted)
    return made


def claimed(times: Times) -> WorkerLease:
    lease = WorkerLease(lambda: times.now)
    with lease.claim():
        pass
    return lease


def test_before_the_first_claim_nothing_may_be_sent(times: Times) -> None:
    with pytest.raises(LeaseLostError):
        WorkerLease(lambda: times.now).check()


def test_a_lease_ends_for_its_worker_earlier_than_in_the_database(times: Times) -> None:
    lease = WorkerLease(lambda: times.now)
    with lease.claim() as lease_until:
        assert lease_until == times.now + LEASE
    times.pass_by(LEASE - MARGIN - SECOND)
    lease.check()
    times.pass_by(SECOND)
    with pytest.raises(LeaseLostError):
        lease.check()


def test_a_lease_counts_from_before_its_statement_however_long_that_takes(times: Times) -> None:
    lease = WorkerLease(lambda: times.now)
    with lease.claim():
        times.pass_by(LEASE - MARGIN)
    assert lease.has_run_out


def test_a_suspended_machine_loses_its_lease_though_its_clock_stood_still(times: Times) -> None:
    lease = claimed(times)
    times.booted += LEASE
    assert lease.has_run_out


def test_a_suspended_virtual_machine_loses_its_lease_once_its_clock_is_set(times: Times) -> None:
    lease = claimed(times)
    times.now += LEASE
    assert lease.has_run_out


def test_a_renewal_extends_a_lease_that_lasts(times: Times) -> None:
    lease = claimed(times)
    times.pass_by(LEASE - MARGIN - SECOND)
    with lease.renew():
        pass
    times.pass_by(LEASE - MARGIN - SECOND)
    lease.check()


def test_a_renewal_that_is_not_committed_extends_nothing(times: Times) -> None:
    lease = claimed(times)
    times.pass_by(LEASE - MARGIN - SECOND)
    with pytest.raises(RuntimeError), lease.renew():
        raise RuntimeError("PostgreSQL is away")
    times.pass_by(SECOND)
    assert lease.has_run_out


def test_a_renewal_that_comes_back_too_late_does_not_revive_a_lease(times: Times) -> None:
    lease = claimed(times)
    times.pass_by(LEASE - MARGIN - SECOND)
    with lease.renew():
        times.pass_by(SECOND)
    assert lease.has_run_out
    with lease.claim():
        pass
    lease.check()


def test_the_boot_clock_goes_on_and_is_not_behind_the_monotonic_clock() -> None:
    first = boot_time()
    assert first.total_seconds() >= time.monotonic() - 1
    assert boot_time() >= first
