"""Publications: the documents of channels that publish some (feeds) follow from the current articles and settings.

A delivery records which articles a channel publishes. Every change of an article, a channel or the site makes documents
stale; soon after the last change one job builds those that differ. Nothing else writes documents.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import structlog

from distributor import __version__
from distributor.channels.api import Article, PublishedCollection, PublishingChannel, Site
from distributor.channels.registry import kinds
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.quarantine import ItemGuard
from distributor.storage import articles, channels, document_builds, publications
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection, savepoint
from distributor.storage.publications import CollectionRecord, PublicationRecord

# When a document that could not be built is looked at again.
_RETRY_AFTER = timedelta(minutes=1)

log = structlog.get_logger(__name__)


def publish(app: AppContext, channel: ChannelRecord, guids: Sequence[str], *, at: datetime) -> None:
    """Let the channel publish these articles from `at` on, and build the documents that change by it at once.

    A document that cannot be built goes to the quarantine, and the articles are in it as soon as it can. Raises
    ServiceError, and nothing has changed then.
    """
    with app.database.begin() as connection:
        document_builds.lock(connection, channel.kind)
        publications.publish(connection, channel.id, guids, at=at)
        _build(app, connection, channel.kind)


def build_documents(app: AppContext, channel_id: int) -> None:
    """Build the stale documents of the kind of this channel, unless another worker is at it or has done it."""
    with app.database.begin() as connection:
        record = next((one for one in channels.all_channels(connection) if one.id == channel_id), None)
        if record is None or not document_builds.try_lock(connection, record.kind):
            return
        if record.kind in document_builds.due(connection, now=app.clock()):
            _build(app, connection, record.kind)


def document_jobs(app: AppContext, connection: Connection) -> list[Job]:
    """The jobs that build what is due. Documents that were built with other settings become stale."""
    now = app.clock()
    document_builds.drop_abandoned(connection)
    leading: dict[str, ChannelRecord] = {}
    for kind, records in _publishing(connection):
        document_builds.require(connection, kind, _fingerprint(app.site, records), now=now)
        leading[kind] = records[0]
    due = [kind for kind in document_builds.due(connection, now=now) if kind in leading]
    return [
        Job(JobKind.BUILD_DOCUMENTS, leading[kind].id, channel_queue=kinds()[kind].capabilities.queue) for kind in due
    ]


def _publishing(connection: Connection) -> Iterable[tuple[str, list[ChannelRecord]]]:
    """The channels of each kind that publishes documents, in the order in which they were set up.

    All channels of a kind publish at the same addresses; the settings of the first one hold.
    """
    records = sorted(channels.all_channels(connection), key=lambda record: (record.kind, record.id))
    for kind, group in groupby(records, lambda record: record.kind):
        if issubclass(kinds().get(kind, object), PublishingChannel):
            yield kind, list(group)


def _build(app: AppContext, connection: Connection, kind: str) -> None:
    """Build the documents of a kind that differ from the current state. The caller holds the lock of the kind."""
    now, began = app.clock(), time.monotonic()
    records = dict(_publishing(connection))[kind]
    fingerprint = _fingerprint(app.site, records)
    document_builds.require(connection, kind, fingerprint, now=now)
    changes = document_builds.count_changes(connection, kind)
    build = _Build(app=app, connection=connection, kind=kind, fingerprint=fingerprint, now=now)
    with build.guard.item(kind):
        channel = app.open_channel(records[0])
        assert isinstance(channel, PublishingChannel), "its kind is"  # noqa: S101
        build.run(channel)
    due_at = publications.next_embargo(connection, kind, now=now)
    if build.guard.held or build.resting:
        due_at = min(now + _RETRY_AFTER, due_at or datetime.max.replace(tzinfo=UTC))
    document_builds.finish(connection, kind, changes=changes, fingerprint=fingerprint, due_at=due_at)
    level = logging.INFO if build.built or build.guard.held else logging.DEBUG
    log.log(
        level,
        "documents.built",
        kind=kind,
        collections=build.built,
        failed=len(build.guard.held),
        resting=build.resting,
        seconds=round(time.monotonic() - began, 3),
    )


class _Build:
    """One pass over the collections of a kind."""

    def __init__(self, *, app: AppContext, connection: Connection, kind: str, fingerprint: str, now: datetime) -> None:
        self._app = app
        self._connection = connection
        self._kind = kind
        self._fingerprint = fingerprint
        self._now = now
        self._articles: dict[int, Article] = {}
        self.guard = ItemGuard(app, QuarantineLoop.DOCUMENT)
        self.built = 0
        # Collections that failed before with the same content, and are not due yet.
        self.resting = 0

    def run(self, channel: PublishingChannel) -> None:
        """Build each collection whose content has changed; one that fails does not affect the others."""
        limit = channel.max_articles()
        for collection in publications.collections_of(self._connection, self._kind, limit=limit, now=self._now):
            digest = self._digest(collection)
            key = f"{self._kind}/{collection.tag_slug}"
            if digest == collection.digest:
                # A change that could not be built was undone.
                if key in self.guard.known:
                    self.guard.leave([key])
                continue
            if self.guard.rests(key) and self.guard.known[key].detail.get("digest") == digest:
                self.resting += 1
                continue
            with self.guard.item(key, detail={"digest": digest}):
                self._build_collection(channel, collection, digest)
                self.built += 1

    def _build_collection(self, channel: PublishingChannel, collection: CollectionRecord, digest: str) -> None:
        current = PublishedCollection(
            tag=collection.tag, since=collection.since, articles=self._current(collection.articles)
        )
        documents = channel.documents(current, self._app.site)
        with savepoint(self._connection):
            for document in documents:
                publications.put_document(
                    self._connection,
                    document.path,
                    kind=self._kind,
                    tag_slug=collection.tag_slug,
                    media_type=document.media_type,
                    body=document.body,
                    last_modified=document.last_modified,
                    now=self._now,
                )
            paths = [document.path for document in documents]
            publications.mark_built(self._connection, self._kind, collection.tag_slug, digest=digest, paths=paths)

    def _current(self, published: Sequence[PublicationRecord]) -> list[Article]:
        """The articles, read once in a pass, with the dates that they have in this collection."""
        missing = [one.article_id for one in published if one.article_id not in self._articles]
        self._articles |= {one.id: one.article for one in articles.find_many(self._connection, missing)}
        return [
            replace(self._articles[one.article_id], published_at=one.published_at, updated_at=one.updated_at)
            for one in published
        ]

    def _digest(self, collection: CollectionRecord) -> str:
        """Of all that its documents depend on: a revision never changes, but its tags may have other names."""
        content = [self._fingerprint, asdict(collection) | {"digest": ""}]
        return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _fingerprint(site: Site, records: Sequence[ChannelRecord]) -> str:
    """Of all that the documents of a kind depend on, besides their articles."""
    first = records[0]
    kind = kinds()[first.kind]
    assert issubclass(kind, PublishingChannel), "only such channels are asked for"  # noqa: S101
    content = [__version__, kind.document_format(), asdict(site), first.settings, [one.id for one in records]]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_digest_of_file).encode()).hexdigest()


def _digest_of_file(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
