"""Uploaded files become articles, which are drafts. One file that cannot be read does not stop the others."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from distributor.domain.errors import SourceError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_writing import APP_SOURCE
from distributor.flow.publishing.ingest import free_slug, reading_options
from distributor.sources.pasted import read_uploaded
from distributor.storage import articles
from distributor.storage.articles import StoredArticle


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """What became of an uploaded file: the article and the warnings of its format, or the problem."""

    name: str
    found: StoredArticle | None = None
    is_new: bool = False
    problem: str = ""
    warnings: tuple[str, ...] = ()


def add_uploads(app: AppContext, files: Sequence[tuple[str, bytes]], *, key: str, actor: str) -> list[UploadResult]:
    """Make an article, which is a draft, of each file. One that cannot be read does not stop the others.

    The same files with the same key make no other articles.
    """
    return [_upload(app, name, body, ref=f"{key}:{at}", actor=actor) for at, (name, body) in enumerate(files)]


def _upload(app: AppContext, name: str, body: bytes, *, ref: str, actor: str) -> UploadResult:
    try:
        manuscript = read_uploaded(body, name=name, options=reading_options(app))
        with app.database.begin() as connection:
            articles.lock_ingestion(connection)
            before = articles.find_by_ref(connection, APP_SOURCE, ref)
            if before is not None:
                return UploadResult(name=name, found=before, warnings=manuscript.warnings)
            articles.add_media(connection, manuscript.media)
            article_id = articles.add(
                connection,
                replace(manuscript, publish=None, media=()),
                guid=uuid.uuid4().urn,
                slug=free_slug(connection, manuscript),
                source=APP_SOURCE,
                source_ref=ref,
                content_hash=hashlib.sha256(body).hexdigest(),
                actor=actor,
                now=app.clock(),
            )
            found = articles.find_by_id(connection, article_id)
    except SourceError as error:
        place = f"line {error.line}: " if error.line else ""
        return UploadResult(name=name, problem=f"{place}{error.reason}")
    return UploadResult(name=name, found=found, is_new=True, warnings=(*manuscript.warnings, *_missing_images(found)))


def _missing_images(found: StoredArticle) -> list[str]:
    local = [one.src for one in found.article.images if "://" not in one.src and not one.src.startswith("/")]
    return [f"its image {src} is not here: add it while you edit the article" for src in dict.fromkeys(local)]
