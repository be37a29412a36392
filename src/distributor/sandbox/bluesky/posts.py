"""The rules of `app.bsky.feed.post`: the lexicon's, and those whose breach a PDS stores but every reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from distributor.sandbox.bluesky.cid import is_cid
from distributor.sandbox.limits import describe_errors
from distributor.sandbox.media import UploadStore

POST = "app.bsky.feed.post"
MAX_GRAPHEMES = 300
MAX_BYTES = 3000
_MAX_THUMB_BYTES = 1_000_000
_MAX_IMAGE_BYTES = 2_000_000
_MAX_TAG_GRAPHEMES = 64
_MAX_TAG_BYTES = 640
_GRAPHEME = regex.compile(r"\X")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_BCP47 = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
# The lexicon takes any URI; readers can only follow these.
_URI = r"^https?://[^\s\x00-\x1f]+$"

Uri = Annotated[str, Field(pattern=_URI, max_length=8192)]
Tag = Annotated[str, Field(min_length=1)]


class _Lexicon(BaseModel):
    """Records may hold more than their lexicon names; what it names must be right."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, populate_by_name=False)


class _Link(_Lexicon):
    link: str = Field(alias="$link")


class Blob(_Lexicon):
    type: Literal["blob"] = Field(alias="$type")
    ref: _Link
    mimeType: str  # noqa: N815 - the lexicon's name
    size: Annotated[int, Field(gt=0)]


class StrongRef(_Lexicon):
    uri: Annotated[str, Field(pattern=r"^at://did:[a-z]+:[^/]+/[^/]+/[^/]+$")]
    cid: str


class _LinkFeature(_Lexicon):
    type: Literal["app.bsky.richtext.facet#link"] = Field(alias="$type")
    uri: Uri


class _TagFeature(_Lexicon):
    type: Literal["app.bsky.richtext.facet#tag"] = Field(alias="$type")
    tag: Tag


class _MentionFeature(_Lexicon):
    type: Literal["app.bsky.richtext.facet#mention"] = Field(alias="$type")
    did: Annotated[str, Field(pattern=r"^did:[a-z]+:[A-Za-z0-9._:%-]+$")]


Feature = Annotated[_LinkFeature | _TagFeature | _MentionFeature, Field(discriminator="type")]


class _Slice(_Lexicon):
    byteStart: Annotated[int, Field(ge=0)]  # noqa: N815 - the lexicon's name
    byteEnd: Annotated[int, Field(ge=0)]  # noqa: N815 - the lexicon's name


class Facet(_Lexicon):
    index: _Slice
    features: Annotated[list[Feature], Field(min_length=1)]


class _Reply(_Lexicon):
    root: StrongRef
    parent: StrongRef


class _External(_Lexicon):
    uri: Uri
    title: str
    description: str
    thumb: Blob | None = None


class ExternalEmbed(_Lexicon):
    type: Literal["app.bsky.embed.external"] = Field(alias="$type")
    external: _External


class _Image(_Lexicon):
    image: Blob
    alt: str


class ImagesEmbed(_Lexicon):
    type: Literal["app.bsky.embed.images"] = Field(alias="$type")
    images: Annotated[list[_Image], Field(min_length=1, max_length=4)]


