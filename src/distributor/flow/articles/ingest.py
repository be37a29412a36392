"""Ingest: items of a source become articles and revisions; one that fails does not affect the others."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from distributor.domain.errors import SourceError, StateError
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.source import CONTENT_FOLDER
from distributor.domain.stored_text import shortened, stored_key
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.articles.remote_images import HostReachability, keep_remote_images
from distributor.flow.quarantine import ItemGuard
from distributor.sources.article_links import SourceIndex
from distributor.sources.documents import MAX_DOCUMENT_BYTES
from distributor.sources.folder import path_as_text, read_folder
from distributor.sources.formats import parse_manuscript, read_bytes
from distributor.sources.items import LONGEST_REF, GoneItem, ReadItem, SourceItem, UnreadableItem
from distributor.sources.local_images import take_local_images
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.zipped import read_archive
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection

FOLDER = CONTENT_FOLDER
_UPLOAD = "upload"
# What people wrote or gave has these as its source.
WITHOUT_SOURCE = ("app", _UPLOAD)
_MISSING = "its source has it no more"

# The actions by which front matter brings an article into each state.
_ACTIONS = {
    ArticleState.DRAFT: ArticleAction.UNPUBLISHED,
    ArticleState.PUBLISHED: ArticleAction.PUBLISHED,
    ArticleState.WITHDRAWN: ArticleAction.WITHDRAWN,
}

log = structlog.get_logger(__name__)


class Change(StrEnum):
    """What ingesting an item changed. HELD is a newer version that waits, because the article was edited here."""

    ADDED = "added"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    HELD = "held"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where articles come from. `name` is their `source`, and `actor` who their histories say added and revised them.

    `wants_published` says whether a manuscript is to be published, or not any more; None if it says nothing about that.
    `root` is the folder whose files they are, if they are files. `holds_edits` says that what was edited here stays,
    and a newer version of the source is kept beside it. With `may_rename_items` an item that is not known is the one of
    the same address and title: sites that move give all their items new GUIDs.
    """

    name: str
    actor: str
    wants_published: Callable[[Manuscript], bool | None] = lambda manuscript: manuscript.publish
    root: Path | None = None
    holds_edits: bool = False
    may_rename_items: bool = False
    loop: QuarantineLoop = QuarantineLoop.SOURCE

    def key(self, ref: str) -> str:
        """What an item is called in the quarantine of the loop."""
        return ref if self.loop is QuarantineLoop.FILE else f"{self.name}: {ref}"


def content_folder(app: AppContext) -> Origin:
    """The files of the content folder: front matter says what is published, else the setting."""
    publishes = True if app.content_publish else None
    return Origin(
        name=FOLDER,
        actor="content folder",
        wants_published=lambda manuscript: publishes if manuscript.publish is None else manuscript.publish,
        root=app.content_dir,
        loop=QuarantineLoop.FILE,
    )


@dataclass(slots=True, kw_only=True)
class ScanReport:
    """What reading a source changed: slugs added and revised, and a message for each item that is broken or missing.

    `held` are the slugs of articles that stay as they were edited here; `gone` counts items that the source had before.
    `unused_keys` counts the files whose front matter has a key without a meaning here, by the key; `postponed` counts
    items that are left for the next time.
    """

    added: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    gone: int = 0
    unchanged: int = 0
    postponed: int = 0
    broken: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused_keys: Counter[str] = field(default_factory=Counter)

    def count(self, ingested: Ingested | None) -> None:
        """Count one readable item; None stands for one that has not changed."""
        if ingested is None or ingested.change is Change.UNCHANGED:
            self.unchanged += 1
        elif ingested.change is Change.ADDED:
            self.added.append(ingested.slug)
        elif ingested.change is Change.HELD:
            self.held.append(ingested.slug)
        else:
            self.revised.append(ingested.slug)


def scan(app: AppContext, *, until: datetime | None = None) -> ScanReport:
    """Ingest new and changed files of the content folder. Raises SourceError if there is no such folder.

    Those that are left at `until` are for the next scan: fetching their images may take long.

    Each file is a transaction of its own. One that fails is in quarantine until it works again or is gone. The article
    of a missing file stays, unless it was yet to become public: it is a draft until the file is back.
    """
    options = replace(reading_options(app), is_strict=app.content_strict)
    report = ingest_items(
        app, content_folder(app), lambda known: read_folder(app.content_dir, known, options), until=until
    )
    report.missing.extend(missing_files(app))
    return report


