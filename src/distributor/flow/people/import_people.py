"""Import subscribers from a file in chunks; each chunk is one transaction that also advances the checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

import structlog

from distributor.domain.errors import DistributorError, InputError, ServiceError
from distributor.domain.subscriber_import import (
    SUBSCRIBED,
    BadRow,
    Import,
    ImportPlan,
    ImportRow,
    ImportState,
    SkippedRow,
)
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.people.import_files import ImportFiles
from distributor.importers.columns import BAD_ROW_FILE_COLUMN
from distributor.importers.consent import combine, status_of_file_name
from distributor.importers.reader import PeopleReader, detect_settings, scan_file
from distributor.storage import consents, imports, lists
from distributor.storage.database import Connection
from distributor.storage.import_rows import (
    REPEATED,
    ImportContext,
    count_changes,
    merge,
    object_to,
    says_no,
    settle_each,
)

# What one transaction imports at most.
CHUNK_ROWS = 5000
CHUNK_BYTES = 4 * 1024 * 1024
# Transactions at a time. They are committed in order, each after the checkpoint of the one before.
_AT_ONCE = 2
# How long a chunk keeps its locks while the chunk before it is not committed.
_LOCK_SECONDS = 10
_LONGEST_COPYING = timedelta(days=1)

Watch = Callable[[Import], None]

log = structlog.get_logger(__name__)


def plan_import(app: AppContext, plan: ImportPlan, *, name: str, pieces: Iterable[bytes]) -> Import:
    """Store an uploaded file as a new import, to be run by a worker or `run_import`.

    The same file with the same plan as an unfinished import returns that import, which then continues. Raises
    InputError if the file cannot be read at all, NotFoundError for an unknown list.
    """
    if not plan.basis.strip():
        raise InputError("state in a sentence on what basis these people get mail: it is kept as their consent")
    files = ImportFiles(app.imports_dir)
    with files.keep(pieces, encoding=plan.settings.encoding) as (path, copied):
        with path.open("rb") as file:
            detected = replace(detect_settings(file, plan.settings, name=name), encoding=copied.encoding)
            settings, scan = scan_file(file, detected, name=name)
        complete = replace(plan, settings=settings)
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
                scan=scan,
                list_id=list_id,
                name=name,
                digest=digest,
                size=copied.size,
                now=app.clock(),
            )
            path.rename(files.source(import_id))
            return imports.find(connection, import_id)


def run_import(app: AppContext, import_id: int, *, until: datetime | None = None, watch: Watch | None = None) -> Import:
    """Import from the checkpoint on, starting no chunk after `until`; `watch` is called after each committed chunk.

    Returns the progress, unchanged if another process runs the import or the file is on another machine. Raises
    NotFoundError, and ServiceError if PostgreSQL goes away; the import can then be continued.
    """
    files = ImportFiles(app.imports_dir)
    with files.hold(import_id) as file:
        with app.database.begin() as connection:
            found = imports.find(connection, import_id)
            if file is None or not (found.is_open or found.state is ImportState.FAILED):
                return found
            started = imports.start(connection, import_id, now=app.clock())
        log.info("import.started", import_id=import_id, line=started.line)
        try:
            after = _ImportRun(app, started, files, file).run(until, watch or _ignore)
        except ServiceError as error:
            log.warning("import.paused", import_id=import_id, reason=type(error).__name__)
            raise
        except DistributorError as error:
            _fail(app, import_id, error, str(error))
            raise
        except Exception as error:
            # Without this the scheduler would start it again, and it would fail again, every few seconds.
            _fail(app, import_id, error, f"the import failed: {type(error).__name__}: {error}")
            raise
        if after.is_open:
            log.info("import.paused", import_id=import_id, line=after.line, reason="time limit of the task")
        else:
            log.info("import.finished", import_id=import_id, state=after.state.value, **asdict(after.counts))
        return after


def work_on_import(app: AppContext, import_id: int, *, until: datetime) -> list[Job]:
    """Run an import in a worker; returns a job if it made progress and there is more to do."""
    with app.database.begin() as connection:
        before = imports.find(connection, import_id)
    after = run_import(app, import_id, until=until)
    has_progress = after.position > before.position
    return [Job(JobKind.IMPORT, import_id)] if after.is_open and has_progress else []


def cancel_import(app: AppContext, import_id: int) -> Import:
    """Cancel an import; subscribers that are already imported stay. Raises NotFoundError."""
    with app.database.begin() as connection:
        imports.find(connection, import_id)
        imports.end(connection, import_id, ImportState.CANCELLED, now=app.clock())
        found = imports.find(connection, import_id)
    if found.state is ImportState.CANCELLED:
        ImportFiles(app.imports_dir).discard(import_id)
    return found


class _EndedError(Exception):
    """The import was cancelled meanwhile: the chunk is rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Consecutive rows, and the checkpoint after them; `skipped` counts rows passed over by their reasons.

    `objections` are those of the bad rows that repeat an address of a chunk before and say no.
    """

    people: tuple[ImportRow, ...]
    bad: tuple[BadRow, ...]
    objections: tuple[ImportRow, ...]
    skipped: Counter[str]
    position: int
    line: int


def _one_for_each_person(rows: Iterable[ImportRow]) -> list[ImportRow]:
    """The first row of each person, with the strictest of what their rows say."""
    found: dict[str, ImportRow] = {}
    for row in rows:
        first = found.setdefault(row.person.key, row)
        if first is not row:
            found[row.person.key] = replace(first, status=combine((first.status, row.status)))
    return list(found.values())


class _ImportRun:
    """One process running one import."""

    def __init__(self, app: AppContext, started: Import, files: ImportFiles, file: BinaryIO) -> None:
        self._app = app
        self._started = started
        self._files = files
        self._reader = PeopleReader(
            file, started.plan.settings, name=started.name, position=started.position, line=started.line
        )
        self._rows = iter(self._reader)
        says_status = status_of_file_name(started.name) is not SUBSCRIBED
        self._bad_headers = (*self._reader.headers, *([BAD_ROW_FILE_COLUMN] if says_status else []))
        self._keys_underway: deque[dict[str, int]] = deque(maxlen=_AT_ONCE)
        with app.database.begin() as connection:
            self._list_id = lists.find(connection, started.list_slug).id
            self._text_id = consents.add_text(connection, started.plan.basis)

    def run(self, until: datetime | None, watch: Watch) -> Import:
        """Read one chunk while two others are being committed, so that Python and PostgreSQL work in parallel."""
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
        limit = self._reader.position + CHUNK_BYTES
        people: list[ImportRow] = []
        bad: list[BadRow] = []
        objections: list[ImportRow] = []
        skipped: Counter[str] = Counter()
        size = 0
        keys: dict[str, int] = {}
        places: dict[str, int] = {}
        for row in self._rows:
            if isinstance(row, BadRow):
                bad.append(row)
            elif isinstance(row, SkippedRow):
                skipped[row.reason] += 1
            elif (first := self._line_underway(row.person.key)) is not None:
                bad.append(BadRow(line=row.line, reason=REPEATED.format(first=first), cells=row.cells))
                if says_no(row):
                    objections.append(row)
            else:
                if row.person.key in places:
                    # The row is refused as a repetition; what it says about consent counts nevertheless.
                    place = places[row.person.key]
                    status = combine((people[place].status, row.status))
                    people[place] = replace(people[place], status=status)
                places.setdefault(row.person.key, len(people))
                people.append(row)
                keys.setdefault(row.person.key, row.line)
            size += 1
            if self._reader.is_between_rows and (size >= CHUNK_ROWS or self._reader.position >= limit):
                break
        self._keys_underway.append(keys)
        if not size:
            return None
        return _Chunk(
            people=tuple(people),
            bad=tuple(bad),
            objections=tuple(objections),
            skipped=skipped,
            position=self._reader.position,
            line=self._reader.line,
        )

    def _line_underway(self, key: str) -> int | None:
        """The line with this address in an uncommitted chunk, if any: chunks must not wait for each other's locks."""
        return next((keys[key] for keys in self._keys_underway if key in keys), None)

    def _commit(self, chunk: _Chunk, before: Future[Import] | None) -> Import:
        try:
            return self._bring_in(chunk, before)
        except TimeoutError:
            # The chunk before may wait for locks of this one: the rollback releases them.
            if before is not None:
                before.result()
            return self._bring_in(chunk, before)

    def _bring_in(self, chunk: _Chunk, before: Future[Import] | None) -> Import:
        plan, now = self._started.plan, self._app.clock()
        terms = ImportContext(
            import_id=self._started.id, mode=plan.mode, list_id=self._list_id, text_id=self._text_id, now=now
        )
        with self._app.database.begin() as connection:
            merged = settle_each(connection, chunk.people, terms, count_changes if plan.is_dry_run else merge)
            checkpoint = before.result(timeout=_LOCK_SECONDS) if before is not None else self._started
            # The rows that they repeat are committed now.
            objections = _one_for_each_person((*chunk.objections, *merged.objections))
            if objections and not plan.is_dry_run:
                object_to(connection, objections, terms)
            bad_size = self._files.write_bad_rows(
                checkpoint.id,
                self._with_file_name(sorted((*chunk.bad, *merged.refused), key=lambda row: row.line)),
                behind=checkpoint.bad_size,
                headers=self._bad_headers,
            )
            has_moved = imports.advance(
                connection,
                checkpoint,
                position=chunk.position,
                line=chunk.line,
                bad_size=bad_size,
                gained=replace(
                    merged.counts,
                    bad=merged.counts.bad + len(chunk.bad),
                    skipped=merged.counts.skipped + chunk.skipped.total(),
                ),
                outcomes=merged.outcomes,
                skip_reasons=chunk.skipped,
                now=now,
            )
            if not has_moved:
                raise _EndedError
        return self._find()

    def _with_file_name(self, rows: list[BadRow]) -> list[BadRow]:
        """The same rows with the name of the file as their last cell, if it says something about consent."""
        if self._bad_headers == self._reader.headers:
            return rows
        width = len(self._reader.headers)
        return [replace(row, cells=(*row.cells, *[""] * (width - len(row.cells)), self._started.name)) for row in rows]

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
    """Delete the files that killed processes left behind."""
    for import_id in imports.ended(connection, files.kept()):
        files.discard(import_id)
    files.discard_drafts(before=now - _LONGEST_COPYING)


def _digest(plan: ImportPlan, of_file: str) -> str:
    identity = json.dumps([of_file, asdict(plan)], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()


def _fail(app: AppContext, import_id: int, error: Exception, reason: str) -> None:
    with app.database.begin() as connection:
        imports.end(connection, import_id, ImportState.FAILED, error=reason, now=app.clock())
    # The reason may quote a row; the log names the class only.
    log.error("import.failed", import_id=import_id, reason=type(error).__name__)


def _ignore(_: Import) -> None:
    """The `watch` of an import without one."""
