"""Mastodon's rules for a new status, and the form in which its API gives a status back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from distributor.sandbox.json_store import JsonStore
from distributor.sandbox.limits import describe_errors
from distributor.sandbox.mastodon.account import MastodonLimits, MastodonTestAccount
from distributor.sandbox.mastodon.text import as_html, find_entities, length
from distributor.sandbox.media import UploadedMedia

_EARLIEST_SCHEDULE = timedelta(minutes=5)


class PostVisibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"


class StatusBody(BaseModel):
    """The body of `POST /api/v1/statuses`; Mastodon leaves names that it does not know alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    status: str = ""
    spoiler_text: str = ""
    in_reply_to_id: str | None = None
    media_ids: list[str] = Field(default_factory=list)
    sensitive: bool = False
    visibility: PostVisibility = PostVisibility.PUBLIC
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatus:
    """A status; `text` is what its author wrote, `idempotency_key` what it was posted under."""

    key: str
    text: str
    created_at: datetime
    visibility: PostVisibility
    language: str
    spoiler: str = ""
    sensitive: bool = False
    reply_to: str | None = None
    media: tuple[str, ...] = ()
    idempotency_key: str | None = None


async def read_status_body(request: Request) -> StatusBody:
    """From JSON or a form. Raises HTTPException 422 for values that Mastodon refuses."""
    try:
        return StatusBody.model_validate(await _values(request))
    except ValidationError as error:
        raise HTTPException(422, f"Validation failed: {describe_errors(error)}") from None


async def _values(request: Request) -> Any:
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            return await request.json()
        except ValueError:
            raise HTTPException(400, "The body is not JSON") from None
    form = await request.form()
    fields: dict[str, Any] = {name: value for name, value in form.items() if not name.endswith("[]")}
    return fields | {name[:-2]: form.getlist(name) for name in form if name.endswith("[]")}


def check_new_status(
    body: StatusBody,
    *,
    limits: MastodonLimits,
    statuses: JsonStore[StoredStatus],
    medium_ready: Callable[[str], bool | None],
    now: datetime,
) -> None:
    """Raises HTTPException for whatever Mastodon refuses. `medium_ready` is None for an upload that never was."""
    if body.scheduled_at is not None:
        _check_schedule(body.scheduled_at, now)
    if not body.status.strip() and not body.media_ids:
        raise HTTPException(422, "Validation failed: Text can't be blank")
    if length(body.status, body.spoiler_text, limits.characters_reserved_per_url) > limits.max_characters:
        raise HTTPException(422, f"Validation failed: Text character limit of {limits.max_characters} exceeded")
    if len(body.media_ids) > limits.max_media_attachments:
        raise HTTPException(422, f"Cannot attach more than {limits.max_media_attachments} files")
    for key in body.media_ids:
        _check_medium(medium_ready(key))
    if body.in_reply_to_id is not None and statuses.get(body.in_reply_to_id) is None:
        raise HTTPException(404, "The post you are trying to reply to does not appear to exist.")


def _check_schedule(scheduled_at: datetime, now: datetime) -> None:
    if scheduled_at.tzinfo is None or scheduled_at < now + _EARLIEST_SCHEDULE:
        raise HTTPException(422, "Validation failed: Scheduled at must be in the future")
    raise HTTPException(422, "The sandbox does not schedule: the server ignores Idempotency-Key with scheduled_at")


def _check_medium(ready: bool | None) -> None:
    if ready is None:
        raise HTTPException(422, "Validation failed: Media attachments not found")
    if not ready:
        raise HTTPException(422, "Cannot attach files that have not finished processing. Try again in a moment!")


def as_status(
    status: StoredStatus, media: Sequence[UploadedMedia], *, account: MastodonTestAccount, server: str
) -> dict[str, Any]:
    """The status as the API gives it back; `server` is the root of the instance."""
    tags = dict.fromkeys(entity.value.lower() for entity in find_entities(status.text) if entity.kind == "hashtag")
    address = f"{server}/@{account.username}/{status.key}"
    return {
        "id": status.key,
        "created_at": as_time(status.created_at),
        "in_reply_to_id": status.reply_to,
        "in_reply_to_account_id": account.account_id if status.reply_to else None,
        "sensitive": status.sensitive,
        "spoiler_text": status.spoiler,
        "visibility": status.visibility.value,
        "language": status.language,
        "uri": address,
        "url": address,
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "edited_at": None,
        "content": as_html(status.text, server),
        "reblog": None,
        "account": as_account(account, server),
        "media_attachments": [as_attachment(medium, server) for medium in media],
        "mentions": [],
        "tags": [{"name": tag, "url": f"{server}/tags/{tag}"} for tag in tags],
        "emojis": [],
        "card": None,
        "poll": None,
    }


def as_account(account: MastodonTestAccount, server: str) -> dict[str, Any]:
    """The account as the API gives it back."""
    address = f"{server}/@{account.username}"
    return {
        "id": account.account_id,
        "username": account.username,
        "acct": account.username,
        "display_name": account.name,
        "locked": False,
        "bot": False,
        "note": "",
        "uri": address,
        "url": address,
    }


def as_attachment(medium: UploadedMedia, server: str, *, ready: bool = True) -> dict[str, Any]:
    """The upload as the API gives it back; it has no address before it is processed."""
    address = f"{server}/media/{medium.key}"
    return {
        "id": medium.key,
        "type": "image",
        "url": address if ready else None,
        "preview_url": address if ready else None,
        "remote_url": None,
        "description": medium.alt,
    }


def as_time(time: datetime) -> str:
    """ISO 8601 with milliseconds, as Mastodon writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


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
    if not re.fullmatch(r"[0-9]{1,19}", value):
        raise HTTPException(400, f"{name} is not a number")
    return int(value)