def ingest_items(
    app: AppContext,
    origin: Origin,
    read: Callable[[Mapping[str, str]], Iterable[ReadItem]],
    *,
    until: datetime | None = None,
) -> ScanReport:
    """Ingest what `read` gives, each item in a transaction of its own. Raises SourceError of the source itself.

    `read` is told the content hash of every item that is known, also of those that failed with it. New and changed
    items that are left at `until` are for the next time.
    """
    began, hosts, report = time.monotonic(), HostReachability(), ScanReport()
    guard = ItemGuard(app, origin.loop)
    with app.database.begin() as connection:
        stored = articles.known_hashes(connection, origin.name)
        index = SourceIndex.of(articles.slugs(connection, origin.name) if origin.root else {})
    run = _Run(app=app, origin=origin, guard=guard, report=report, index=index, hosts=hosts, until=until)
    waiting: list[SourceItem] = []
    for one in read(stored | run.failed_before()):
        if isinstance(one, GoneItem):
            run.take_gone(one)
        elif isinstance(one, SourceItem) and one.manuscript is None and stored.get(one.ref) != one.content_hash:
            # It failed before with this content, and is not due yet.
            report.unchanged += 1
            report.broken.append(guard.known[stored_key(origin.key(one.ref))].reason)
        elif isinstance(one, SourceItem) and one.manuscript and run.waits(one):
            # It links to an article that may yet come, whose address is not known before.
            waiting.append(one)
        else:
            run.take(one)
    planned = _planned_slugs(app, waiting, index)
    for one in waiting:
        run.take(one, slug=planned.get(one.ref))
    has_changes = report.added or report.revised or set(report.broken) - {one.reason for one in guard.known.values()}
    log.log(
        logging.INFO if has_changes else logging.DEBUG,
        "ingest.finished",
        source=origin.name,
        added=len(report.added),
        revised=len(report.revised),
        held=len(report.held),
        unchanged=report.unchanged,
        broken=len(report.broken),
        gone=report.gone,
        postponed=report.postponed,
        seconds=round(time.monotonic() - began, 3),
    )
    return report


