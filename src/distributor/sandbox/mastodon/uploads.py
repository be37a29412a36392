"""Uploads to Mastodon: one image per call, as a form."""

from __future__ import annotations

from datetime import datetime

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from distributor.sandbox.mastodon.answers import MAX_DESCRIPTION, MAX_IMAGE_BYTES
from distributor.sandbox.media import UploadedMedia, image_type


async def read_upload(request: Request, key: str, now: datetime) -> tuple[UploadedMedia, bytes]:
    """The image that was uploaded. Raises HTTPException 422 if there is none, or it is too large."""
    form = await request.form()
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise HTTPException(422, "Validation failed: File can't be blank")
    content = await file.read()
    mime = image_type(content)
    if mime is None:
        raise HTTPException(422, "Validation failed: File content type is invalid")
    if len(content) > MAX_IMAGE_BYTES:
        raise HTTPException(422, f"Validation failed: File file size must be less than {MAX_IMAGE_BYTES} bytes")
    description = form.get("description")
    alt = None if description is None else check_description(description)
    return UploadedMedia(key=key, mime=mime, size=len(content), uploaded_at=now, alt=alt), content


def check_description(description: object) -> str:
    """The alternative text. Raises HTTPException 422 if it is none, or too long."""
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION:
        raise HTTPException(422, f"Validation failed: Description must be text of at most {MAX_DESCRIPTION} characters")
    return description
