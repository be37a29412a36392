"""Uploaded files become articles, which are drafts. One file that cannot be read does not stop the others."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.domain.stored_text import shortened
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import free_slug, reading_options
from distributor.flow.articles.remote_images import HostReachability, keep_remote_images
from distributor.flow.articles.web_article import is_web_address, read_web_article
from distributor.flow.articles.writing import APP_SOURCE
from distributor.sources.items import LONGEST_REF, SourceItem, UnreadableItem
from distributor.sources.pasted import read_uploaded
from distributor.sources.zipped import holds_articles, read_archive
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
    """Make an article, which is a draft, of each file, and of each file in a ZIP. A bad one does not stop the others.

    The same files with the same key make no other articles.
    """
    results: list[UploadResult] = []
    hosts = HostReachability()
    for at, (name, body) in enumerate(files):
        ref = f"{key}:{at}"
        if holds_articles(body):
            results += _upload_archive(app, name, body, hosts, ref=ref, actor=actor)
        else:
            results.append(_upload(app, name, body, hosts, ref=ref, actor=actor))
    return results


def add_page(app: AppContext, address: str, *, key: str, actor: str) -> UploadResult:
    """Make an article, which is a draft, of the one at a web address; the same key makes no other one.

    Whoever takes a page twice has two drafts: an article that was edited meanwhile is not written over.
    """
    if not is_web_address(address):
        return UploadResult(name=address, problem="this is no web address; it begins with https://")
    try:
        page = read_web_article(app, address)
    except SourceError as error:
        return UploadResult(name=address, problem=error.reason)
    hosts, ref = HostReachability(), f"{key}:page"
    return _store(app, page.manuscript, hosts, name=address, ref=ref, content_hash=page.content_hash, actor=actor)


def _upload_archive(
    app: AppContext, name: str, body: bytes, hosts: HostReachability, *, ref: str, actor: str
) -> list[UploadResult]:
    try:
        found = list(read_archive(body, path="", options=reading_options(app)))
    except SourceError as error:
        return [UploadResult(name=name, problem=error.reason)]
    return [
        _upload_packed(app, one, hosts, name=f"{name}/{one.ref}", ref=f"{ref}:{one.ref}", actor=actor) for one in found
    ]


def _upload_packed(
    app: AppContext, one: SourceItem | UnreadableItem, hosts: HostReachability, *, name: str, ref: str, actor: str
) -> UploadResult:
    if isinstance(one, UnreadableItem):
        return UploadResult(name=name, problem=_problem_of(one.error))
    assert one.manuscript is not None, "nothing is known before"  # noqa: S101
    stored_ref = shortened(ref, LONGEST_REF)
    return _store(app, one.manuscript, hosts, name=name, ref=stored_ref, content_hash=one.content_hash, actor=actor)


def _upload(app: AppContext, name: str, body: bytes, hosts: HostReachability, *, ref: str, actor: str) -> UploadResult:
    try:
        manuscript = read_uploaded(body, name=name, options=reading_options(app))
    except SourceError as error:
        return UploadResult(name=name, problem=_problem_of(error))
    return _store(
        app, manuscript, hosts, name=name, ref=ref, content_hash=hashlib.sha256(body).hexdigest(), actor=actor
    )


def _store(
    app: AppContext,
    manuscript: Manuscript,
    hosts: HostReachability,
    *,
    name: str,
    ref: str,
    content_hash: str,
    actor: str,
) -> UploadResult:
    with app.database.begin() as connection:
        before = articles.find_by_ref(connection, APP_SOURCE, ref)
    if before is None:
        manuscript = keep_remote_images(app, manuscript, reachability=hosts)
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
            content_hash=content_hash,
            actor=actor,
            now=app.clock(),
        )
        found = articles.find_by_id(connection, article_id)
    return UploadResult(name=name, found=found, is_new=True, warnings=(*manuscript.warnings, *_missing_images(found)))


def _problem_of(error: Exception) -> str:
    if not isinstance(error, SourceError):
        return f"it cannot be read ({type(error).__name__})"
    return error.reason_with_line


def _missing_images(found: StoredArticle) -> list[str]:
    local = [one.src for one in found.article.images if "://" not in one.src and not one.src.startswith("/")]
    return [f"its image {src} is not here: add it while you edit the article" for src in dict.fromkeys(local)]
