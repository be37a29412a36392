"""The journal of one delivery run, written and read back, whatever happens to its bytes."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import DiskFullError, ServiceError
from distributor.flow.failpoints import do_nothing
from distributor.flow.journal import (
    JournalContent,
    WorkerJournal,
    boot_id,
    held_orphan,
    is_of_this_boot,
    journal_files,
    open_journal,
    parse_journal,
    worker_of,
)

OUTCOMES = [
    Outcome(delivery_id=1, epoch=2, verdict=Verdict.SENT, remote_id="<a@example.org>", permalink="https://example.org"),
    Outcome(delivery_id=2, epoch=1, verdict=Verdict.FAILED, reply_code=550, reply="5.1.1 unknown", is_hard_bounce=True),
    Outcome(
        delivery_id=3,
        epoch=1,
        verdict=Verdict.DEFERRED,
        retry_at=datetime(2027, 1, 1, tzinfo=UTC),
        counts_against_address=True,
        reply="half of a character: \ud800, and a NUL: \x00",
        detail={"reason": "mailboxfull"},
    ),
]
STARTED = {1: 2, 2: 1, 3: 1, 4: 1, 5: 9}


def delivery(number: int, epoch: int = 1) -> Delivery:
    created_at = datetime(2027, 1, 1, tzinfo=UTC)
    return Delivery(id=number, dispatch_id=1, recipient="@one", epoch=epoch, attempt=1, created_at=created_at)


def written_by(folder: Path) -> tuple[str, bytes]:
    """The name and the bytes of a journal whose writer died after three outcomes and with two deliveries in doubt."""
    with pytest.raises(KeyboardInterrupt), open_journal(folder) as journal:
        for number, epoch in STARTED.items():
            journal.begin(delivery(number, epoch))
        for outcome in OUTCOMES:
            journal.settle(outcome)
        raise KeyboardInterrupt
    return journal.worker, content_of(folder)


def content_of(folder: Path) -> bytes:
    (path,) = journal_files(folder)
    with held_orphan(path) as data:
        assert data is not None
        return data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    return written_by(tmp_path_factory.mktemp("journals"))


def test_the_journal_of_a_killed_worker_gives_back_every_outcome_as_it_was(whole: tuple[str, bytes]) -> None:
    content = parse_journal(*whole)
    assert list(content.outcomes) == OUTCOMES
    assert (content.in_doubt, content.damage) == ({4: 1, 5: 9}, "")


def test_the_journal_of_a_living_worker_is_not_touched(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.begin(delivery(7))
        (path,) = journal_files(tmp_path)
        with held_orphan(path) as data:
            assert data is None
    assert journal_files(tmp_path) == []


def test_a_journal_knows_the_start_of_the_machine_that_it_is_of(tmp_path: Path) -> None:
    worker, _ = written_by(tmp_path)
    (path,) = journal_files(tmp_path)
    assert is_of_this_boot(path)
    other = path.rename(path.with_name(path.name.replace(boot_id(), "another")))
    assert not is_of_this_boot(other)
    assert not is_of_this_boot(path.with_name(f"{worker}.journal")), "it is not known"
    assert worker_of(other) == worker


def test_a_last_line_that_was_cut_short_when_the_worker_died_is_no_damage(whole: tuple[str, bytes]) -> None:
    worker, data = whole
    content = parse_journal(worker, data[:-20])
    assert list(content.outcomes) == OUTCOMES[:-1]
    assert (content.in_doubt, content.damage) == ({3: 1, 4: 1, 5: 9}, "")


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        (b'settle {"delibegin 7 1', "torn, or of another version"),
        (b"begin 7 1", "torn, or of another version ('begin' instead of 1)"),
        (b"2 0 begin 7 1 0123456789abcdef", "torn, or of another version ('2' instead of 1)"),
        (b"1 0 begin 7 1 0123456789abcdef", "torn or changed"),
        (b"", "torn"),
        (b"\xff\x00", "torn"),
    ],
)
def test_a_line_that_is_no_record_is_damage_and_the_other_records_still_count(
    whole: tuple[str, bytes], line: bytes, damage: str
) -> None:
    worker, data = whole
    first, _, rest = data.partition(b"\n")
    content = parse_journal(worker, first + b"\n" + line + b"\n" + rest)
    assert list(content.outcomes) == OUTCOMES
    assert content.damage.startswith("line 2 cannot be read: ")
    assert damage in content.damage


def test_a_missing_line_is_damage(whole: tuple[str, bytes]) -> None:
    worker, data = whole
    first, _, rest = data.partition(b"\n")
    _, _, rest = rest.partition(b"\n")
    assert "records are missing" in parse_journal(worker, first + b"\n" + rest).damage


def test_records_of_another_worker_do_not_count(whole: tuple[str, bytes]) -> None:
    _, data = whole
    content = parse_journal("another", data)
    assert (content.outcomes, content.in_doubt) == ((), {})
    assert content.damage


def assert_nothing_is_made_up(content: JournalContent) -> None:
    assert all(outcome in OUTCOMES for outcome in content.outcomes)
    assert content.in_doubt.items() <= STARTED.items()


@given(data=st.data())
def test_any_beginning_of_a_journal_can_be_read_and_makes_nothing_up(
    whole: tuple[str, bytes], data: st.DataObject
) -> None:
    worker, written = whole
    content = parse_journal(worker, written[: data.draw(st.integers(0, len(written)))])
    assert_nothing_is_made_up(content)
    assert not content.damage


@given(data=st.data())
def test_any_corruption_of_a_journal_can_be_read_and_makes_nothing_up(
    whole: tuple[str, bytes], data: st.DataObject
) -> None:
    worker, written = whole
    corrupt = bytearray(written)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(corrupt)))
        end = data.draw(st.integers(start, min(len(corrupt), start + 200)))
        other = data.draw(st.integers(0, len(written)))
        corrupt[start:end] = data.draw(st.binary(max_size=40) | st.just(written[other : other + 200]))
    content = parse_journal(worker, bytes(corrupt))
    assert_nothing_is_made_up(content)
    missing = STARTED.keys() - content.in_doubt.keys() - {outcome.delivery_id for outcome in content.outcomes}
    # Only the end of a file may be missing without notice: it looks as if the worker had died earlier.
    assert content.damage or not missing or not bytes(corrupt).startswith(written)


@given(data=st.binary(max_size=300))
def test_any_bytes_can_be_read_as_a_journal(data: bytes) -> None:
    content = parse_journal("anyone", data)
    assert (content.outcomes, content.in_doubt) == ((), {})


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_record_that_does_not_fit_on_the_disk_is_cut_off_and_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_journal(tmp_path) as journal:
        journal.begin(delivery(1, 2))
        (path,) = journal_files(tmp_path)
        size = path.stat().st_size
        for room in (size + 5, size):
            with room_for(room), pytest.raises(DiskFullError, match="the disk with the journals is full"):
                journal.begin(delivery(7))
            assert path.stat().st_size == size
        assert list(journal.in_doubt) == [1]
        # There is room again.
        journal.settle(OUTCOMES[0])
        journal.begin(delivery(2))
        raise KeyboardInterrupt
    content = parse_journal(journal.worker, content_of(tmp_path))
    assert (list(content.outcomes), content.in_doubt, content.damage) == (OUTCOMES[:1], {2: 1}, "")


def test_an_outcome_that_does_not_fit_on_the_disk_is_left_to_the_database(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_journal(tmp_path) as journal:
        journal.begin(delivery(1, 2))
        with room_for(journal_files(tmp_path)[0].stat().st_size):
            journal.settle(OUTCOMES[0])
        assert journal.in_doubt == {}
        raise KeyboardInterrupt
    # If the worker dies before it is committed, it is in doubt.
    content = parse_journal(journal.worker, content_of(tmp_path))
    assert (content.outcomes, content.in_doubt, content.damage) == ((), {1: 2}, "")


def test_a_journal_whose_torn_end_cannot_be_cut_off_takes_no_further_record() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        journal = WorkerJournal("worker", descriptor, do_nothing)
        with pytest.raises(DiskFullError):
            journal.begin(delivery(1))
        with pytest.raises(ServiceError, match="ends in half a record"):
            journal.begin(delivery(2))
    finally:
        os.close(descriptor)
    assert journal.in_doubt == {}
