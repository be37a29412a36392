"""Ingest: files of the content folder become articles and revisions; one that fails does not affect the others."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

import structlog

from distributor.domain.article import (
    ArticleAction,
    ArticleState,
    ArticleStatus,
    Manuscript,
)
from distributor.domain.errors import SourceError
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.stored_text import shortened, stored_key
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.articles.remote_images import HostReachability, keep_remote_images
from distributor.flow.quarantine import ItemGuard
from distributor.sources.article_links import SourceIndex
from distributor.sources.documents import MAX_DOCUMENT_BYTES
from distributor.sources.folder import (
    LONGEST_PATH,
    ScannedFile,
    UnreadableFile,
    path_as_text,
    scan_folder,
)
from distributor.sources.formats import parse_manuscript, read_bytes
from distributor.sources.local_images import take_local_images
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.zipped import read_archive
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection

# The source of articles of the content folder.
FOLDER = "folder"
_UPLOAD = "upload"
_FOLDER_ACTOR = "content folder"
_MISSING = "its file is missing"

# The actions by which front matter brings an article into each state.
_ACTIONS = {
    ArticleState.DRAFT: ArticleAction.UNPUBLISHED,
    ArticleState.PUBLISHED: ArticleAction.PUBLISHED,
    ArticleState.WITHDRAWN: ArticleAction.WITHDRAWN,
}

log = structlog.get_logger(__name__)


class Change(StrEnum):
    """What ingesting a file changed."""

    ADDED = "added"
    REVISED = "revised"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The article that a manuscript became, and what changed."""

    slug: str
    change: Change
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFile:
    """A file of an archive: what became of it, or the problem."""

    path: str
    ingested: Ingested | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """Where the images of an article may be: beside its `file`, and inside `root`."""

    file: Path
    root: Path


@dataclass(slots=True, kw_only=True)
class ScanReport:
    """The result of a scan: slugs added and revised, and a message for each file that is unreadable or missing.

    `unused_keys` counts the files whose front matter has a key without a meaning here, by the key; `postponed` counts
    those that are left for the next scan.
    """

    added: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    unchanged: int = 0
    postponed: int = 0
    broken: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused_keys: Counter[str] = field(default_factory=Counter)

    def count(self, ingested: Ingested | None) -> None:
        """Count one readable file; None stands for one that has not changed."""
        if ingested is None or ingested.change is Change.UNCHANGED:
            self.unchanged += 1
        elif ingested.change is Change.ADDED:
            self.added.append(ingested.slug)
        else:
            self.revised.append(ingested.slug)


def scan(app: AppContext, *, until: datetime | None = None) -> ScanReport:
    """Ingest new and changed files of the content folder. Raises SourceError if there is no such folder.

    Those that are left at `until` are for the next scan: fetching their images may take long.

    Each file is a transaction of its own. One that fails is in quarantine until it works again or is gone. The article
    of a missing file stays, unless it was yet to become public: it is a draft until the file is back.
    """
    folder, began = app.content_dir, time.monotonic()
    hosts = HostReachability()
    guard = ItemGuard(app, QuarantineLoop.FILE)
    with app.database.begin() as connection:
        stored = articles.known_hashes(connection, FOLDER)
        index = SourceIndex.of(articles.slugs(connection, FOLDER))
    resting = {key: str(item.detail.get("content_hash")) for key, item in guard.known.items() if guard.rests(key)}
    report = ScanReport()
    seen: set[str] = set()
    present: list[str] = []
    waiting: list[ScannedFile] = []
    options = replace(reading_options(app), is_strict=app.content_strict)
    for one in scan_folder(folder, known=stored | resting, options=options):
        seen.add(stored_key(one.path))
        present.append(one.path)
        if isinstance(one, ScannedFile) and one.manuscript is None and stored.get(one.path) != one.content_hash:
            # It failed before with this content, and is not due yet.
            report.unchanged += 1
            report.broken.append(guard.known[one.path].reason)
            continue
        if isinstance(one, ScannedFile) and one.manuscript and index.lacks(one.manuscript.body, beside=one.path):
            # It links to an article that may yet come, whose address is not known before.
            waiting.append(one)
            continue
        _take(app, guard, report, one, index, hosts, until=until)
    planned = _planned_slugs(app, waiting, index)
    for one in waiting:
        _take(app, guard, report, one, index, hosts, until=until, slug=planned.get(one.path))
    failed = _note_missing(app, guard, stored.keys() - set(present), present=present)
    guard.leave(guard.known.keys() - seen - failed)
    report.missing.extend(missing_files(app))
    has_changes = report.added or report.revised or set(report.broken) - {one.reason for one in guard.known.values()}
    log.log(
        logging.INFO if has_changes else logging.DEBUG,
        "ingest.finished",
        added=len(report.added),
        revised=len(report.revised),
        unchanged=report.unchanged,
        broken=len(report.broken),
        missing=len(report.missing),
        postponed=report.postponed,
        seconds=round(time.monotonic() - began, 3),
    )
    return report


