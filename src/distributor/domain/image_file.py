"""What the bytes of an image file say: its format, and its size in pixels.

Sources: PNG 1.2 section 11.2.2, ITU T.81 annex B (JPEG), GIF89a section 18, RFC 9649 (WebP).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

_PNG, _JPEG, _GIF, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", (b"GIF87a", b"GIF89a"), b"RIFF"
# Start of frame: all but the tables DHT, JPG and DAC, which are among them.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM, the restarts, the start of the image.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
# An SVG may begin with a declaration, a document type and comments. What was read is never tried in another way, which
# would take a time exponential in the number of comments.
_SVG = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*+>\s*|<!DOCTYPE[^>]*+>\s*|<!--(?>.*?-->)\s*)*+<svg(\s[^>]*+)?>", re.DOTALL
)
_SVG_LENGTH = rb"\s%s\s*=\s*[\"']\s*([0-9.]+)(?:px)?\s*[\"']"
_SVG_WIDTH, _SVG_HEIGHT = re.compile(_SVG_LENGTH % b"width"), re.compile(_SVG_LENGTH % b"height")
_VIEW_BOX = re.compile(rb"\sviewBox\s*=\s*[\"']\s*[-0-9.]+[\s,]+[-0-9.]+[\s,]+([0-9.]+)[\s,]+([0-9.]+)\s*[\"']")

_TYPES_BY_SUFFIX = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """The format of an image, and its size; None if the file does not say it, as some SVG do not.

    `suffix` is the usual one of its name, with the dot.
    """

    media_type: str
    suffix: str
    width: int | None = None
    height: int | None = None


def read_image_file(body: bytes) -> ImageFile | None:
    """The format and size of a PNG, JPEG, GIF, WebP or SVG; None for anything else. A damaged file has no size."""
    if body.startswith(_PNG):
        return _image("image/png", ".png", struct.unpack(">II", body[16:24]) if len(body) >= 24 else None)
    if body.startswith(_JPEG):
        return _image("image/jpeg", ".jpg", _jpeg_size(body))
    if body.startswith(_GIF):
        return _image("image/gif", ".gif", struct.unpack("<HH", body[6:10]) if len(body) >= 10 else None)
    if body.startswith(_RIFF) and body[8:12] == b"WEBP":
        return _image("image/webp", ".webp", _webp_size(body))
    if svg := _SVG.match(body[:4096]):
        return _image("image/svg+xml", ".svg", _svg_size(svg[1] or b""))
    return None


def image_type_of_url(url: str) -> str:
    """By its extension; empty if that is not one of an image. `mimetypes` has tables that differ between machines."""
    return _TYPES_BY_SUFFIX.get(PurePosixPath(urlsplit(url).path).suffix.lower(), "")


def _image(media_type: str, suffix: str, size: tuple[int, ...] | None) -> ImageFile:
    width, height = size if size and all(size) else (None, None)
    return ImageFile(media_type=media_type, suffix=suffix, width=width, height=height)


def _jpeg_size(body: bytes) -> tuple[int, ...] | None:
    place = 2
    while place + 9 <= len(body) and body[place] == 0xFF:
        marker = body[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", body[place + 5 : place + 9])
            return width, height
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _JPEG_BARE:
            place += 2
        else:
            place += 2 + max(int.from_bytes(body[place + 2 : place + 4], "big"), 2)
    return None


def _webp_size(body: bytes) -> tuple[int, ...] | None:
    match body[12:16]:
        case b"VP8X" if len(body) >= 30:
            return tuple(int.from_bytes(body[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L" if len(body) >= 25:
            bits = int.from_bytes(body[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if len(body) >= 30:
            return tuple(size & 0x3FFF for size in struct.unpack("<HH", body[26:30]))
        case _:
            return None


def _svg_size(attributes: bytes) -> tuple[int, ...] | None:
    """By its width and height in pixels, else by its viewBox (SVG 2 section 8.2)."""
    lengths = [found[1] for pattern in (_SVG_WIDTH, _SVG_HEIGHT) if (found := pattern.search(attributes))]
    if len(lengths) < 2:
        view_box = _VIEW_BOX.search(attributes)
        lengths = list(view_box.groups()) if view_box else []
    try:
        return tuple(round(float(length)) for length in lengths) or None
    except (ValueError, OverflowError):
        return None
