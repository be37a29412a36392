"""Reading a timeline of X: the query parameters, and pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from distributor.sandbox.x.posts import TWEET_FIELDS, XPost

_ONE_POST = frozenset(("tweet.fields", "expansions", "media.fields", "poll.fields", "user.fields", "place.fields"))
_TIMELINE = _ONE_POST | frozenset(
    ("start_time", "end_time", "since_id", "until_id", "max_results", "pagination_token", "exclude")
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class XTimelineQuery:
    """A checked query; times are aware UTC, ids are numbers, both ends of ids are exclusive."""

    fields: Sequence[str]
    start: datetime
    end: datetime
    since: int
    until: int
    with_replies: bool
    max_results: int


def read_fields(query: QueryParams, *, known: frozenset[str] = _ONE_POST) -> list[str]:
    """The requested post fields. Raises HTTPException 400 for a parameter or field that X does not know."""
    for name in query:
        if name not in known:
            raise HTTPException(400, f"The query parameter [{name}] is not one of [{','.join(sorted(known))}]")
    fields = [field for field in query.get("tweet.fields", "").split(",") if field]
    for field in fields:
        if field not in TWEET_FIELDS:
            raise HTTPException(400, f"The `tweet.fields` query parameter value [{field}] is not one of X's fields")
    return fields


def read_query(query: QueryParams) -> XTimelineQuery:
    """Raises HTTPException 400 for whatever X refuses."""
    fields = read_fields(query, known=_TIMELINE)
    max_results = _number(query, "max_results", 10)
    if not 5 <= max_results <= 100:
        raise HTTPException(400, f"The `max_results` query parameter value [{max_results}] is not between 5 and 100")
    excluded = {name for name in query.get("exclude", "").split(",") if name}
    if not excluded <= {"replies", "retweets"}:
        raise HTTPException(400, "The `exclude` query parameter takes replies and retweets")
    return XTimelineQuery(
        fields=fields,
        start=_time(query, "start_time", datetime.min.replace(tzinfo=UTC)),
        end=_time(query, "end_time", datetime.max.replace(tzinfo=UTC)),
        since=_number(query, "since_id", 0),
        until=min(_number(query, "until_id", 2**63), _number(query, "pagination_token", 2**63)),
        with_replies="replies" not in excluded,
        max_results=max_results,
    )


def page_of(newest_first: Sequence[XPost], query: XTimelineQuery) -> tuple[list[XPost], dict[str, Any]]:
    """One page and X's description of it; the token of the next page is the last id of this one."""
    matching = [post for post in newest_first if _matches(post, query)]
    page = matching[: query.max_results]
    if not page:
        return [], {"result_count": 0}
    meta = {"result_count": len(page), "newest_id": page[0].key, "oldest_id": page[-1].key}
    return page, meta | ({"next_token": page[-1].key} if len(matching) > len(page) else {})


def _matches(post: XPost, query: XTimelineQuery) -> bool:
    return (
        query.start <= post.created_at < query.end
        and query.since < int(post.key) < query.until
        and (query.with_replies or post.reply_to is None)
    )


def _number(query: QueryParams, name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", value):
        raise HTTPException(400, f"The `{name}` query parameter value [{value}] is not valid")
    return int(value)


def _time(query: QueryParams, name: str, default: datetime) -> datetime:
    value = query.get(name)
    if value is None:
        return default
    try:
        if not _TIME.fullmatch(value):
            raise ValueError(value)
        return datetime.fromisoformat(value)
    except ValueError:
        raise HTTPException(
            400, f"Invalid '{name}':'{value}'. Expected a time as RFC 3339 writes it: YYYY-MM-DDTHH:mm:ssZ"
        ) from None