def _is_late(app: AppContext, one: ScannedFile | UnreadableFile, until: datetime | None) -> bool:
    """Whether a file that is new or changed is left for the next scan."""
    return until is not None and isinstance(one, ScannedFile) and one.manuscript is not None and app.clock() >= until


def _take(
    app: AppContext,
    guard: ItemGuard,
    report: ScanReport,
    one: ScannedFile | UnreadableFile,
    index: SourceIndex,
    hosts: HostReachability,
    *,
    until: datetime | None,
    slug: str | None = None,
) -> None:
    """Ingest one file of a scan, unless it is left for the next one, and count it."""
    if _is_late(app, one, until):
        report.postponed += 1
        return
    with guard.item(one.path, detail={"content_hash": one.content_hash}):
        ingested = _ingest_scanned(app, one, index, hosts, slug)
        report.count(ingested)
        if ingested is not None:
            index.add(one.path, ingested.slug)
        if isinstance(one, ScannedFile) and one.manuscript is not None:
            report.unused_keys.update(one.manuscript.unused_keys)
    if one.path in guard.held:
        report.broken.append(guard.held[one.path])


def _planned_slugs(app: AppContext, waiting: Sequence[ScannedFile], index: SourceIndex) -> dict[str, str]:
    """The slugs of new articles that link to one another, in the index too: each has to know those of the others."""
    planned: dict[str, str] = {}
    new = [one for one in waiting if one.path not in index.slugs]
    with app.database.begin() as connection:
        for one in new:
            assert one.manuscript is not None, "only what was read can wait"  # noqa: S101
            planned[one.path] = free_slug(connection, one.manuscript, besides=planned.values())
            index.add(one.path, planned[one.path])
    return planned


def reading_options(app: AppContext) -> ReadingOptions:
    """What articles are read with, unless their source says otherwise."""
    return ReadingOptions(zone=app.site.time_zone, language=app.site.language)


def missing_files(app: AppContext) -> list[str]:
    """A message for each article whose file is missing from the content folder, as the last scan found it."""
    with app.database.begin() as connection:
        found = articles.missing(connection)
    return [
        f"{one.source_ref} is missing since {one.missing_since:%Y-%m-%d %H:%M} UTC, and its article {one.article.slug} "
        f"is {one.status.state.value} all the same: put the file back"
        + ("" if one.status.published_at is None else f", or run `distributor article withdraw {one.article.slug}`")
        for one in found
    ]


def _note_missing(app: AppContext, guard: ItemGuard, paths: Collection[str], *, present: Sequence[str]) -> set[str]:
    """Note that these files are gone. Those below a folder that could not be read may still be there.

    Returns the keys in quarantine of those for which that failed.
    """
    # A path that was listed and is a folder could not be read.
    unread = tuple("" if path == "." else f"{path}/" for path in present)
    for path in sorted(paths):
        if not path.startswith(unread):
            with guard.item(path):
                _set_missing(app, path)
    return {stored_key(path) for path in paths if path in guard.held}


def _set_missing(app: AppContext, path: str) -> None:
    now = app.clock()
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        found = articles.find_by_ref(connection, FOLDER, path)
        if found is None or found.missing_since is not None:
            return
        articles.set_missing(connection, found.id, now)
        if found.status.state is ArticleState.PUBLISHED and not found.status.has_been_public(now):
            articles.change_status(
                connection,
                found.id,
                found.status.unpublished(now),
                ArticleAction.UNPUBLISHED,
                actor=_FOLDER_ACTOR,
                note=_MISSING,
                now=now,
            )


def _ingest_scanned(
    app: AppContext,
    scanned: ScannedFile | UnreadableFile,
    index: SourceIndex,
    hosts: HostReachability,
    slug: str | None,
) -> Ingested | None:
    """The article of a file of the content folder; None for the content it has already. Raises its error."""
    if isinstance(scanned, UnreadableFile):
        raise scanned.error
    if scanned.manuscript is None:
        return None
    return _ingest(
        app,
        scanned.manuscript,
        actor=_FOLDER_ACTOR,
        source=FOLDER,
        source_ref=scanned.path,
        content_hash=scanned.content_hash,
        folder=LocalFolder(app.content_dir / scanned.path, app.content_dir),
        index=index,
        hosts=hosts,
        planned_slug=slug,
    )


