"""X's rules for a new post, and the form in which its API gives a post back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from distributor.sandbox.json_store import JsonStore
from distributor.sandbox.media import UploadStore
from distributor.sandbox.x.account import XLimits, XTestAccount
from distributor.sandbox.x.text import (
    as_returned,
    find_entities,
    has_forbidden_characters,
    normalise,
    weighted_length,
)

MEDIA_LIFETIME = timedelta(hours=24)

Id = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]

_FIELDS = (
    "article attachments author_id card_uri community_id context_annotations conversation_id created_at "
    "display_text_range edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang media_metadata "
    "non_public_metrics note_tweet organic_metrics possibly_sensitive promoted_metrics public_metrics "
    "referenced_tweets reply_settings scopes source suggested_source_links text withheld"
)
TWEET_FIELDS = frozenset(_FIELDS.split())


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReplyBody(_Body):
    in_reply_to_tweet_id: Id
    exclude_reply_user_ids: list[Id] | None = None
    auto_populate_reply_metadata: bool | None = None


class MediaBody(_Body):
    media_ids: Annotated[list[Id], Field(min_length=1, max_length=4)]
    tagged_user_ids: list[Id] | None = None


class PostBody(_Body):
    """The body of `POST /2/tweets`, as far as a publisher uses it; X refuses names that it does not know."""

    text: str | None = None
    reply: ReplyBody | None = None
    media: MediaBody | None = None
    quote_tweet_id: Id | None = None
    reply_settings: Literal["following", "mentionedUsers", "subscribers", "verified"] | None = None
    made_with_ai: bool | None = None
    paid_partnership: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XPost:
    """A post; `text` is what its author wrote, `thread` the id of the conversation's first post."""

    key: str
    text: str
    created_at: datetime
    thread: str
    reply_to: str | None = None
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """What the rules for a new post depend on."""

    account: XTestAccount
    limits: XLimits
    posts: JsonStore[XPost]
    uploads: UploadStore
    now: datetime


def check_new_post(body: PostBody, context: RuleContext) -> str:
    """The text as X keeps it. Raises HTTPException for whatever X refuses: 400 for form, 403 for content."""
    text = normalise(body.text or "")
    if not text and body.media is None:
        raise HTTPException(400, "text: a post needs text or media")
    if body.quote_tweet_id is not None:
        raise HTTPException(403, "Quoting a Post is not permitted for self-serve apps.")
    _check_text(text, context)
    _check_media(body.media, context)
    if body.reply is not None:
        _check_reply(body.reply, context)
    _check_duplicate(text, context)
    return text


def _check_text(text: str, context: RuleContext) -> None:
    if has_forbidden_characters(text):
        raise HTTPException(400, "text: contains characters that are not allowed")
    length, limit = weighted_length(text), context.limits.max_weighted_length
    if length > limit:
        raise HTTPException(403, f"Your Tweet text is too long: weighted length {length}, allowed {limit}.")
    cashtags = sum(entity.kind == "cashtag" for entity in find_entities(text))
    if cashtags > context.limits.max_cashtags:
        raise HTTPException(403, f"A Post may have {context.limits.max_cashtags} cashtag, this one has {cashtags}.")


def _check_media(media: MediaBody | None, context: RuleContext) -> None:
    for key in media.media_ids if media else ():
        medium = context.uploads.get(key)
        if medium is None or context.now - medium.uploaded_at > MEDIA_LIFETIME:
            raise HTTPException(400, f"media.media_ids: your media id {key} is invalid or has expired")


def _check_reply(reply: ReplyBody, context: RuleContext) -> None:
    parent = context.posts.get(reply.in_reply_to_tweet_id)
    if parent is None:
        raise HTTPException(403, "You attempted to reply to a Tweet that is deleted or not visible to you.")
    if context.limits.self_serve and context.account.username.lower() not in _mentioned_in(parent.text):
        raise HTTPException(
            403, "Reply to this conversation is not allowed because you have not been mentioned by its author."
        )


def _mentioned_in(text: str) -> set[str]:
    return {entity.value.lower() for entity in find_entities(text) if entity.kind == "mention"}


def _check_duplicate(text: str, context: RuleContext) -> None:
    since = context.now - timedelta(seconds=context.limits.duplicate_window_seconds)
    if text and any(post.text == text and post.created_at > since for post in context.posts.newest_first()):
        raise HTTPException(403, "You are not allowed to create a Tweet with duplicate content.")


def as_resource(post: XPost, context: RuleContext, fields: Collection[str] = ()) -> dict[str, Any]:
    """The post as the API gives it back: id and text always, other fields if requested."""
    account = context.account
    media_link = f"https://x.com/{account.username}/status/{post.key}/photo/1" if post.media else None
    returned = as_returned(post.text, media_link)
    parent = context.posts.get(post.reply_to) if post.reply_to else None
    every = {
        "id": post.key,
        "text": returned.text,
        "edit_history_tweet_ids": [post.key],
        "author_id": account.user_id,
        "created_at": post.created_at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{post.created_at.microsecond // 1000:03d}Z",
        "conversation_id": post.thread,
        "entities": returned.entities or None,
        "in_reply_to_user_id": account.user_id if parent else None,
        "referenced_tweets": [{"type": "replied_to", "id": post.reply_to}] if post.reply_to else None,
        "attachments": {"media_keys": [f"3_{key}" for key in post.media]} if post.media else None,
        "public_metrics": dict.fromkeys(_METRICS, 0),
    }
    wanted = {"id", "text", "edit_history_tweet_ids", *fields}
    return {name: value for name, value in every.items() if name in wanted and value is not None}


_METRICS = ("retweet_count", "reply_count", "like_count", "quote_count", "bookmark_count", "impression_count")
