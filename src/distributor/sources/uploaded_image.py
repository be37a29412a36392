"""Uploaded images: judged by their content, and kept without anything that stands behind the picture in the file.

Sources: PNG 1.2 section 5, ITU T.81 annex B (JPEG), GIF89a appendix A.
"""

from __future__ import annotations

from distributor.domain.errors import SourceError
from distributor.domain.image_file import ImageFile, read_image_file

MAX_IMAGE_BYTES = 5 * 1024 * 1024
_INSTEAD = {
    "image/svg+xml": "it is an SVG, which can hold programs and which mail clients do not show; save it as PNG",
    "image/webp": "it is WebP, which many mail clients do not show; save it as PNG or JPEG",
}
_LARGEST_SIDE = 12_000
# Markers of JPEG without a length: the restarts, the start of the image, and a byte that only fills.
_BARE = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})


def read_uploaded_image(body: bytes) -> tuple[bytes, ImageFile]:
    """The bytes of a PNG, JPEG or GIF to its end, and what they say. Raises SourceError, which says what is wrong."""
    if not body:
        raise SourceError("the file is empty")
    if len(body) > MAX_IMAGE_BYTES:
        raise SourceError(f"the image is over {MAX_IMAGE_BYTES // 2**20} MB; make it smaller")
    found = read_image_file(body)
    if found is None:
        raise SourceError("the file is no image; use PNG, JPEG or GIF")
    if found.media_type in _INSTEAD:
        raise SourceError(_INSTEAD[found.media_type])
    end = {"image/png": _png_end, "image/jpeg": _jpeg_end, "image/gif": _gif_end}[found.media_type](body)
    if end is None or found.width is None or found.height is None:
        raise SourceError("the image is damaged: it ends before it is complete")
    if max(found.width, found.height) > _LARGEST_SIDE:
        raise SourceError(f"the image is {found.width} × {found.height} pixels; make it smaller")
    return body[:end], found


def _png_end(body: bytes) -> int | None:
    at = 8
    while at + 12 <= len(body):
        length, name = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at if at <= len(body) else None
    return None


def _jpeg_end(body: bytes) -> int | None:
    at = 2
    while at + 2 <= len(body):
        if body[at] != 0xFF:
            # In the data of a scan, which lasts until a marker that is no restart.
            at = body.find(b"\xff", at)
            if at < 0:
                return None
        marker = body[at + 1] if at + 1 < len(body) else 0
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker in _BARE or marker == 0:
            at += 2
        else:
            at += 2 + max(int.from_bytes(body[at + 2 : at + 4], "big"), 2)
    return None


def _gif_end(body: bytes) -> int | None:
    if len(body) < 13:
        return None
    at = 13 + _colour_table(body[10])
    while at < len(body):
        kind = body[at]
        if kind == 0x3B:
            return at + 1
        if kind == 0x21:
            at += 2
        elif kind == 0x2C and at + 10 < len(body):
            at += 11 + _colour_table(body[at + 9])
        else:
            return None
        while at < len(body) and body[at]:
            at += 1 + body[at]
        at += 1
    return None


def _colour_table(flags: int) -> int:
    """The bytes of the table of colours that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