def add_file(app: AppContext, file: Path, *, actor: str = "") -> Ingested:
    """Ingest one file, as a new article or a revision of the article it was before. Raises SourceError.

    A file inside the content folder is the article that a scan finds there.
    """
    data = read_bytes(file)
    manuscript = parse_manuscript(data, name=str(file), options=reading_options(app))
    resolved, content = file.resolve(), app.content_dir.resolve()
    is_inside = resolved.is_relative_to(content)
    with app.database.begin() as connection:
        index = SourceIndex.of(articles.slugs(connection, FOLDER) if is_inside else {})
    return _ingest(
        app,
        manuscript,
        actor=actor,
        source=FOLDER if is_inside else _UPLOAD,
        source_ref=shortened(path_as_text(resolved.relative_to(content) if is_inside else resolved), LONGEST_PATH),
        content_hash=hashlib.sha256(data).hexdigest(),
        folder=LocalFolder(resolved, content if is_inside else resolved.parent),
        index=index,
    )


def add_manuscript(
    app: AppContext, manuscript: Manuscript, *, source_ref: str, content_hash: str, actor: str = ""
) -> Ingested:
    """Ingest what was read elsewhere, as a new article or a revision of the one that came from `source_ref` before.

    It brings its images along, or they are on the web.
    """
    return _ingest(
        app,
        manuscript,
        actor=actor,
        source=_UPLOAD,
        source_ref=shortened(source_ref, LONGEST_PATH),
        content_hash=content_hash,
        folder=None,
        index=SourceIndex(),
    )


def add_archive(app: AppContext, file: Path, *, actor: str = "") -> list[AddedFile]:
    """Ingest every article of a ZIP; adding it again makes revisions of what has changed. Raises SourceError.

    One that cannot be read does not stop the others. Their links to one another lead to their pages.
    """
    data = read_bytes(file, max_bytes=MAX_DOCUMENT_BYTES)
    place = f"{path_as_text(file.resolve())}/"
    found = [
        replace(one, path=shortened(f"{place}{one.path}", LONGEST_PATH))
        for one in read_archive(data, path=str(file), options=reading_options(app))
    ]
    with app.database.begin() as connection:
        known = articles.slugs(connection, _UPLOAD)
    index = SourceIndex.of({ref: slug for ref, slug in known.items() if ref.startswith(place)})
    planned = _planned_slugs(app, [one for one in found if isinstance(one, ScannedFile)], index)
    hosts = HostReachability()
    return [_add_packed(app, one, place, index, hosts, planned.get(one.path), actor=actor) for one in found]


def _add_packed(
    app: AppContext,
    one: ScannedFile | UnreadableFile,
    place: str,
    index: SourceIndex,
    hosts: HostReachability,
    slug: str | None,
    *,
    actor: str,
) -> AddedFile:
    name = one.path.removeprefix(place)
    try:
        if isinstance(one, UnreadableFile):
            raise one.error
        assert one.manuscript is not None, "nothing is known before"  # noqa: S101
        ingested = _ingest(
            app,
            one.manuscript,
            actor=actor,
            source=_UPLOAD,
            source_ref=one.path,
            content_hash=one.content_hash,
            folder=None,
            index=index,
            hosts=hosts,
            planned_slug=slug,
        )
    except SourceError as error:
        return AddedFile(path=name, problem=error.reason_with_line)
    except Exception as error:
        # A fault that one file meets is about this file only.
        log.warning("ingest.file_failed", reason=type(error).__name__, exc_info=error)
        return AddedFile(path=name, problem=str(error))
    return AddedFile(path=name, ingested=ingested)


def _ingest(
    app: AppContext,
    manuscript: Manuscript,
    *,
    actor: str,
    source: str,
    source_ref: str,
    content_hash: str,
    folder: LocalFolder | None,
    index: SourceIndex,
    hosts: HostReachability | None = None,
    planned_slug: str | None = None,
) -> Ingested:
    """Store a manuscript. `folder` is where its images may be, None for one that brings all that it has."""
    body, notes = index.settle(manuscript.body, beside=source_ref)
    settled = replace(manuscript, body=body, warnings=(*manuscript.warnings, *notes))
    if folder is not None:
        illustrated, media = take_local_images(settled, file=folder.file, root=folder.root)
    else:
        illustrated, media = replace(settled, media=()), list(settled.media)
    illustrated = keep_remote_images(app, illustrated, reachability=hosts)
    now = app.clock()
    publishes = app.content_publish if source == FOLDER else False
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        articles.add_media(connection, media)
        before = articles.find_by_ref(connection, source, source_ref)
        if before is None:
            slug = free_slug(connection, illustrated, wanted=planned_slug)
            articles.add(
                connection,
                illustrated,
                guid=uuid.uuid4().urn,
                slug=slug,
                source=source,
                source_ref=source_ref,
                content_hash=content_hash,
                now=now,
                status=_first_status(illustrated, publishes=publishes, now=now),
                actor=actor,
            )
            return Ingested(slug=slug, change=Change.ADDED, warnings=illustrated.warnings)
        articles.lock(connection, [before.id])
        before = articles.find_by_slug(connection, before.article.slug)
        change = Change.UNCHANGED
        is_back = before.missing_since is not None
        is_published_again = is_back and _is_unpublished_because_missing(connection, before)
        if is_back:
            articles.set_missing(connection, before.id, None)
        if before.content_hash != content_hash:
            status = _status_after_edit(before, illustrated, publishes=publishes, now=now)
            _revise(connection, before, illustrated, status, content_hash=content_hash, actor=actor, now=now)
            change = Change.REVISED
            is_published_again &= not _is_made_a_draft(before, illustrated, publishes=publishes)
        if is_published_again:
            # Only now, so that the revision from before the file was missing does not become public.
            _publish_again(connection, before.article.slug, now=now)
    return Ingested(slug=before.article.slug, change=change, warnings=illustrated.warnings)


