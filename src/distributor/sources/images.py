"""Images that lie beside an article: read, recognised by their first bytes, never from outside the folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distributor.domain.errors import SourceError

MAX_BYTES = 5 * 1024 * 1024

# What a file begins with, its media type and its usual ending. Nothing else is an image to a mail program.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"GIF87a", "image/gif", ".gif"),
    (b"GIF89a", "image/gif", ".gif"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image file: its bytes, its media type and the ending its name should have."""

    body: bytes
    media_type: str
    ending: str


def read_image(src: str, *, beside: Path, root: Path) -> LocalImage:
    """The image that `src` names, relative to the folder `beside`, which lies in `root`.

    Raises SourceError if it is missing, too large, no image, or outside `root`.
    """
    path = (beside / src).resolve()
    if not path.is_relative_to(root.resolve()):
        raise SourceError(f"image {src} lies outside the folder of the article; move it inside")
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"image {src} cannot be read: {error.strerror}") from error
    if len(body) > MAX_BYTES:
        raise SourceError(f"image {src} is over {MAX_BYTES // 2**20} MB; make it smaller")
    for signature, media_type, ending in _SIGNATURES:
        if body.startswith(signature):
            return LocalImage(body=body, media_type=media_type, ending=ending)
    raise SourceError(f"image {src} is neither PNG, JPEG nor GIF, which is what mail programs show")