def ingest_item(app: AppContext, origin: Origin, item: SourceItem) -> Ingested | None:
    """Ingest one item that is seen only once; None for content that is here already. Raises its error."""
    if item.manuscript is None:
        return None
    return _ingest(
        app,
        item.manuscript,
        origin=origin,
        source_ref=item.ref,
        content_hash=item.content_hash,
        folder=None,
        index=SourceIndex(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One pass over the items of an origin."""

    app: AppContext
    origin: Origin
    guard: ItemGuard
    report: ScanReport
    index: SourceIndex
    hosts: HostReachability
    until: datetime | None

    def failed_before(self) -> dict[str, str]:
        """The items in quarantine, with the hash of their content if they are not to be tried again yet."""
        prefix = self.origin.key("")
        return {
            key.removeprefix(prefix): str(item.detail.get("content_hash")) if self.guard.rests(key) else ""
            for key, item in self.guard.known.items()
            if key.startswith(prefix)
        }

    def waits(self, one: SourceItem) -> bool:
        """Whether an item links to a file that may yet come."""
        assert one.manuscript is not None, "only what was read has links"  # noqa: S101
        return self.origin.root is not None and self.index.lacks(one.manuscript.body, beside=one.ref)

    def take(self, one: SourceItem | UnreadableItem, *, slug: str | None = None) -> None:
        """Ingest one item, unless it is left for the next time, and count it."""
        if self._is_late(one):
            self.report.postponed += 1
            return
        key = self.origin.key(one.ref)
        with self.guard.item(key, detail={"content_hash": one.content_hash}):
            ingested = self._ingested(one, slug)
            self.report.count(ingested)
            if ingested is not None:
                self.index.add(one.ref, ingested.slug)
            if isinstance(one, SourceItem) and one.manuscript is not None:
                self.report.unused_keys.update(one.manuscript.unused_keys)
        if key in self.guard.held:
            self.report.broken.append(self.guard.held[key])

    def take_gone(self, one: GoneItem) -> None:
        """Note that an item is gone."""
        with self.guard.item(self.origin.key(one.ref)):
            self.report.gone += _set_missing(self.app, self.origin, one.ref)

    def _is_late(self, one: SourceItem | UnreadableItem) -> bool:
        if self.until is None or not isinstance(one, SourceItem) or one.manuscript is None:
            return False
        return self.app.clock() >= self.until

    def _ingested(self, one: SourceItem | UnreadableItem, slug: str | None) -> Ingested | None:
        """The article of an item; None for the content it has already. Raises its error."""
        if isinstance(one, UnreadableItem):
            raise one.error
        if one.manuscript is None:
            return None
        root = self.origin.root
        return _ingest(
            self.app,
            one.manuscript,
            origin=self.origin,
            source_ref=one.ref,
            content_hash=one.content_hash,
            folder=LocalFolder(root / one.ref, root) if root is not None else None,
            index=self.index,
            hosts=self.hosts,
            planned_slug=slug,
        )


def _planned_slugs(app: AppContext, waiting: Sequence[SourceItem], index: SourceIndex) -> dict[str, str]:
    """The slugs of new articles that link to one another, in the index too: each has to know those of the others."""
    planned: dict[str, str] = {}
    new = [one for one in waiting if one.ref not in index.slugs]
    with app.database.begin() as connection:
        for one in new:
            assert one.manuscript is not None, "only what was read can wait"  # noqa: S101
            planned[one.ref] = free_slug(connection, one.manuscript, besides=planned.values())
            index.add(one.ref, planned[one.ref])
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
        if one.source == FOLDER
    ]


def _set_missing(app: AppContext, origin: Origin, ref: str) -> bool:
    """Note that an item is gone; whether it was there before."""
    now = app.clock()
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        found = articles.find_by_ref(connection, origin.name, ref)
        if found is None or found.missing_since is not None:
            return False
        articles.set_missing(connection, found.id, now)
        if found.status.state is ArticleState.PUBLISHED and not found.status.has_been_public(now):
            articles.change_status(
                connection,
                found.id,
                found.status.unpublished(now),
                ArticleAction.UNPUBLISHED,
                actor=origin.actor,
                note=_MISSING,
                now=now,
            )
    return True


def _upload(actor: str) -> Origin:
    return Origin(name=_UPLOAD, actor=actor)


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
        origin=replace(content_folder(app), actor=actor) if is_inside else _upload(actor),
        source_ref=shortened(path_as_text(resolved.relative_to(content) if is_inside else resolved), LONGEST_REF),
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
        origin=_upload(actor),
        source_ref=shortened(source_ref, LONGEST_REF),
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
        replace(one, ref=shortened(f"{place}{one.ref}", LONGEST_REF))
        for one in read_archive(data, path=str(file), options=reading_options(app))
    ]
    with app.database.begin() as connection:
        known = articles.slugs(connection, _UPLOAD)
    index = SourceIndex.of({ref: slug for ref, slug in known.items() if ref.startswith(place)})
    planned = _planned_slugs(app, [one for one in found if isinstance(one, SourceItem)], index)
    hosts = HostReachability()
    return [_add_packed(app, one, place, index, hosts, planned.get(one.ref), actor=actor) for one in found]


def _add_packed(
    app: AppContext,
    one: SourceItem | UnreadableItem,
    place: str,
    index: SourceIndex,
    hosts: HostReachability,
    slug: str | None,
    *,
    actor: str,
) -> AddedFile:
    name = one.ref.removeprefix(place)
    try:
        if isinstance(one, UnreadableItem):
            raise one.error
        assert one.manuscript is not None, "nothing is known before"  # noqa: S101
        ingested = _ingest(
            app,
            one.manuscript,
            origin=_upload(actor),
            source_ref=one.ref,
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
    origin: Origin,
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
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        articles.add_media(connection, media)
        before = articles.find_by_ref(connection, origin.name, source_ref)
        if before is None and origin.may_rename_items and (address := illustrated.canonical_url):
            before = articles.rename_ref(connection, origin.name, source_ref, address=address, title=illustrated.title)
        if before is None:
            slug = free_slug(connection, illustrated, wanted=planned_slug)
            articles.add(
                connection,
                illustrated,
                guid=uuid.uuid4().urn,
                slug=slug,
                source=origin.name,
                source_ref=source_ref,
                content_hash=content_hash,
                now=now,
                status=_first_status(illustrated, origin, now=now),
                actor=origin.actor,
            )
            return Ingested(slug=slug, change=Change.ADDED, warnings=illustrated.warnings)
        articles.lock(connection, [before.id])
        before = articles.find_by_slug(connection, before.article.slug)
        change = Change.UNCHANGED
        is_back = before.missing_since is not None
        is_published_again = is_back and _is_unpublished_because_missing(connection, before, origin)
        if is_back:
            articles.set_missing(connection, before.id, None)
        if before.source_hash != content_hash:
            change = _take_edit(connection, before, illustrated, origin, content_hash=content_hash, now=now)
            is_published_again &= not _is_made_a_draft(before, illustrated, origin)
        if is_published_again:
            # Only now, so that the revision from before the file was missing does not become public.
            _publish_again(connection, before.article.slug, origin, now=now)
    return Ingested(slug=before.article.slug, change=change, warnings=illustrated.warnings)


def _take_edit(
    connection: Connection,
    before: StoredArticle,
    manuscript: Manuscript,
    origin: Origin,
    *,
    content_hash: str,
    now: datetime,
) -> Change:
    """A newer version of the source becomes a revision, or waits beside an article that was edited here."""
    if origin.holds_edits and before.source_text is not None:
        articles.hold_update(connection, before.id, manuscript, content_hash=content_hash)
        return Change.HELD
    status = _status_after_edit(before, manuscript, origin, now=now)
    _revise(connection, before, manuscript, status, content_hash=content_hash, actor=origin.actor, now=now)
    return Change.REVISED


def take_held_update(app: AppContext, slug: str, *, actor: str) -> StoredArticle:
    """Replace the text of an article that was edited here by the newer version that its source has.

    The text that was written here stays as a revision. Raises NotFoundError, and StateError if no version waits.
    """
    now = app.clock()
    with app.database.begin() as connection:
        articles.lock(connection, [articles.find_by_slug(connection, slug).id])
        found = articles.find_by_slug(connection, slug)
        if found.held_update is None or found.source_hash is None:
            raise StateError(f"article {slug}: no newer version of its source waits")
        articles.revise(connection, found.id, found.held_update, content_hash=found.source_hash, actor=actor, now=now)
        return articles.find_by_slug(connection, slug)


def _first_status(manuscript: Manuscript, origin: Origin, *, now: datetime) -> ArticleStatus:
    """The status of a new article, as its origin wants it."""
    dated = manuscript.published_at
    draft = ArticleStatus(publish_at=dated if dated is not None and dated > now else None)
    return draft.published(now, dated=dated) if origin.wants_published(manuscript) else draft


def _status_after_edit(
    before: StoredArticle, manuscript: Manuscript, origin: Origin, *, now: datetime
) -> ArticleStatus:
    """The status after an edit, which decides by what it changes: a person may have decided otherwise meanwhile."""
    dated = manuscript.published_at
    status = before.status.redated(before.manuscript.published_at, dated, now)
    had, wants = (origin.wants_published(one) for one in (before.manuscript, manuscript))
    if wants is None or wants is had:
        return status
    if wants:
        return status.published(now, dated=dated)
    if status.state is ArticleState.WITHDRAWN or status.has_been_public(now):
        return status.withdrawn(now)
    return status.unpublished(now)


def _is_made_a_draft(before: StoredArticle, manuscript: Manuscript, origin: Origin) -> bool:
    """Whether this edit says that the article is not to be published, which the revision before did not."""
    had, wants = (origin.wants_published(one) for one in (before.manuscript, manuscript))
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


def _is_unpublished_because_missing(connection: Connection, found: StoredArticle, origin: Origin) -> bool:
    """Whether a run made the article a draft because it was missing."""
    last = articles.history(connection, found.id)[-1]
    return last.action is ArticleAction.UNPUBLISHED and last.actor == origin.actor and last.note == _MISSING


def _publish_again(connection: Connection, slug: str, origin: Origin, *, now: datetime) -> None:
    """Publish an article, which is back, as it was, unless its source did so by this edit."""
    found = articles.find_by_slug(connection, slug)
    status = found.status.published(now)
    if status != found.status:
        articles.change_status(
            connection,
            found.id,
            status,
            ArticleAction.PUBLISHED,
            actor=origin.actor,
            note="its source has it again",
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