class PostRecord(_Lexicon):
    """A post. Quotes and videos are not known here."""

    type: Literal["app.bsky.feed.post"] = Field(alias="$type")
    text: str
    createdAt: str  # noqa: N815 - the lexicon's name
    facets: list[Facet] = Field(default_factory=list)
    langs: Annotated[list[Annotated[str, Field(pattern=_BCP47)]], Field(max_length=3)] = Field(default_factory=list)
    tags: Annotated[list[Tag], Field(max_length=8)] = Field(default_factory=list)
    reply: _Reply | None = None
    embed: Annotated[ExternalEmbed | ImagesEmbed, Field(discriminator="type")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as it was put; `key` is its rkey."""

    key: str
    cid: str
    value: dict[str, Any]
    stored_at: datetime


FindRecord = Callable[[str], StoredRecord | None]
"""The stored record of an at:// address, if there is one."""


def check_post(record: Mapping[str, Any], *, find: FindRecord, blobs: UploadStore) -> PostRecord:
    """Raises HTTPException 400 InvalidRequest that names the field at fault."""
    nulls = [name for name, value in record.items() if value is None]
    if nulls:
        raise _invalid(f"{', '.join(nulls)}: must not be null")
    try:
        post = PostRecord.model_validate(record)
    except ValidationError as error:
        raise _invalid(describe_errors(error)) from None
    _check_text(post.text)
    _check_time(post.createdAt)
    _check_facets(post)
    for tag in post.tags:
        _check_tag(tag)
    if post.reply is not None:
        _check_reply(post.reply, find)
    if isinstance(post.embed, ExternalEmbed) and post.embed.external.thumb is not None:
        _check_blob(post.embed.external.thumb, blobs, max_bytes=_MAX_THUMB_BYTES)
    if isinstance(post.embed, ImagesEmbed):
        for image in post.embed.images:
            _check_blob(image.image, blobs, max_bytes=_MAX_IMAGE_BYTES)
    return post


def graphemes(text: str) -> int:
    """User-perceived characters (extended grapheme clusters, UAX #29)."""
    return len(_GRAPHEME.findall(text))


def _check_text(text: str) -> None:
    if len(text.encode()) > MAX_BYTES:
        raise _invalid(f"text must not be longer than {MAX_BYTES} bytes")
    if graphemes(text) > MAX_GRAPHEMES:
        raise _invalid(f"text must not be longer than {MAX_GRAPHEMES} graphemes")


def _check_time(created_at: str) -> None:
    try:
        if not _DATETIME.fullmatch(created_at) or created_at.endswith("-00:00"):
            raise ValueError(created_at)
        datetime.fromisoformat(re.sub(r"\.\d+", "", created_at))
    except ValueError:
        raise _invalid("createdAt must be a valid atproto datetime (both RFC 3339 and ISO 8601)") from None


def _check_facets(post: PostRecord) -> None:
    """A PDS stores any range; readers then see the wrong words as links, or none."""
    text = post.text.encode()
    end = 0
    for facet in sorted(post.facets, key=lambda facet: facet.index.byteStart):
        start, stop = facet.index.byteStart, facet.index.byteEnd
        if not start < stop <= len(text):
            raise _invalid(f"facets: bytes {start} to {stop} are not inside the text of {len(text)} bytes")
        if start < end:
            raise _invalid(f"facets: bytes {start} to {stop} overlap another facet")
        if any(at < len(text) and text[at] & 0xC0 == 0x80 for at in (start, stop)):
            raise _invalid(f"facets: bytes {start} to {stop} cut a character in two")
        for feature in facet.features:
            if isinstance(feature, _TagFeature):
                _check_tag(feature.tag)
        end = stop


def _check_tag(tag: str) -> None:
    if tag.startswith("#") or graphemes(tag) > _MAX_TAG_GRAPHEMES or len(tag.encode()) > _MAX_TAG_BYTES:
        raise _invalid(f"tags have no hash sign and at most {_MAX_TAG_GRAPHEMES} graphemes and {_MAX_TAG_BYTES} bytes")


def _check_reply(reply: _Reply, find: FindRecord) -> None:
    parent = _resolve(reply.parent, "reply.parent", find)
    _resolve(reply.root, "reply.root", find)
    parents_root = parent.value.get("reply", {}).get("root", {}).get("uri", reply.parent.uri)
    if parents_root != reply.root.uri:
        raise _invalid(f"reply.root is not the root of the thread, which is {parents_root}")


def _resolve(ref: StrongRef, field: str, find: FindRecord) -> StoredRecord:
    stored = find(ref.uri)
    if stored is None:
        raise _invalid(f"{field}: there is no record {ref.uri}")
    if stored.cid != ref.cid:
        raise _invalid(f"{field}: {ref.uri} has the cid {stored.cid}, not {ref.cid}")
    return stored


def _check_blob(blob: Blob, blobs: UploadStore, *, max_bytes: int) -> None:
    stored = blobs.get(blob.ref.link) if is_cid(blob.ref.link) else None
    if stored is None:
        raise HTTPException(400, f"BlobNotFound: Could not find blob: {blob.ref.link}")
    if (stored.mime, stored.size) != (blob.mimeType, blob.size):
        got = f"{blob.mimeType}, {blob.size} bytes"
        raise HTTPException(400, f"InvalidMimeType: The stored blob is {stored.mime}, {stored.size} bytes, not {got}")
    if stored.size > max_bytes:
        raise HTTPException(400, f"BlobTooLarge: The blob has {stored.size} bytes, {max_bytes} are allowed here")


def _invalid(reason: str) -> HTTPException:
    return HTTPException(400, f"InvalidRequest: Invalid {POST} record: {reason}")
