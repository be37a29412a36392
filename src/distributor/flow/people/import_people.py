"""Import people: a file comes in chunk by chunk, each of them one transaction that also moves the checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from distributor.domain.errors import DistributorError, InputError, ServiceError
from distributor.domain.importing import BadRow, Import, ImportPlan, ImportState, SourceValues
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.people.import_files import ImportFiles
from distributor.importers.reader import PeopleReader, find_out
from distributor.storage import consents, imports, lists
from distributor.storage.database import Connection
from distributor.storage.import_rows import REPEATED, ImportContext, count_changes, merge

# What one transaction brings in: at most so many rows of so many octets.
CHUNK_ROWS = 5000
CHUNK_OCTETS = 4 * 1024 * 1024
# Transactions at a time. They are committed one after another, each of them behind the checkpoint of the one before.
_AT_ONCE = 2
# How long a chunk holds what it has locked while the one before it does not come to an end.
_PATIENCE_SECONDS = 10
_LONGEST_COPYING = timedelta(days=1)

Watch = Callable[[Import], None]


def plan_import(app: AppContext, plan: ImportPlan, *, name: str, pieces: Iterable[bytes]) -> Import:
    """Take in a file of this name, to be run by whoever comes first: a worker, or `run_import`.

    The same file with the same plan that was begun and not ended is that import, to be gone on with. Raises InputError
    if the file cannot be read at all, NotFoundError for an unknown list.
    """
    if not plan.basis.strip():
        raise InputError("say on what basis these people get mail, in a sentence: it is kept as their consent")
    files = ImportFiles(app.imports_dir)
    with files.keep(pieces, encoding=plan.reading.encoding) as (path, copied):
        with path.open("rb") as file:
            reading = replace(find_out(file, plan.reading, name=name), encoding=copied.encoding)
        complete = replace(plan, reading=reading)
        digest = _digest(complete, copied.digest)
        with app.database.begin() as connection:
            list_id = lists.find(connection, plan.list_slug).id
            begun = imports.find_unfinished(connection, list_id, digest)
            if begun is not None and files.source(begun.id).exists():
                return begun
            _tidy(connection, files, now=app.clock())
            import_id = imports.add(
                connection,
                complete,
                list_id=list_id,
                name=name,
                digest=digest,
                size=copied.size,
                now=app.clock(),
            )
            path.rename(files.source(import_id))
            return imports.find(connection, import_id)


def run_import(app: AppContext, import_id: int, *, until: datetime | None = None, watch: Watch | None = None) -> Import:
    """Bring people in from the checkpoint on, beginning no chunk after `until`; `watch` is told of each one committed.

    Returns how far it is: no further than before if another process is at it, or the file is on another machine.
    Raises NotFoundError, and ServiceError if PostgreSQL goes away; the import then waits to be gone on with.
    """
    files = ImportFiles(app.imports_dir)
    with files.hold(import_id) as file:
        with app.database.begin() as connection:
            found = imports.find(connection, import_id)
            if file is None or not (found.is_open or found.state is ImportState.FAILED):
                return found
            started = imports.start(connection, import_id, now=app.clock())
        try:
            return _Run(app, started, files, file).go_on(until, watch or _nobody)
        except ServiceError:
            raise
        except DistributorError as error:
            _fail(app, import_id, str(error))
            raise
        except Exception as error:
            # Without this it would be rung for, and break, every few seconds.
            _fail(app, import_id, f"the import broke: {type(error).__name__}: {error}")
            raise


def work_on_import(app: AppContext, import_id: int, *, until: datetime) -> list[Job]:
    """What a worker does of an import; a ring if it got further and there is more to do."""
    with app.database.begin() as connection:
        before = imports.find(connection, import_id)
    after = run_import(app, import_id, until=until)
    is_further = after.position > before.position
    return [Job(JobKind.IMPORT, import_id, "default")] if after.is_open and is_further else []


def cancel_import(app: AppContext, import_id: int) -> Import:
    """End an import where it is; who has come in stays. Raises NotFoundError."""
    with app.database.begin() as connection:
        imports.find(connection, import_id)
        imports.end(connection, import_id, ImportState.CANCELLED, now=app.clock())
        found = imports.find(connection, import_id)
    if found.state is ImportState.CANCELLED:
        ImportFiles(app.imports_dir).discard(import_id)
    return found


class _EndedError(Exception):
    """Somebody has cancelled the import: nothing of the chunk comes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Rows one after another, and the checkpoint behind them."""

    people: tuple[SourceValues, ...]
    bad: tuple[BadRow, ...]
    position: int
    line: int


class _Run:
    """One process at work on one import."""

    def __init__(self, app: AppContext, started: Import, files: ImportFiles, file: BinaryIO) -> None:
        self._app = app
        self._started = started
        self._files = files
        self._reader = PeopleReader(
            file, started.plan.reading, name=started.name, position=started.position, line=started.line
        )
        self._rows = iter(self._reader)
        self._keys_underway: deque[dict[str, int]] = deque(maxlen=_AT_ONCE)
        with app.database.begin() as connection:
            self._list_id = lists.find(connection, started.list_slug).id
            self._text_id = consents.add_text(connection, started.plan.basis)

    def go_on(self, until: datetime | None, watch: Watch) -> Import:
        """Read one chunk while two before it are on their way: Python and PostgreSQL each have work to do."""
        underway: deque[Future[Import]] = deque()
        last: Future[Import] | None = None
        try:
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as committers:
                while until is None or self._app.clock() < until:
                    chunk = self._read_chunk()
                    if chunk is None or len(underway) == _AT_ONCE:
                        _watch_first(underway, watch)
                    if chunk is None and not underway:
                        return self._finish()
                    if chunk is not None:
                        last = committers.submit(self._commit, chunk, last)
                        underway.append(last)
            return last.result() if last is not None else self._started
        except _EndedError:
            return self._find()

    def _read_chunk(self) -> _Chunk | None:
        """None at the end of the file."""
        limit = self._reader.position + CHUNK_OCTETS
        people: list[SourceValues] = []
        bad: list[BadRow] = []
        keys: dict[str, int] = {}
        for row in self._rows:
            if isinstance(row, BadRow):
                bad.append(row)
            elif (first := self._line_underway(row.person.key)) is not None:
                bad.append(BadRow(line=row.line, reason=REPEATED.format(first=first), cells=row.cells))
            else:
                people.append(row)
                keys.setdefault(row.person.key, row.line)
            if len(people) + len(bad) >= CHUNK_ROWS or self._reader.position >= limit:
                break
        self._keys_underway.append(keys)
        if not people and not bad:
            return None
        return _Chunk(people=tuple(people), bad=tuple(bad), position=self._reader.position, line=self._reader.line)

    def _line_underway(self, key: str) -> int | None:
        """The line of a chunk perhaps not committed yet that has this address: the two must not wait for each other."""
        return next((keys[key] for keys in self._keys_underway if key in keys), None)

    def _commit(self, chunk: _Chunk, before: Future[Import] | None) -> Import:
        try:
            return self._bring_in(chunk, before)
        except TimeoutError:
            # Whom the chunk before waits for may be waiting for people that this one holds: let go of them.
            if before is not None:
                before.result()
            return self._bring_in(chunk, before)

    def _bring_in(self, chunk: _Chunk, before: Future[Import] | None) -> Import:
        plan, now = self._started.plan, self._app.clock()
        terms = ImportContext(
            import_id=self._started.id, mode=plan.mode, list_id=self._list_id, text_id=self._text_id, now=now
        )
        with self._app.database.begin() as connection:
            merged = (count_changes if plan.is_dry_run else merge)(connection, chunk.people, terms)
            checkpoint = before.result(timeout=_PATIENCE_SECONDS) if before is not None else self._started
            bad_size = self._files.write_bad_rows(
                checkpoint.id,
                sorted((*chunk.bad, *merged.refused), key=lambda row: row.line),
                behind=checkpoint.bad_size,
                headers=self._reader.headers,
            )
            has_moved = imports.advance(
                connection,
                checkpoint,
                position=chunk.position,
                line=chunk.line,
                bad_size=bad_size,
                gained=replace(merged.counts, bad=merged.counts.bad + len(chunk.bad)),
                now=now,
            )
            if not has_moved:
                raise _EndedError
        return self._find()

    def _find(self) -> Import:
        with self._app.database.begin() as connection:
            return imports.find(connection, self._started.id)

    def _finish(self) -> Import:
        import_id, now = self._started.id, self._app.clock()
        with self._app.database.begin() as connection:
            imports.end(connection, import_id, ImportState.FINISHED, now=now)
            ended = imports.find(connection, import_id)
        self._files.discard(import_id)
        return ended


def _watch_first(underway: deque[Future[Import]], watch: Watch) -> None:
    if underway:
        watch(underway.popleft().result())


def _tidy(connection: Connection, files: ImportFiles, *, now: datetime) -> None:
    """Remove what processes that were killed have left behind."""
    for import_id in imports.ended(connection, files.kept()):
        files.discard(import_id)
    files.discard_drafts(before=now - _LONGEST_COPYING)


def _digest(plan: ImportPlan, of_file: str) -> str:
    said = json.dumps([of_file, asdict(plan)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _fail(app: AppContext, import_id: int, reason: str) -> None:
    with app.database.begin() as connection:
        imports.end(connection, import_id, ImportState.FAILED, error=reason, now=app.clock())


def _nobody(_: Import) -> None:
    """Whom nobody watches."""
