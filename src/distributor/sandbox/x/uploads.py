"""Uploads to X: images as base64 in JSON, and their alternative text."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from distributor.sandbox.media import UploadedMedia, image_type
from distributor.sandbox.x.posts import MEDIA_LIFETIME, Id

_MAX_BYTES = {"image/gif": 15 * 1024 * 1024}
_MAX_IMAGE_BYTES = 5 * 1024 * 1024


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class UploadBody(_Body):
    """The body of `POST /2/media/upload`."""

    media: str
    media_category: Literal["tweet_image", "tweet_gif"]
    media_type: Literal["image/jpeg", "image/png", "image/webp", "image/gif"] | None = None
    additional_owners: list[Id] | None = None
    shared: bool | None = None


class _AltText(_Body):
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class _Metadata(_Body):
    alt_text: _AltText


class MetadataBody(_Body):
    """The body of `POST /2/media/metadata`."""

    id: Id
    metadata: _Metadata


def read_upload(body: UploadBody, key: str, now: datetime) -> tuple[UploadedMedia, bytes]:
    """The image that was uploaded. Raises HTTPException 400 if it is none, is too large, or is of another type."""
    try:
        content = base64.b64decode(body.media, validate=True)
    except binascii.Error:
        raise HTTPException(400, "media: not base64") from None
    mime = image_type(content)
    if mime is None or (body.media_type is not None and body.media_type != mime):
        raise HTTPException(400, f"media_type: the content is {mime or 'no image'}, not {body.media_type}")
    if len(content) > _MAX_BYTES.get(mime, _MAX_IMAGE_BYTES):
        raise HTTPException(400, f"media: {len(content)} bytes are too many for {mime}")
    return UploadedMedia(key=key, mime=mime, size=len(content), uploaded_at=now), content


def as_upload(medium: UploadedMedia) -> dict[str, Any]:
    """X's response to an upload."""
    return {
        "id": medium.key,
        "media_key": f"3_{medium.key}",
        "size": medium.size,
        "expires_after_secs": int(MEDIA_LIFETIME.total_seconds()),
    }
