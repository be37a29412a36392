"""Images of the web become images that mail programs show, and nothing else comes in."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image

from distributor.domain.errors import SourceError
from distributor.sources.fetched_image import WIDEST_IMAGE, fit_for_mail
from distributor.sources.uploaded_image import MAX_IMAGE_BYTES
from tests.storage.image_fixtures import a_png


def photo(width: int = 300, height: int = 100) -> Image.Image:
    """A picture with many colours."""
    return Image.effect_noise((width, height), 80).convert("RGB")


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def shown(body: bytes) -> Image.Image:
    """The picture that is made of it."""
    picture = Image.open(BytesIO(fit_for_mail(body)[0]))
    picture.load()
    return picture


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[ExifTags.Base.Orientation] = orientation
    found[ExifTags.Base.Make] = "A camera"
    return found


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF"])
def test_what_mails_show_stays_as_it_is_but_for_what_stands_behind_the_picture(form: str) -> None:
    body = encoded(photo(), form)
    kept, found = fit_for_mail(body + b"<script>alert(1)</script>")
    assert kept == body
    assert (found.media_type, found.width, found.height) == (f"image/{form.lower()}", 300, 100)


@pytest.mark.parametrize("form", ["WEBP", "AVIF"])
def test_a_photograph_in_a_newer_format_becomes_a_jpeg(form: str) -> None:
    kept, found = fit_for_mail(encoded(photo(), form))
    assert kept.startswith(b"\xff\xd8\xff")
    assert (found.media_type, found.width, found.height) == ("image/jpeg", 300, 100)


def test_a_drawing_and_what_is_transparent_become_a_png() -> None:
    assert fit_for_mail(encoded(Image.new("RGB", (40, 40), "teal"), "WEBP", lossless=True))[1].suffix == ".png"
    glass = photo()
    glass.putalpha(90)
    picture = shown(encoded(glass, "WEBP"))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")


def test_transparency_that_nothing_shows_through_needs_no_png() -> None:
    opaque = photo()
    opaque.putalpha(255)
    assert shown(encoded(opaque, "AVIF")).format == "JPEG"


@pytest.mark.parametrize(
    ("form", "kept"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("GIF", "PNG"), ("WEBP", "JPEG"), ("BMP", "PNG")]
)
def test_a_wide_image_is_scaled_down(form: str, kept: str) -> None:
    picture = shown(encoded(photo(3000, 150), form))
    assert (picture.format, picture.size) == (kept, (WIDEST_IMAGE, 100))


@pytest.mark.parametrize("mode", ["1", "I;16", "L", "LA", "P"])
def test_pngs_of_every_kind_of_colour_are_scaled(mode: str) -> None:
    assert shown(encoded(Image.new(mode, (3000, 3)), "PNG")).width == WIDEST_IMAGE


def test_sixteen_bits_of_grey_stay_as_bright_as_they_are() -> None:
    assert shown(encoded(Image.new("I;16", (3000, 3), 40_000), "PNG")).getextrema() == (156, 156)


def test_inks_become_colours_of_a_screen() -> None:
    assert shown(encoded(photo(3000, 30).convert("CMYK"), "JPEG")).mode == "RGB"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photograph_is_turned_as_its_camera_says_and_keeps_no_metadata(form: str) -> None:
    picture = shown(encoded(photo(), form, exif=exif(orientation=6)))
    assert picture.size == (100, 300)
    assert dict(picture.getexif()) == {}


def test_a_photograph_that_lies_is_scaled_by_the_width_it_is_seen_with() -> None:
    assert shown(encoded(photo(30, 3000), "JPEG", exif=exif(orientation=8))).size == (WIDEST_IMAGE, 20)
    assert shown(encoded(photo(3000, 30), "JPEG", exif=exif(orientation=8))).size == (30, 3000)


def test_a_jpeg_loses_its_metadata_and_keeps_its_quality_and_profile() -> None:
    fine = encoded(photo(), "JPEG", quality=97, exif=exif(), comment=b"where I live", icc_profile=b"a profile")
    kept, _ = fit_for_mail(fine)
    assert b"A camera" not in kept
    assert b"where I live" not in kept
    before, after = Image.open(BytesIO(fine)), Image.open(BytesIO(kept))
    assert after.info["icc_profile"] == b"a profile"
    assert vars(after)["quantization"] == vars(before)["quantization"]


def test_a_gif_that_moves_stays_as_it_is_however_wide() -> None:
    moving = encoded(photo(2400, 20), "GIF", save_all=True, append_images=[photo(2400, 20)])
    assert fit_for_mail(moving)[0] == moving


def test_of_a_webp_that_moves_the_first_picture_is_taken() -> None:
    moving = encoded(photo(), "WEBP", save_all=True, append_images=[photo(), photo()])
    assert shown(moving).format == "JPEG"


@pytest.mark.parametrize(
    "body",
    [
        # The header says 30,000 × 30,000, which would take gigabytes.
        a_png(1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 30_000, 30_000), 1),
        b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0\x2f" + (16383 | 16383 << 14).to_bytes(4, "little") + b"\0" * 9,
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
    ids=["png", "webp", "bmp"],
)
def test_a_small_file_with_a_picture_that_would_fill_the_memory_is_refused_unread(body: bytes) -> None:
    with pytest.raises(SourceError, match="pixels; make it smaller"):
        fit_for_mail(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!doctype html><title>Not found</title>", "no image that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "it is an SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "no image that can be read"),
        (encoded(photo(), "TIFF"), "no image that can be read"),
        (encoded(photo(), "WEBP")[:200], "damaged"),
        (encoded(photo(), "PNG")[:900], "damaged"),
        (encoded(photo(3000, 30), "JPEG")[:2000], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(MAX_IMAGE_BYTES), "over 5 MB"),
    ],
)
def test_what_is_no_image_for_mail_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        fit_for_mail(body)
