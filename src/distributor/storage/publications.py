"""Publications: collections of items, and the documents composed of them (feeds)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import NotFoundError
from distributor.domain.rendition import Json
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """One item of a collection."""

    key: str
    published_at: datetime
    updated_at: datetime
    content: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRecord:
    """A document as it is served. `etag` is the SHA-256 of its bytes in hexadecimal."""

    path: str
    media_type: str
    etag: str
    body: bytes
    last_modified: datetime


def lock_collection(connection: Connection, collection: str) -> None:
    """Lock this collection until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": collection})


def add_item(
    connection: Connection,
    collection: str,
    key: str,
    *,
    published_at: datetime,
    updated_at: datetime,
    content: Mapping[str, Json],
) -> None:
    """Add an item, or replace the one with its key by a newer one."""
    values = {"published_at": published_at, "updated_at": updated_at, "content": dict(content)}
    statement = insert(tables.publications).values(collection=collection, key=key, **values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["collection", "key"],
            set_=values,
            # A dispatch that was delayed must not put an older revision back.
            where=tables.publications.c.updated_at <= statement.excluded.updated_at,
        )
    )


def latest(connection: Connection, collection: str, *, limit: int) -> list[ItemRecord]:
    """The newest items, newest first; equal times are ordered by key."""
    item = tables.publications
    rows = connection.execute(
        select(item)
        .where(item.c.collection == collection)
        .order_by(item.c.published_at.desc(), item.c.key)
        .limit(limit)
    )
    return [
        ItemRecord(key=row.key, published_at=row.published_at, updated_at=row.updated_at, content=row.content)
        for row in rows
    ]


def put_document(
    connection: Connection, path: str, *, media_type: str, body: bytes, last_modified: datetime, now: datetime
) -> None:
    """Serve these bytes under this path from now on; the same bytes change nothing.

    Other bytes with no later date are dated `now`: a client that sends only If-Modified-Since
    must see the change.
    """
    etag = hashlib.sha256(body).hexdigest()
    document = tables.documents
    before = connection.execute(
        select(document.c.etag, document.c.last_modified).where(document.c.path == path)
    ).one_or_none()
    if before is not None and before.etag == etag:
        return
    if before is not None and before.last_modified >= last_modified:
        last_modified = now
    values = {"media_type": media_type, "etag": etag, "body": body, "last_modified": last_modified}
    connection.execute(
        insert(document).values(path=path, **values).on_conflict_do_update(index_elements=["path"], set_=values)
    )


def find_document(connection: Connection, path: str) -> DocumentRecord:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.documents).where(tables.documents.c.path == path)).one_or_none()
    if row is None:
        raise NotFoundError("document", path)
    return DocumentRecord(
        path=row.path,
        media_type=row.media_type,
        etag=row.etag,
        body=bytes(row.body),
        last_modified=row.last_modified,
    )


def document_paths(connection: Connection, prefix: str) -> Sequence[str]:
    """The paths of all documents that begin so."""
    path = tables.documents.c.path
    return list(
        connection.execute(select(path).where(path.startswith(prefix, autoescape=True)).order_by(path)).scalars()
    )
