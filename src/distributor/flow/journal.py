"""The journal of one delivery run: which deliveries were started and which have an outcome, on this machine's disk.

Each line goes to the operating system in one write before anything goes to the network, so it outlives the process.
The writer locks its file while it lives. A journal that another process can lock is orphaned: recovery reads it.

A line is a record: the version of its format, its number from 0, `begin` or `settle` with its content, and a checksum
over all that and the name of the worker. So a reader notices a torn, changed, missing or foreign line.

What the operating system has not written to the disk yet is lost if the machine loses power, and nothing shows that it
is missing. So the name of the file holds the boot id of the machine: a journal of an earlier boot may lack its end.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from distributor.channels.api import Lease, UnlimitedLease
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import DiskFullError, LeaseLostError, ServiceError
from distributor.flow.failpoints import Failpoint, do_nothing
from distributor.private_files import make_private_folder

_SUFFIX = ".journal"
# Before the boot id in the name of a file.
_BOOT = "@"
# Of the format of the records. Another number means another format, which is not guessed at.
_VERSION = 1
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class WorkerJournal:
    """A journal being written. `worker` is its writer's name in the database; `in_doubt` holds deliveries by id that
    were started and have no outcome yet.
    """

    def __init__(
        self, worker: str, descriptor: int, failpoint: Callable[[Failpoint], None], lease: Lease | None = None
    ) -> None:
        self.worker = worker
        self.in_doubt: dict[int, Delivery] = {}
        self._descriptor = descriptor
        self._failpoint = failpoint
        self._lease = lease or UnlimitedLease()
        self._records = 0
        self._size = 0
        self._ends_torn = False
        self.is_stopped = False

    def begin(self, delivery: Delivery) -> None:
        """Record that the delivery starts: from here on the message may reach the recipient.

        Raises LeaseLostError, and DiskFullError or ServiceError if it cannot be recorded; then nothing may be sent.
        """
        if self.is_stopped:
            raise LeaseLostError("the dispatch does not run any more: nothing else begins")
        self._lease.check()
        self._append(b"begin %d %d" % (delivery.id, delivery.epoch))
        self.in_doubt[delivery.id] = delivery
        self._failpoint(Failpoint.AFTER_JOURNAL)

    def stop(self) -> None:
        """Let nothing begin any more; what has begun is settled as ever. May be called by another thread."""
        self.is_stopped = True

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome of a delivery. Raises ServiceError; it is then still in doubt.

        On a full disk it is not recorded: the outcome goes to the database, and is in doubt only if that fails as well.
        """
        self._failpoint(Failpoint.AFTER_OUTCOME)
        with suppress(DiskFullError):
            self._append(b"settle " + _outcome_to_json(outcome).encode())
        self.in_doubt.pop(outcome.delivery_id, None)

    def forget(self) -> None:
        """Empty the journal: everything written so far is committed to the database."""
        os.ftruncate(self._descriptor, 0)
        self._records, self._size, self._ends_torn = 0, 0, False

    def _append(self, record: bytes) -> None:
        """Write a whole record or none of it."""
        if self._ends_torn:
            raise ServiceError(f"the journal of {self.worker} ends in half a record, which could not be cut off")
        line = _sealed(self.worker, self._records, record)
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            self._cut_back()
            raise _write_error(error, f"the journal of {self.worker} cannot be written") from error
        if written < len(line):
            self._cut_back()
            raise DiskFullError(
                f"the disk with the journals is full: {written} of {len(line)} bytes were written; free some space"
            )
        self._records += 1
        self._size += written

    def _cut_back(self) -> None:
        """Remove what was written of a record."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._ends_torn = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContent:
    """The content of a journal: the outcomes, and the epochs of deliveries that were started and have none, by id.

    `damage` says what is wrong with the first record that cannot be read or is missing; it is empty if there is none. A
    damaged journal may lack records, so a delivery that it does not mention may have been started.
    """

    worker: str
    outcomes: tuple[Outcome, ...]
    in_doubt: dict[int, int]
    damage: str = ""


@contextmanager
def open_journal(
    folder: Path, *, failpoint: Callable[[Failpoint], None] = do_nothing, lease: Lease | None = None
) -> Iterator[WorkerJournal]:
    """A new journal with a new worker name. It is removed at the end; any error leaves it behind as an orphan.

    Deliveries can be begun for as long as `lease` lasts; without one, always. Raises DiskFullError or ServiceError.
    """
    worker = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    path = folder / f"{worker}{_BOOT}{boot_id()}{_SUFFIX}"
    # Locked under another name first: no process ever sees the journal of a living writer unlocked.
    fresh = folder / f"{worker}.new"
    try:
        make_private_folder(folder)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    except OSError as error:
        raise _write_error(error, "no journal can be made") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fresh.rename(path)
        yield WorkerJournal(worker, descriptor, failpoint, lease)
        path.unlink()
    finally:
        os.close(descriptor)


def journal_files(folder: Path) -> list[Path]:
    """The journals in a folder, also those of living writers."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


