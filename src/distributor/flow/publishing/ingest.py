"""Ingest: files of the content folder become articles and revisions; one that fails does not affect the others."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import count
from pathlib import Path

import structlog

from distributor.domain.article import ArticleStatus, Manuscript, Media
from distributor.domain.blocks import Image, replace_images
from distributor.domain.errors import SourceError
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.stored_text import shortened, stored_key
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.quarantine import ItemGuard
from distributor.sources.folder import (
    LONGEST_PATH,
    ScannedFile,
    UnreadableFile,
    path_as_text,
    read_image,
    scan_folder,
)
from distributor.sources.formats import parse_manuscript, read_bytes
from distributor.storage import articles
from distributor.storage.database import Connection

_FOLDER = "folder"
_UPLOAD = "upload"

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


@dataclass(slots=True, kw_only=True)
class ScanReport:
    """The result of a scan: slugs added and revised, and one message for each unreadable file."""

    added: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    unchanged: int = 0
    broken: list[str] = field(default_factory=list)

    def count(self, ingested: Ingested | None) -> None:
        """Count one readable file; None stands for one that has not changed."""
        if ingested is None or ingested.change is Change.UNCHANGED:
            self.unchanged += 1
        elif ingested.change is Change.ADDED:
            self.added.append(ingested.slug)
        else:
            self.revised.append(ingested.slug)


def scan(app: AppContext) -> ScanReport:
    """Ingest new and changed files of the content folder. Raises SourceError if there is no such folder.

    Each file is a transaction of its own. One that fails is in quarantine until it works again or is gone.
    """
    folder, began = app.content_dir, time.monotonic()
    guard = ItemGuard(app, QuarantineLoop.FILE)
    with app.database.begin() as connection:
        stored = articles.known_hashes(connection, _FOLDER)
    resting = {key: str(item.detail.get("content_hash")) for key, item in guard.known.items() if guard.rests(key)}
    report = ScanReport()
    seen: set[str] = set()
    for one in scan_folder(folder, known=stored | resting):
        seen.add(stored_key(one.path))
        if isinstance(one, ScannedFile) and one.manuscript is None and stored.get(one.path) != one.content_hash:
            # It failed before with this content, and is not due yet.
            report.unchanged += 1
            report.broken.append(guard.known[one.path].reason)
            continue
        with guard.item(one.path, detail={"content_hash": one.content_hash}):
            report.count(_ingest_scanned(app, one))
        if one.path in guard.held:
            report.broken.append(guard.held[one.path])
    guard.leave(guard.known.keys() - seen)
    has_changes = report.added or report.revised or set(report.broken) - {one.reason for one in guard.known.values()}
    log.log(
        logging.INFO if has_changes else logging.DEBUG,
        "ingest.finished",
        added=len(report.added),
        revised=len(report.revised),
        unchanged=report.unchanged,
        broken=len(report.broken),
        seconds=round(time.monotonic() - began, 3),
    )
    return report


def _ingest_scanned(app: AppContext, scanned: ScannedFile | UnreadableFile) -> Ingested | None:
    """The article of a file of the content folder; None for the content it has already. Raises its error."""
    if isinstance(scanned, UnreadableFile):
        raise scanned.error
    if scanned.manuscript is None:
        return None
    return _ingest(
        app,
        scanned.manuscript,
        source=_FOLDER,
        source_ref=scanned.path,
        content_hash=scanned.content_hash,
        file=app.content_dir / scanned.path,
        root=app.content_dir,
    )


def add_file(app: AppContext, file: Path) -> Ingested:
    """Ingest one file, as a new article or a revision of the article it was before. Raises SourceError.

    A file inside the content folder is the article that a scan finds there.
    """
    data = read_bytes(file)
    manuscript = parse_manuscript(data, name=str(file))
    resolved, folder = file.resolve(), app.content_dir.resolve()
    is_inside = resolved.is_relative_to(folder)
    return _ingest(
        app,
        manuscript,
        source=_FOLDER if is_inside else _UPLOAD,
        source_ref=shortened(path_as_text(resolved.relative_to(folder) if is_inside else resolved), LONGEST_PATH),
        content_hash=hashlib.sha256(data).hexdigest(),
        file=resolved,
        root=folder if is_inside else resolved.parent,
    )


def take_local_images(manuscript: Manuscript, *, file: Path, root: Path) -> tuple[Manuscript, list[Media]]:
    """The manuscript with its local images under public paths, and these images; a missing image is a warning."""
    media: dict[str, Media] = {}
    warnings: list[str] = []

    def take(image: Image) -> Image:
        if "://" in image.src or image.src.startswith("/"):
            return image
        try:
            local = read_image(image.src, beside=file.parent, root=root)
        except SourceError as error:
            warnings.append(error.reason)
            return image
        name = hashlib.sha256(local.body).hexdigest()[:32] + local.suffix
        media[name] = Media(name=name, media_type=local.media_type, body=local.body)
        return replace(image, src=media[name].src)

    illustrated = replace(
        manuscript,
        body=replace_images(manuscript.body, take),
        image=take(manuscript.image) if manuscript.image else None,
    )
    return replace(illustrated, warnings=(*manuscript.warnings, *warnings)), list(media.values())


def _ingest(
    app: AppContext,
    manuscript: Manuscript,
    *,
    source: str,
    source_ref: str,
    content_hash: str,
    file: Path,
    root: Path,
) -> Ingested:
    illustrated, media = take_local_images(manuscript, file=file, root=root)
    now = app.clock()
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        articles.add_media(connection, media)
        before = articles.find_by_ref(connection, source, source_ref)
        if before is None:
            slug = _free_slug(connection, illustrated)
            articles.add(
                connection,
                illustrated,
                guid=uuid.uuid4().urn,
                slug=slug,
                source=source,
                source_ref=source_ref,
                content_hash=content_hash,
                now=now,
                status=_first_status(illustrated, now=now),
                actor=source,
            )
            return Ingested(slug=slug, change=Change.ADDED, warnings=illustrated.warnings)
        change = Change.UNCHANGED
        if before.content_hash != content_hash:
            articles.revise(connection, before.id, illustrated, content_hash=content_hash, now=now, actor=source)
            change = Change.REVISED
    return Ingested(slug=before.article.slug, change=change, warnings=illustrated.warnings)


def _first_status(manuscript: Manuscript, *, now: datetime) -> ArticleStatus:
    dated = manuscript.published_at
    return ArticleStatus().published(now, at=dated if dated and dated > now else None, dated=dated)


def _free_slug(connection: Connection, manuscript: Manuscript) -> str:
    wanted = manuscript.slug or slugify(manuscript.title) or "article"
    if not articles.is_slug_taken(connection, wanted):
        return wanted
    return next(slug for number in count(2) if not articles.is_slug_taken(connection, slug := f"{wanted}-{number}"))
