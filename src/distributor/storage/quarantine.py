"""Items in quarantine: each once for its loop and key, with how often it has failed."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Row, delete, func, select, text, update

from distributor.domain.errors import NotFoundError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Json
from distributor.domain.stored_text import storable, storable_json, stored_key
from distributor.storage import tables
from distributor.storage.database import Connection

_LONGEST_REASON = 1000


def hold(
    connection: Connection,
    loop: QuarantineLoop,
    key: str,
    *,
    reason: str,
    now: datetime,
    content: bytes | None = None,
    detail: Mapping[str, Json] | None = None,
    dispatch_id: int | None = None,
) -> int:
    """Store an item, or its next failure; returns how often it has failed.

    An item without content is tried again after a second, and each time after twice as long, at most five minutes.
    """
    failures: int = connection.execute(
        text("""
            INSERT INTO quarantine AS known
                (loop, key, reason, first_at, last_at, failures, retry_at, content, detail, dispatch_id)
            VALUES (:loop, :key, :reason, :now, :now, 1,
                    CASE WHEN :retries THEN CAST(:now AS timestamptz) + interval '1 second' END,
                    :content, CAST(:detail AS jsonb), (SELECT id FROM dispatches WHERE id = :dispatch_id))
            ON CONFLICT (loop, key) DO UPDATE SET
                reason = excluded.reason, last_at = excluded.last_at, failures = known.failures + 1,
                retry_at = CASE WHEN :retries THEN excluded.last_at
                           + least(interval '1 second' * power(2, least(known.failures, 20)), interval '5 minutes') END,
                content = COALESCE(excluded.content, known.content), detail = excluded.detail,
                dispatch_id = excluded.dispatch_id
            RETURNING failures
        """),
        {
            "loop": loop,
            "key": stored_key(key),
            "reason": storable(reason)[:_LONGEST_REASON],
            "now": now,
            "retries": content is None,
            "content": content,
            "detail": json.dumps(storable_json(dict(detail or {}))),
            "dispatch_id": dispatch_id,
        },
    ).scalar_one()
    return failures


def leave(connection: Connection, loop: QuarantineLoop, keys: Collection[str]) -> int:
    """Delete items that work again, or are gone; returns how many there were."""
    item = tables.quarantine.c
    return connection.execute(
        delete(tables.quarantine).where(item.loop == loop, item.key.in_([stored_key(key) for key in keys]))
    ).rowcount


def of_loop(connection: Connection, loop: QuarantineLoop) -> dict[str, QuarantinedItem]:
    """The items of a loop by their keys, without their content."""
    item = tables.quarantine.c
    return {row.key: _item(row) for row in connection.execute(_WITHOUT_CONTENT.where(item.loop == loop))}


def listed(
    connection: Connection,
    *,
    loop: QuarantineLoop | None = None,
    key_prefix: str = "",
    detail: Mapping[str, Json] | None = None,
    before_id: int | None = None,
    limit: int,
) -> list[QuarantinedItem]:
    """Items without their content, the newest first: those whose key begins so, and whose detail has this."""
    item = tables.quarantine.c
    query = _WITHOUT_CONTENT.order_by(item.id.desc()).limit(limit)
    if loop is not None:
        query = query.where(item.loop == loop)
    if key_prefix:
        query = query.where(item.key.startswith(key_prefix, autoescape=True))
    if detail:
        query = query.where(item.detail.contains(detail))
    if before_id is not None:
        query = query.where(item.id < before_id)
    return [_item(row) for row in connection.execute(query)]


def find(connection: Connection, item_id: int) -> QuarantinedItem:
    """An item with its content. Raises NotFoundError."""
    row = connection.execute(select(tables.quarantine).where(tables.quarantine.c.id == item_id)).one_or_none()
    if row is None:
        raise NotFoundError(
            "item in quarantine", item_id, hint="`distributor quarantine list` shows the ones there are"
        )
    return _item(row, content=row.content)


def count_by_loop(connection: Connection) -> dict[QuarantineLoop, int]:
    """How many items each loop has, those without any too."""
    item = tables.quarantine.c
    rows = connection.execute(select(item.loop, func.count().label("items")).group_by(item.loop))
    counts = {row.loop: row.items for row in rows}
    return {loop: counts.get(loop, 0) for loop in QuarantineLoop}


def make_due(connection: Connection, item_id: int, *, now: datetime) -> None:
    """The loop of an item tries it again in its next pass."""
    connection.execute(update(tables.quarantine).where(tables.quarantine.c.id == item_id).values(retry_at=now))


def discard(connection: Connection, item_id: int) -> None:
    """Delete an item with its content. Raises NotFoundError."""
    if not connection.execute(delete(tables.quarantine).where(tables.quarantine.c.id == item_id)).rowcount:
        raise NotFoundError("item in quarantine", item_id)


def discard_naming(connection: Connection, addresses: Collection[str]) -> int:
    """Delete the items that contain one of these email addresses anywhere, ignoring case; returns how many."""
    forms = {form.lower() for address in addresses for form in (address, _escaped(address))}
    return connection.execute(
        text("""
            DELETE FROM quarantine q
            WHERE lower(concat(q.key, ' ', q.reason, ' ', q.detail, ' ', encode(q.content, 'escape')))
                  ~ ANY (CAST(:patterns AS text[]))
        """),
        # An address that is part of a longer one is another one.
        {"patterns": [rf"(^|[^a-z0-9._+-]){re.escape(form)}($|[^a-z0-9.-]|[.]($|[^a-z0-9]))" for form in forms]},
    ).rowcount


def discard_not_due(connection: Connection, loops: Collection[QuarantineLoop], *, before: datetime) -> int:
    """Delete items of these loops that have not been tried again since `before`: there is nothing to do for them."""
    item = tables.quarantine.c
    return connection.execute(delete(tables.quarantine).where(item.loop.in_(loops), item.retry_at < before)).rowcount


def _escaped(text: str) -> str:
    """The text as PostgreSQL's `encode(…, 'escape')` writes its bytes."""
    return "".join(chr(byte) if byte < 0x80 else f"\\{byte:03o}" for byte in text.encode())


_WITHOUT_CONTENT = select(*(column for column in tables.quarantine.c if column.name != "content"))


def _item(row: Row[tuple[object, ...]], *, content: bytes | None = None) -> QuarantinedItem:
    return QuarantinedItem(
        id=row.id,
        loop=QuarantineLoop(row.loop),
        key=row.key,
        reason=row.reason,
        first_at=row.first_at,
        last_at=row.last_at,
        failures=row.failures,
        retry_at=row.retry_at,
        content=bytes(content) if content is not None else None,
        detail=row.detail,
    )
