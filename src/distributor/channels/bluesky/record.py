"""The record of a post, as the repository of an account keeps it (lexicon app.bsky.feed.post)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from distributor.channels.api import Delivery, Json
from distributor.channels.social.idempotent_send import Request
from distributor.channels.social.post import LinkCard, Post, SpanKind, TextSpan, spans_of
from distributor.channels.social.results import Posted
from distributor.domain.hashtags import without_joiners
from distributor.rendering.fitting import fit
from distributor.rendering.measuring import graphemes, utf8_bytes

COLLECTION = "app.bsky.feed.post"
LIMIT = 300
MAX_BYTES = 3000

_BYTES_PER_GRAPHEME = MAX_BYTES // LIMIT
_MAX_TAG = 64
_MAX_DESCRIPTION = 300

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BASE32_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"


def measure(text: str) -> int:
    """The length in graphemes, or more if the text exceeds the limit of bytes first: one number for both limits.

    It is at most 300 if and only if the text has at most 300 graphemes and at most 3000 bytes.
    """
    return max(graphemes(text), -(-utf8_bytes(text) // _BYTES_PER_GRAPHEME))


def request_for(
    post: Post,
    *,
    did: str,
    delivery: Delivery,
    number: int,
    now: datetime,
    reply: dict[str, Json] | None = None,
) -> Request:
    """The body of com.atproto.repo.putRecord for a part, as it is frozen; `reply` is what `reply_to` gives.

    `swapRecord` null means "only if there is no record of this key yet", which makes the call safe to repeat.
    """
    return {
        "repo": did,
        "collection": COLLECTION,
        "rkey": tid(delivery, number),
        "record": _record_of(post, created_at=now, reply=reply),
        "swapRecord": None,
    }


def reply_to(previous: Posted) -> dict[str, Json]:
    """The reply of a record to the part before it: its parent, and the root of the thread."""
    parent = {"uri": previous.remote_id, "cid": previous.detail["cid"]}
    return {"root": previous.detail.get("root", parent), "parent": parent}


def tid(delivery: Delivery, number: int) -> str:
    """The record key of a part: the same on every attempt, and in the order of the parts.

    A TID has 13 characters of base32-sortable for 64 bits: a zero, 53 bits of microseconds since 1970, and 10 bits that
    distinguish writers (atproto.com, "Record keys").
    """
    microseconds = (delivery.created_at - _EPOCH) // timedelta(microseconds=1) + number
    bits = (microseconds % 2**53) << 10 | delivery.id % 2**10
    return "".join(_BASE32_SORTABLE[bits >> shift & 31] for shift in range(60, -1, -5))


def facets_of(text: str) -> list[dict[str, Json]]:
    """The facets that make links and hashtags of the text active. Offsets are in UTF-8 bytes, the end is exclusive."""
    features = ((span, _feature_of(span)) for span in spans_of(text))
    return [
        {
            "index": {
                "byteStart": utf8_bytes(text[: span.start]),
                "byteEnd": utf8_bytes(text[: span.end]),
            },
            "features": [feature],
        }
        for span, feature in features
        if feature
    ]


def _record_of(post: Post, *, created_at: datetime, reply: dict[str, Json] | None) -> dict[str, Json]:
    record: dict[str, Json] = {
        "$type": COLLECTION,
        "text": post.text,
        "createdAt": created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if post.language:
        record["langs"] = [post.language]
    if facets := facets_of(post.text):
        record["facets"] = facets
    if reply:
        record["reply"] = reply
    if post.card:
        record["embed"] = _embed_of(post.card)
    return record


def _embed_of(card: LinkCard) -> dict[str, Json]:
    """The link card. It has no picture: that would have to be fetched and uploaded first."""
    description = fit(card.description, limit=_MAX_DESCRIPTION, measure=graphemes)
    return {
        "$type": "app.bsky.embed.external",
        "external": {"uri": card.url, "title": card.title, "description": description},
    }


def _feature_of(span: TextSpan) -> dict[str, Json] | None:
    if span.kind is SpanKind.LINK:
        uri = span.text if "://" in span.text else f"https://{span.text}"
        return {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    if span.kind is SpanKind.HASHTAG and graphemes(span.text) <= _MAX_TAG:
        return {"$type": "app.bsky.richtext.facet#tag", "tag": without_joiners([span.text[1:]])[0]}
    return None
