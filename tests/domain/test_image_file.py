"""What the bytes of an image say. The samples are the beginnings of files, made by hand from the formats."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.image_file import ImageFile, read_image_file


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 6, 0, 0, 0)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def jpeg(width: int, height: int, *, frame: int = 0xC0, before: bytes = b"") -> bytes:
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    size = struct.pack(">BBHBHH", 0xFF, frame, 17, 8, height, width)
    return b"\xff\xd8" + app0 + before + size + bytes(10)


def webp(chunk: bytes, data: bytes) -> bytes:
    body = b"WEBP" + chunk + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


LOSSY = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 88, 31))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", 87 | 30 << 14) + bytes(8))
EXTENDED = webp(b"VP8X", bytes(4) + (87).to_bytes(3, "little") + (30).to_bytes(3, "little"))
# A table and a comment with what looks like a frame, and fill bytes.
DISTRACTIONS = b"\xff\xc4\0\x06\0\0\0\0" + b"\xff\xfe\0\x0b\xff\xc0\0\x11\x08\1\1\1\1" + b"\xff\xff"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (png(88, 31), "image/png"),
        (gif(88, 31), "image/gif"),
        (jpeg(88, 31), "image/jpeg"),
        (jpeg(88, 31, frame=0xC2, before=DISTRACTIONS), "image/jpeg"),
        (LOSSY, "image/webp"),
        (LOSSLESS, "image/webp"),
        (EXTENDED, "image/webp"),
    ],
    ids=["png", "gif", "jpeg", "progressive jpeg", "lossy webp", "lossless webp", "extended webp"],
)
def test_the_format_and_the_size_are_read_from_the_bytes(body: bytes, media_type: str) -> None:
    found = read_image_file(body)
    assert found is not None
    assert (found.media_type, found.width, found.height) == (media_type, 88, 31)


@pytest.mark.parametrize(
    "body",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by hand -->\n<!DOCTYPE svg>\n<svg>",
    ],
)
def test_an_svg_is_known_by_its_root(body: bytes) -> None:
    assert read_image_file(body) == ImageFile(media_type="image/svg+xml", suffix=".svg")


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        (b"width='120' height=\"40.4px\"", (120, 40)),
        (b"viewBox='0 0 120 40'", (120, 40)),
        (b"width='100%' height='100%' viewBox='-1,-1, 120,40'", (120, 40)),
        (b"width='10em' height='2em'", (None, None)),
        (b"width='1.2.3' height='4'", (None, None)),
        (b"width='0' height='0'", (None, None)),
    ],
)
def test_an_svg_has_the_size_that_it_says_or_that_of_its_view_box(
    attributes: bytes, size: tuple[int | None, int | None]
) -> None:
    found = read_image_file(b"<svg xmlns='http://www.w3.org/2000/svg' %b><g/></svg>" % attributes)
    assert found is not None
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    "body", [b"", b"GIF", b"<html><svg></svg>", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE", b"BM", b"<!-- -->" * 500]
)
def test_other_bytes_are_no_image(body: bytes) -> None:
    assert read_image_file(body) is None


@given(
    st.sampled_from([png(88, 31), gif(88, 31), jpeg(88, 31, before=DISTRACTIONS), LOSSY, LOSSLESS, EXTENDED]),
    st.data(),
)
def test_a_damaged_image_has_a_size_or_none(body: bytes, data: st.DataObject) -> None:
    cut = bytearray(body[: data.draw(st.integers(0, len(body)))])
    for at in data.draw(st.lists(st.integers(0, max(len(cut) - 1, 0)), max_size=3)):
        cut[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
    found = read_image_file(bytes(cut))
    assert found is None or (found.width is None) == (found.height is None)
