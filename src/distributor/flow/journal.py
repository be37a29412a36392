"""The journal of one delivery run: which deliveries were started and which have an outcome, on this machine's disk.

Each line goes to the operating system in one write before anything goes to the network, so it outlives the process.
The writer locks its file while it lives. A journal that another process can lock is orphaned: recovery reads it.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.flow.failpoints import Failpoint, do_nothing

_SUFFIX = ".journal"


class WorkerJournal:
    """A journal being written. `worker` is its writer's name in the database; `in_doubt` holds deliveries by id that
    were started and have no outcome yet.
    """

    def __init__(self, worker: str, descriptor: int, failpoint: Callable[[Failpoint], None]) -> None:
        self.worker = worker
        self.in_doubt: dict[int, Delivery] = {}
        self._descriptor = descriptor
        self._failpoint = failpoint

    def begin(self, delivery: Delivery) -> None:
        """Record that the delivery starts: from here on the message may reach the recipient."""
        os.write(self._descriptor, b"begin %d %d\n" % (delivery.id, delivery.epoch))
        self.in_doubt[delivery.id] = delivery
        self._failpoint(Failpoint.AFTER_JOURNAL)

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome of a delivery."""
        self._failpoint(Failpoint.AFTER_OUTCOME)
        os.write(self._descriptor, b"settle " + _outcome_to_json(outcome).encode() + b"\n")
        self.in_doubt.pop(outcome.delivery_id, None)

    def forget(self) -> None:
        """Empty the journal: everything written so far is committed to the database."""
        os.ftruncate(self._descriptor, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContent:
    """The content of a journal: the outcomes, and the epochs of deliveries that were started and have none, by id."""

    worker: str
    outcomes: tuple[Outcome, ...]
    in_doubt: dict[int, int]


@contextmanager
def open_journal(folder: Path, *, failpoint: Callable[[Failpoint], None] = do_nothing) -> Iterator[WorkerJournal]:
    """A new journal with a new worker name. It is removed at the end; any error leaves it behind as an orphan."""
    folder.mkdir(parents=True, exist_ok=True)
    worker = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    path = folder / f"{worker}{_SUFFIX}"
    # Locked under another name first: no process ever sees the journal of a living writer unlocked.
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fresh.rename(path)
        yield WorkerJournal(worker, descriptor, failpoint)
        path.unlink()
    finally:
        os.close(descriptor)


@contextmanager
def orphaned_journals(folder: Path) -> Iterator[list[Path]]:
    """The journals whose writers are dead, locked for the caller until the block ends."""
    locked: list[int] = []
    found: list[Path] = []
    try:
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            descriptor = _lock(path)
            if descriptor is not None:
                locked.append(descriptor)
                found.append(path)
        yield found
    finally:
        for descriptor in locked:
            os.close(descriptor)


def read_journal(path: Path) -> JournalContent:
    """The content of the journal at `path`, without a last line that was cut short when the writer died."""
    outcomes: dict[int, Outcome] = {}
    begun: dict[int, int] = {}
    complete, _, _torn = path.read_bytes().rpartition(b"\n")
    for line in complete.splitlines():
        word, _, rest = line.partition(b" ")
        if word == b"begin":
            delivery_id, epoch = rest.split()
            begun[int(delivery_id)] = int(epoch)
            outcomes.pop(int(delivery_id), None)
        elif word == b"settle":
            outcome = _outcome_from_json(rest)
            outcomes[outcome.delivery_id] = outcome
            begun.pop(outcome.delivery_id, None)
    return JournalContent(worker=path.name.removesuffix(_SUFFIX), outcomes=tuple(outcomes.values()), in_doubt=begun)


def _lock(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not path.exists():
        os.close(descriptor)
        return None
    return descriptor


def _outcome_to_json(outcome: Outcome) -> str:
    return json.dumps(
        {
            "delivery_id": outcome.delivery_id,
            "epoch": outcome.epoch,
            "verdict": outcome.verdict,
            "remote_id": outcome.remote_id,
            "permalink": outcome.permalink,
            "reply_code": outcome.reply_code,
            "reply": outcome.reply[:1000],
            "retry_at": outcome.retry_at.isoformat() if outcome.retry_at else None,
            "is_hard_bounce": outcome.is_hard_bounce,
            "counts_against_address": outcome.counts_against_address,
            "detail": dict(outcome.detail),
        }
    )


def _outcome_from_json(line: bytes) -> Outcome:
    plain = json.loads(line)
    plain["verdict"] = Verdict(plain["verdict"])
    plain["retry_at"] = datetime.fromisoformat(plain["retry_at"]) if plain["retry_at"] else None
    return Outcome(**plain)