@contextmanager
def held_orphan(path: Path) -> Iterator[bytes | None]:
    """The bytes of a journal whose writer is dead, locked for the caller until the block ends; None for any other.

    Raises OSError if it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # Another process may have recovered and deleted it before it was locked here.
        yield file.read() if path.exists() else None


def parse_journal(worker: str, data: bytes) -> JournalContent:
    """The content of a journal with these bytes, without a last line that was cut short when the writer died.

    Any bytes are accepted. A record counts only if it is exactly as `worker` wrote it.
    """
    outcomes: dict[int, Outcome] = {}
    in_doubt: dict[int, int] = {}
    damage, expected = "", 0
    complete, _, _torn = data.rpartition(b"\n")
    for place, line in enumerate(complete.split(b"\n") if complete else (), start=1):
        try:
            number, word, content = _unsealed(worker, line)
            if number != expected:
                damage = damage or f"line {place} has the number {number} instead of {expected}: records are missing"
            expected = number + 1
            if word == b"begin":
                delivery_id, epoch = map(int, content.split())
                in_doubt[delivery_id] = epoch
                outcomes.pop(delivery_id, None)
            else:
                outcome = _outcome_from_json(content)
                outcomes[outcome.delivery_id] = outcome
                in_doubt.pop(outcome.delivery_id, None)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            reason = str(error) if isinstance(error, _RecordError) else "its content is of another version"
            damage, expected = damage or f"line {place} cannot be read: {reason}", expected + 1
    return JournalContent(worker=worker, outcomes=tuple(outcomes.values()), in_doubt=in_doubt, damage=damage)


def worker_of(path: Path) -> str:
    """The name of the writer of a journal."""
    return path.name.removesuffix(_SUFFIX).partition(_BOOT)[0]


def is_of_this_boot(path: Path) -> bool:
    """Whether a journal was written since this machine started, so that every record that was written is in it."""
    return path.name.removesuffix(_SUFFIX).partition(_BOOT)[2] == boot_id()


@cache
def boot_id() -> str:
    """What Linux calls this start of the machine; empty on other systems, where no start is told from another."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _write_error(error: OSError, what: str) -> ServiceError:
    if error.errno in _NO_ROOM:
        return DiskFullError(f"the disk with the journals is full: {error.strerror}; free some space")
    return ServiceError(f"{what}: {error.strerror}")


class _RecordError(ValueError):
    """A line that is no record of this worker in this format."""


def _sealed(worker: str, number: int, record: bytes) -> bytes:
    line = b"%d %d %s" % (_VERSION, number, record)
    return b"%s %s\n" % (line, _checksum(worker, line))


def _unsealed(worker: str, line: bytes) -> tuple[int, bytes, bytes]:
    """The number, the word and the content of a record. Raises _RecordError."""
    whole, _, checksum = line.rpartition(b" ")
    version, _, rest = whole.partition(b" ")
    if version != b"%d" % _VERSION:
        shown = version[:20].decode("ascii", "backslashreplace")
        raise _RecordError(f"it is torn, or of another version ({shown!r} instead of {_VERSION})")
    if checksum != _checksum(worker, whole):
        raise _RecordError("it is torn or changed")
    number, word, content = rest.split(b" ", 2)
    return int(number), word, content


def _checksum(worker: str, line: bytes) -> bytes:
    return hashlib.blake2b(worker.encode() + b" " + line, digest_size=8).hexdigest().encode()


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
