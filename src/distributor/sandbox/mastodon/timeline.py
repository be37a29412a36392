"""Reading a timeline of Mastodon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from distributor.sandbox.mastodon.statuses import StoredStatus

_DEFAULT_LIMIT = 20
_MAX_LIMIT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class MastodonTimelineQuery:
    """All ends are exclusive. `min_id` asks for those next after it, `since_id` for the newest after it."""

    max_id: int
    since_id: int
    min_id: int | None
    with_replies: bool
    limit: int


def read_query(query: QueryParams) -> MastodonTimelineQuery:
    """Raises HTTPException 400 for an id or limit that is no number; a limit too high is brought down, as there."""
    min_id = query.get("min_id")
    return MastodonTimelineQuery(
        max_id=_number(query, "max_id", 2**63),
        since_id=_number(query, "since_id", 0),
        min_id=None if min_id is None else _number(query, "min_id", 0),
        with_replies=query.get("exclude_replies", "false") not in ("true", "1"),
        limit=min(_number(query, "limit", _DEFAULT_LIMIT), _MAX_LIMIT),
    )


def page_of(newest_first: Sequence[StoredStatus], query: MastodonTimelineQuery) -> list[StoredStatus]:
    """One page, newest first whichever end it was counted from."""
    after = query.since_id if query.min_id is None else query.min_id
    matching = [
        status
        for status in newest_first
        if after < int(status.key) < query.max_id and (query.with_replies or status.reply_to is None)
    ]
    if query.min_id is None:
        return matching[: query.limit]
    return matching[max(len(matching) - query.limit, 0) :]


def _number(query: QueryParams, name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise HTTPException(400, f"{name} is not a number")
    return int(value)
