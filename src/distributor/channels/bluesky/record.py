"""The record of a post, as the repository of an account keeps it (lexicon app.bsky.feed.post)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from distributor.channels.social.parts import Request
from distributor.channels.social.post import LinkCard, PieceKind, Post, TextSpan, pieces_of
from distributor.domain.delivery import Delivery
from distributor.domain.rendition import Json
from distributor.rendering.fitting import fit
from distributor.rendering.measuring import graphemes, utf8_bytes

COLLECTION = "app.bsky.feed.post"
LIMIT = 300
LIMIT_OF_BYTES = 3000

_BYTES_A_GRAPHEME = LIMIT_OF_BYTES // LIMIT
_LONGEST_TAG = 64
_LONGEST_DESCRIPTION = 300

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BASE32_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"


def measure(text: str) -> int:
    """The length in graphemes, or more if the text would sooner break the limit of bytes: one number for both limits.

    It is at most 300 exactly if the text has at most 300 graphemes and at most 3000 bytes.
    """
    return max(graphemes(text), -(-utf8_bytes(text) // _BYTES_A_GRAPHEME))


def request_for(post: Post, *, did: str, delivery: Delivery, number: int, now: datetime) -> Request:
    """What a part asks the server for, as it is frozen: the body of com.atproto.repo.putRecord.

    `swapRecord` null means "only if there is no record of this key yet", which makes the call safe to repeat.
    """
    return {
        "repo": did,
        "collection": COLLECTION,
        "rkey": tid(delivery, number),
        "record": _record_of(post, created_at=now),
        "swapRecord": None,
    }


def tid(delivery: Delivery, number: int) -> str:
    """The record key of a part: the same on every attempt, and in the order of the parts.

    A TID has 13 signs of base32-sortable for 64 bits: a zero, 53 bits of microseconds since 1970, and 10 bits that tell
    writers apart (atproto.com, "Record keys").
    """
    microseconds = (delivery.created_at - _EPOCH) // timedelta(microseconds=1) + number
    bits = (microseconds % 2**53) << 10 | delivery.id % 2**10
    return "".join(_BASE32_SORTABLE[bits >> shift & 31] for shift in range(60, -1, -5))


def facets_of(text: str) -> list[dict[str, Json]]:
    """What makes links and hashtags of the text active. Places are in bytes of UTF-8, and the end is exclusive."""
    features = ((piece, _feature_of(piece)) for piece in pieces_of(text))
    return [
        {
            "index": {
                "byteStart": utf8_bytes(text[: piece.start]),
                "byteEnd": utf8_bytes(text[: piece.end]),
            },
            "features": [feature],
        }
        for piece, feature in features
        if feature
    ]


def _record_of(post: Post, *, created_at: datetime) -> dict[str, Json]:
    record: dict[str, Json] = {
        "$type": COLLECTION,
        "text": post.text,
        "createdAt": created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if post.language:
        record["langs"] = [post.language]
    if facets := facets_of(post.text):
        record["facets"] = facets
    if post.card:
        record["embed"] = _embed_of(post.card)
    return record


def _embed_of(card: LinkCard) -> dict[str, Json]:
    """The link card. It has no picture: that would have to be fetched and uploaded first."""
    description = fit(card.description, limit=_LONGEST_DESCRIPTION, measure=graphemes)
    return {
        "$type": "app.bsky.embed.external",
        "external": {"uri": card.url, "title": card.title, "description": description},
    }


def _feature_of(piece: TextSpan) -> dict[str, Json] | None:
    if piece.kind is PieceKind.LINK:
        uri = piece.text if "://" in piece.text else f"https://{piece.text}"
        return {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    if piece.kind is PieceKind.HASHTAG and graphemes(piece.text) <= _LONGEST_TAG:
        return {"$type": "app.bsky.richtext.facet#tag", "tag": piece.text[1:]}
    return None
