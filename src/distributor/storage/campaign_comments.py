"""What the team says about campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign_comment import CampaignComment, CommentAuthor, CommentKind
from distributor.domain.stored_text import stored_key
from distributor.storage import tables
from distributor.storage.database import Connection

_comments = tables.campaign_comments.c


def add(
    connection: Connection,
    campaign_id: int,
    *,
    key: str,
    kind: CommentKind,
    author: CommentAuthor,
    text: str,
    told: Sequence[str],
    version: int,
    now: datetime,
) -> int | None:
    """Insert a comment; returns its id, or None if there is one of this campaign under the same key already."""
    found: int | None = connection.execute(
        insert(tables.campaign_comments)
        .values(
            campaign_id=campaign_id,
            key=stored_key(key),
            kind=kind,
            user_id=author.user_id,
            author=author.name,
            text=text,
            told=list(told),
            version=version,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["campaign_id", "key"])
        .returning(_comments.id)
    ).scalar_one_or_none()
    return found


def latest(
    connection: Connection, campaign_id: int, *, limit: int, before_id: int | None = None
) -> list[CampaignComment]:
    """The newest comments on a campaign, the newest first, from before one of them."""
    query = (
        select(tables.campaign_comments)
        .where(_comments.campaign_id == campaign_id)
        .order_by(_comments.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query if before_id is None else query.where(_comments.id < before_id))
    return [_comment(row) for row in rows]


def newest_of_kind(connection: Connection, campaign_id: int, kinds: Sequence[CommentKind]) -> CampaignComment | None:
    """The newest comment of one of these kinds, if any."""
    row = connection.execute(
        select(tables.campaign_comments)
        .where(_comments.campaign_id == campaign_id, _comments.kind.in_(list(kinds)))
        .order_by(_comments.id.desc())
        .limit(1)
    ).one_or_none()
    return _comment(row) if row else None


def _comment(row: Row[Any]) -> CampaignComment:
    return CampaignComment(
        id=row.id,
        kind=CommentKind(row.kind),
        user_id=row.user_id,
        author=row.author,
        text=row.text,
        told=tuple(row.told),
        version=row.version,
        created_at=row.created_at,
    )
