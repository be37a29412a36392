"""Runs of sources: what a source has that is new becomes articles, and what went wrong is written down with it.

A run holds a lease, so that no two read one source, and no two ask one host. A run that dies is repeated: every item is
identified by its source, so nothing comes in twice.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from redis import RedisError

from distributor import __version__
from distributor.domain.article import Manuscript
from distributor.domain.errors import (
    ConfigurationError,
    DistributorError,
    NotFoundError,
    ServiceError,
    SourceError,
    StateError,
)
from distributor.domain.rendition import Json
from distributor.domain.source import CONTENT_FOLDER, Publishing, Source, SourceResult, SourceState, backoff
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import (
    Origin,
    ScanReport,
    content_folder,
    ingest_item,
    ingest_items,
    reading_options,
)
from distributor.flow.articles.web_article import read_web_article
from distributor.guarded_http import FetchedResponse, FetchError, GuardedHttpClient
from distributor.sources.items import ReadItem, SourceItem
from distributor.sources.kinds.api import (
    HookedSource,
    LocalSource,
    Reading,
    SourceBusyError,
    SourceGoneError,
    SourceKind,
    WebHookRequest,
)
from distributor.sources.kinds.registry import make_source
from distributor.storage import articles, sources

# A run ends after about this long, and the next one goes on: fetching images may take long.
RUN_FOR = timedelta(minutes=2)
# A run may take so much longer than that, for its last item.
_LEASE = RUN_FOR + timedelta(minutes=3)
_FETCH_SECONDS = 20
# What was remembered before a run that left something for the next one, which has to read everything again.
_BEFORE = "before"
# What an earlier version remembered may mean something else, or hide what this one can read.
_VERSION = "version"

log = structlog.get_logger(__name__)


def run_source(app: AppContext, source_id: int, *, is_asked: bool = False) -> SourceResult | None:
    """Read a source, and take in what is new; None if it is not due, or if another run has it or its host.

    One that a person asked for is read as a whole, whatever the last run remembered, also while it is paused. What is
    wrong with the source is stored with it; it is then read again later and later. Raises SourceError for it all the
    same if a person asked.
    """
    now = app.clock()
    with app.database.begin() as connection:
        source = sources.claim(connection, source_id, now=now, until=now + _LEASE, is_asked=is_asked)
    if source is None:
        return None
    try:
        return _run(app, source, is_asked=is_asked)
    except (ServiceError, RedisError, MemoryError):
        # The lease runs out, and the next run begins anew.
        raise
    except Exception as error:
        _note_failure(app, source, error)
        if is_asked and isinstance(error, DistributorError):
            raise
        return None


def _run(app: AppContext, source: Source, *, is_asked: bool) -> SourceResult:
    began = app.clock()
    with reading_of(app, source, is_whole=is_asked) as reading:
        report = _ingest(app, source, reading, until=began + RUN_FOR)
    result = _result(report, reading.notes)
    now = app.clock()
    earliest = now + source.interval
    with app.database.begin() as connection:
        sources.record_success(
            connection,
            source,
            result,
            # What is left for the next run has to be read again.
            cursor=_to_remember(reading, is_complete=not result.postponed),
            settings={**source.settings, **reading.settings_after},
            next_run_at=now if result.postponed else max(earliest, reading.next_run_at or earliest),
            now=now,
        )
    if result.has_changes or result.held:
        log.info("source.read", source=source.name, added=result.added, revised=result.revised, gone=result.gone)
    return result


def take_items(app: AppContext, source: Source, items: Iterable[ReadItem]) -> ScanReport:
    """Take in what others brought to a source: it is committed when this returns, and stored as its last result."""
    origin = origin_of(app, source, open_source(app, source))
    report = ingest_items(app, origin, lambda known: items)
    with app.database.begin() as connection:
        sources.record_received(connection, source.id, _result(report, ()), now=app.clock())
    return report


def take_item(app: AppContext, source: Source, item: SourceItem) -> None:
    """Take in one item that others brought: committed when this returns. Raises its error: it is not kept here."""
    report = ScanReport()
    report.count(ingest_item(app, origin_of(app, source, open_source(app, source)), item))
    with app.database.begin() as connection:
        notes = item.manuscript.warnings if item.manuscript is not None else ()
        sources.record_received(connection, source.id, _result(report, notes), now=app.clock())


def receive_web_hook(app: AppContext, name: str, headers: Mapping[str, str], body: bytes) -> ScanReport | None:
    """Take in what a request to a source brings; None if it only says that there is something to read.

    Names of headers are in lower case. Raises NotFoundError for a source that takes no requests, SignatureError,
    SourceError for what is no item, and ServiceError: the request should be sent again.
    """
    with app.database.begin() as connection:
        source = sources.find(connection, name)
    kind = open_source(app, source)
    if not isinstance(kind, HookedSource):
        raise NotFoundError("source", name)
    with reading_of(app, source) as reading:
        with app.database.begin() as connection:
            reading.known = articles.known_hashes(connection, name)
        items = kind.receive(WebHookRequest(headers=headers, body=body, now=app.clock()), reading)
        if source.state is SourceState.PAUSED:
            raise StateError(f"source {name} is paused")
        if items is not None:
            return take_items(app, source, items)
    with app.database.begin() as connection:
        sources.make_due(connection, source.id, now=app.clock())
    return None


def _to_remember(reading: Reading, *, is_complete: bool) -> dict[str, Json]:
    if is_complete:
        return {**reading.cursor_after, _VERSION: __version__}
    return {_BEFORE: dict(reading.before), _VERSION: __version__}


def _ingest(app: AppContext, source: Source, reading: Reading, *, until: datetime) -> ScanReport:
    if source.name == CONTENT_FOLDER and not app.content_dir.is_dir():
        # A machine that only sends need not have the folder.
        return ScanReport()
    kind = open_source(app, source)

    def read(known: Mapping[str, str]) -> Iterator[ReadItem]:
        reading.known = known
        reading.is_late = lambda: app.clock() >= until
        return kind.read(reading)

    return ingest_items(app, origin_of(app, source, kind), read, until=until)


def open_source(app: AppContext, source: Source) -> SourceKind:
    """The source with its settings and secrets. Raises InputError, ConfigurationError, NotFoundError for its kind."""
    secrets: dict[str, str] = {}
    if source.sealed is not None:
        try:
            secrets = app.vault.open(source.sealed)
        except ConfigurationError:
            raise ConfigurationError(
                f"the secrets of source {source.name} were sealed under another DISTRIBUTOR_SECRET_KEY: set that key "
                f"again, or give them anew with `distributor source change {source.name}`"
            ) from None
    settings: dict[str, Any] = {**source.settings, **secrets}
    if source.name == CONTENT_FOLDER:
        settings = {"path": str(app.content_dir), "strict": app.content_strict}
    return make_source(source.kind, settings)


def origin_of(app: AppContext, source: Source, kind: SourceKind) -> Origin:
    """What articles of a source are taken in as."""
    if source.name == CONTENT_FOLDER:
        return content_folder(app)
    return Origin(
        name=source.name,
        actor=f"source {source.name}",
        wants_published=lambda manuscript: wants_published(source, manuscript),
        root=_root_of(kind),
        holds_edits=True,
        # At first there is nothing that could be renamed.
        may_rename_items=source.first_run_at is not None,
    )


def wants_published(source: Source, manuscript: Manuscript) -> bool | None:
    """Whether an article of a source is to be published, or not any more; None if nothing is done about it.

    Nothing that was there when the source was read for the first time is published, unless it says that all is.
    """
    if source.publishing is Publishing.NOTHING:
        return None
    if source.publishing is Publishing.NEW:
        dated = manuscript.published_at
        if source.first_run_at is None or (dated is not None and dated < source.first_run_at):
            return None
    return True if manuscript.publish is None else manuscript.publish


def _root_of(kind: SourceKind) -> Path | None:
    return kind.folder() if isinstance(kind, LocalSource) else None


@contextmanager
def reading_of(app: AppContext, source: Source | None = None, *, is_whole: bool = False) -> Iterator[Reading]:
    """A reading that fetches through the guarded client; a whole one knows nothing of earlier runs."""
    remembered = dict(source.cursor) if source is not None else {}
    is_usable = remembered.pop(_VERSION, "") == __version__ and not is_whole
    before = remembered.get(_BEFORE, remembered)
    cursor = remembered if is_usable and _BEFORE not in remembered else {}
    with _Fetching(app) as fetching:
        yield Reading(
            fetch=fetching.fetch,
            article_of=lambda address: read_web_article(app, address).manuscript,
            now=app.clock(),
            cursor=cursor,
            before=before if isinstance(before, Mapping) else {},
            cursor_after=dict(cursor),
            options=reading_options(app),
        )


class _Fetching:
    """The guarded client for code that does not await: one request at a time. A context manager."""

    def __init__(self, app: AppContext) -> None:
        self._networks = app.fetch_networks
        self._runner = asyncio.Runner()
        self._client: GuardedHttpClient | None = None

    def __enter__(self) -> _Fetching:
        self._runner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._runner.run(self._client.__aexit__(None, None, None))
        self._runner.__exit__(None, None, None)

    def fetch(self, address: str, headers: Mapping[str, str], max_bytes: int) -> FetchedResponse:
        """Raises SourceError if there is no response."""
        try:
            return self._runner.run(self._fetch(address, headers, max_bytes))
        except FetchError as error:
            raise SourceError(f"{address}: it cannot be fetched: {error}") from None

    async def _fetch(self, address: str, headers: Mapping[str, str], max_bytes: int) -> FetchedResponse:
        if self._client is None:
            self._client = GuardedHttpClient(allowed_networks=self._networks)
            await self._client.__aenter__()
        return await self._client.fetch(address, seconds=_FETCH_SECONDS, max_bytes=max_bytes, headers=headers)


def _result(report: ScanReport, said: Iterable[str]) -> SourceResult:
    notes = [*said, *(f"front matter keys without a meaning here: {key}" for key in report.unused_keys)]
    return SourceResult(
        added=len(report.added),
        revised=len(report.revised),
        unchanged=report.unchanged,
        gone=report.gone,
        held=len(report.held),
        broken=len(report.broken),
        postponed=report.postponed,
        notes=tuple(notes),
    )


def _note_failure(app: AppContext, source: Source, error: Exception) -> None:
    now = app.clock()
    reason = str(error)
    if not isinstance(error, DistributorError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {error}"
        log.error("source.failed", source=source.name, reason=type(error).__name__, exc_info=error)
    next_run_at = now + backoff(source.interval, source.failures)
    if isinstance(error, SourceBusyError):
        next_run_at = max(now + source.interval, error.retry_at)
    is_gone = isinstance(error, SourceGoneError)
    with app.database.begin() as connection:
        sources.record_failure(connection, source, reason, next_run_at=next_run_at, is_final=is_gone, now=now)
    log.warning("source.unreadable", source=source.name, failures=source.failures + 1, is_paused=is_gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedItem:
    """An item of a source as it would come in. `reasons` say what is noted, or why it is refused."""

    ref: str
    title: str = ""
    published_at: datetime | None = None
    tags: tuple[str, ...] = ()
    address: str = ""
    reasons: tuple[str, ...] = ()
    is_refused: bool = False


def try_source(
    app: AppContext, kind: str, settings: Mapping[str, Any], *, limit: int
) -> tuple[list[TriedItem], list[str]]:
    """The first items of a source that is not added, and notes about it; nothing is stored. Raises SourceError."""
    source = make_source(kind, settings)
    tried: list[TriedItem] = []
    with reading_of(app) as reading:
        for one in source.read(reading):
            tried.append(_tried(one))
            if len(tried) >= limit:
                break
    return tried, reading.notes


def _tried(one: ReadItem) -> TriedItem:
    manuscript = getattr(one, "manuscript", None)
    if not isinstance(manuscript, Manuscript):
        error = getattr(one, "error", None)
        reason = error.reason_with_line if isinstance(error, SourceError) else f"{type(error).__name__}: {error}"
        return TriedItem(ref=one.ref, reasons=(reason,), is_refused=True)
    return TriedItem(
        ref=one.ref,
        title=manuscript.title,
        published_at=manuscript.published_at,
        tags=tuple(tag.label for tag in manuscript.tags),
        address=manuscript.canonical_url or "",
        reasons=manuscript.warnings,
    )
