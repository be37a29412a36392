"""What users are writing: at most one draft each about an article, and any number for new ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.article_draft import ArticleDraft, DraftText
from distributor.domain.errors import NotFoundError
from distributor.storage import tables
from distributor.storage.database import Connection

_drafts = tables.article_drafts.c


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft:
    """Somebody who has written about an article what is not saved yet."""

    user_id: int
    name: str
    updated_at: datetime


def add(
    connection: Connection,
    *,
    key: str,
    user_id: int,
    text: DraftText | None,
    now: datetime,
    article_id: int | None = None,
    base_revision: int = 0,
) -> ArticleDraft:
    """A new draft; the one that there is if the key, or the user and the article, have one. Raises NotFoundError.

    A key of another user's draft is none of this user's.
    """
    connection.execute(
        insert(tables.article_drafts)
        .values(
            key=key,
            user_id=user_id,
            article_id=article_id,
            base_revision=base_revision,
            version=1,
            text=asdict(text) if text else None,
            updated_at=now,
        )
        .on_conflict_do_nothing()
    )
    chosen = _drafts.key == key if article_id is None else _drafts.article_id == article_id
    row = connection.execute(
        select(tables.article_drafts).where(chosen, _drafts.user_id == user_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError("draft", key)
    return _draft(row)


def find(connection: Connection, draft_id: int, *, user_id: int) -> ArticleDraft:
    """The draft of this user with this number, locked to the end of the transaction. Raises NotFoundError."""
    row = connection.execute(
        select(tables.article_drafts).where(_drafts.id == draft_id, _drafts.user_id == user_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFoundError("draft", draft_id)
    return _draft(row)


def of_article(connection: Connection, article_id: int, *, user_id: int) -> ArticleDraft | None:
    """What this user is writing about an article, if anything."""
    row = connection.execute(
        select(tables.article_drafts)
        .where(_drafts.article_id == article_id, _drafts.user_id == user_id)
        .with_for_update()
    ).one_or_none()
    return _draft(row) if row else None


def put(
    connection: Connection,
    draft: ArticleDraft,
    text: DraftText | None,
    *,
    now: datetime,
    base_revision: int | None = None,
    article_id: int | None = None,
) -> ArticleDraft:
    """The draft with another text; None: nothing is unsaved. It may move on to a revision, and get its article."""
    changed: dict[str, Any] = {
        "text": asdict(text) if text else None,
        "version": _drafts.version + 1,
        "updated_at": now,
    }
    if base_revision is not None:
        changed["base_revision"] = base_revision
    if article_id is not None:
        changed["article_id"] = article_id
    row = connection.execute(
        update(tables.article_drafts).where(_drafts.id == draft.id).values(changed).returning(tables.article_drafts)
    ).one()
    return _draft(row)


def remove(connection: Connection, draft_id: int) -> None:
    """Delete a draft."""
    connection.execute(delete(tables.article_drafts).where(_drafts.id == draft_id))


def never_saved(connection: Connection, user_id: int, *, limit: int) -> list[ArticleDraft]:
    """The drafts of a user that are no articles yet, the last changed first."""
    rows = connection.execute(
        select(tables.article_drafts)
        .where(_drafts.user_id == user_id, _drafts.article_id.is_(None))
        .order_by(_drafts.updated_at.desc(), _drafts.id.desc())
        .limit(limit)
    )
    return [_draft(row) for row in rows]


def open_of_article(connection: Connection, article_id: int) -> list[OpenDraft]:
    """Who has written about an article what is not saved yet, the last first."""
    user = tables.users.c
    rows = connection.execute(
        select(_drafts.user_id, user.name, user.email, _drafts.updated_at)
        .join(tables.users, user.id == _drafts.user_id)
        .where(_drafts.article_id == article_id, _drafts.text.is_not(None))
        .order_by(_drafts.updated_at.desc())
    )
    return [OpenDraft(user_id=row.user_id, name=row.name or row.email, updated_at=row.updated_at) for row in rows]


def _draft(row: Row[Any]) -> ArticleDraft:
    return ArticleDraft(
        id=row.id,
        key=row.key,
        user_id=row.user_id,
        article_id=row.article_id,
        base_revision=row.base_revision,
        version=row.version,
        text=None if row.text is None else DraftText(**row.text),
        updated_at=row.updated_at,
    )