def _first_status(manuscript: Manuscript, *, publishes: bool, now: datetime) -> ArticleStatus:
    """The status of a new article: front matter decides, else the setting of its source."""
    dated = manuscript.published_at
    draft = ArticleStatus(publish_at=dated if dated is not None and dated > now else None)
    wanted = publishes if manuscript.publish is None else manuscript.publish
    return draft.published(now, dated=dated) if wanted else draft


def _status_after_edit(
    before: StoredArticle, manuscript: Manuscript, *, publishes: bool, now: datetime
) -> ArticleStatus:
    """The status after an edit, which decides only by what it changes: a person may have decided otherwise meanwhile.

    A source that says nothing wants its article published if its setting says so, else nothing.
    """
    dated = manuscript.published_at
    status = before.status.redated(before.manuscript.published_at, dated, now)
    had, wants = (_wants_published(one, publishes=publishes) for one in (before.manuscript, manuscript))
    if wants is None or wants is had:
        return status
    if wants:
        return status.published(now, dated=dated)
    if status.state is ArticleState.WITHDRAWN or status.has_been_public(now):
        return status.withdrawn(now)
    return status.unpublished(now)


def _wants_published(manuscript: Manuscript, *, publishes: bool) -> bool | None:
    """Whether a source wants its article published; None if it says nothing."""
    default = True if publishes else None
    return default if manuscript.publish is None else manuscript.publish


def _is_made_a_draft(before: StoredArticle, manuscript: Manuscript, *, publishes: bool) -> bool:
    """Whether this edit says that the article is not to be published, which the revision before did not."""
    had, wants = (_wants_published(one, publishes=publishes) for one in (before.manuscript, manuscript))
    return wants is False and had is not False


def _revise(
    connection: Connection,
    before: StoredArticle,
    manuscript: Manuscript,
    status: ArticleStatus,
    *,
    content_hash: str,
    actor: str,
    now: datetime,
) -> None:
    """Store the revision, and the status if the edit changed it."""
    is_same = status.state is before.status.state
    articles.revise(
        connection,
        before.id,
        manuscript,
        content_hash=content_hash,
        status=status if is_same else None,
        actor=actor,
        now=now,
    )
    if not is_same:
        action = _ACTIONS[status.state]
        articles.change_status(connection, before.id, status, action, actor=actor, note="by its front matter", now=now)


def _is_unpublished_because_missing(connection: Connection, found: StoredArticle) -> bool:
    """Whether a scan made the article a draft because its file was missing."""
    last = articles.history(connection, found.id)[-1]
    return last.action is ArticleAction.UNPUBLISHED and last.actor == _FOLDER_ACTOR and last.note == _MISSING


def _publish_again(connection: Connection, slug: str, *, now: datetime) -> None:
    """Publish an article, whose missing file is back, as it was, unless its front matter did so by this edit."""
    found = articles.find_by_slug(connection, slug)
    status = found.status.published(now)
    if status != found.status:
        articles.change_status(
            connection,
            found.id,
            status,
            ArticleAction.PUBLISHED,
            actor=_FOLDER_ACTOR,
            note="its file is back",
            now=now,
        )


def free_slug(
    connection: Connection, manuscript: Manuscript, *, wanted: str | None = None, besides: Collection[str] = ()
) -> str:
    """The slug of a new article: the one wanted, or that it asks for, or that of its title; with a number if that is
    taken, or among those `besides`."""
    wanted = wanted or manuscript.slug or slugify(manuscript.title) or "article"
    numbered = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
    return next(slug for slug in numbered if slug not in besides and not articles.is_slug_taken(connection, slug))
