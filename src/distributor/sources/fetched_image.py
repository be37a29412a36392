"""Images that were fetched from the web, made fit for mail: of a format that mail programs show, and not too wide."""

from __future__ import annotations

from io import BytesIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from distributor.domain.errors import SourceError
from distributor.domain.image_file import ImageFile, read_image_file
from distributor.sources.uploaded_image import MAX_IMAGE_BYTES, read_uploaded_image

# In pixels: twice the width of a column of text, for screens of a high density.
WIDEST_IMAGE = 2000
# A small file may hold a picture that fills the memory; cameras make up to about so many pixels.
_MOST_PIXELS = 40_000_000
_JPEG_QUALITY = 85
# Those that browsers show. Others, such as TIFF and EPS, are read by code that is not needed here.
_READ_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
_MAIL_FORMATS = frozenset({"GIF", "JPEG", "PNG"})
# Drawings and screenshots, which JPEG blurs, are in these or have few colours.
_DRAWN_FORMATS = frozenset({"BMP", "GIF", "PNG"})
_FEW_COLOURS = 128
# Values of the orientation in EXIF: as it is stored, and those that swap width and height.
_UPRIGHT, _LYING = 1, (5, 6, 7, 8)


def fit_for_mail(body: bytes) -> tuple[bytes, ImageFile]:
    """The bytes of a PNG, JPEG or GIF at most WIDEST_IMAGE pixels wide, and what they say.

    One that is so already, or moves, stays as it is up to its end. Another one is turned as its EXIF says, and keeps no
    metadata but its colour profile; of a WebP that moves the first picture is taken. Raises SourceError for an SVG, for
    what is no image or damaged, and for too many bytes or pixels.
    """
    found = read_image_file(body)
    if not body or len(body) > MAX_IMAGE_BYTES or (found is not None and found.media_type == "image/svg+xml"):
        return read_uploaded_image(body)
    if found is not None:
        # Before Pillow reads it: its reader of WebP takes the memory for the whole picture at once.
        _check_pixels(found.width or 0, found.height or 0)
    try:
        with Image.open(BytesIO(body), formats=_READ_FORMATS) as picture:
            _check_pixels(*picture.size)
            fit = body if _is_fit(picture) else _encoded(picture)
    except (SourceError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise SourceError(f"the image has more than {_MOST_PIXELS:,} pixels; make it smaller") from None
    except UnidentifiedImageError:
        raise SourceError("the file is no image that can be read") from None
    except Exception as error:
        # Damaged files make Pillow raise almost anything.
        raise SourceError(f"the image is damaged ({type(error).__name__})") from error
    return read_uploaded_image(fit)


def _check_pixels(width: int, height: int) -> None:
    if width * height > _MOST_PIXELS:
        raise SourceError(f"the image is {width} × {height} pixels; make it smaller")


def _is_fit(picture: Image.Image) -> bool:
    if picture.format not in _MAIL_FORMATS:
        return False
    return getattr(picture, "is_animated", False) or (picture.width <= WIDEST_IMAGE and not picture.getexif())


def _encoded(picture: Image.Image) -> bytes:
    orientation = picture.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
    # The profile of the inks of a print says nothing about the colours of a screen.
    profile = None if picture.mode == "CMYK" else picture.info.get("icc_profile")
    if picture.format == "JPEG" and orientation == _UPRIGHT and picture.width <= WIDEST_IMAGE:
        return _saved(picture, "JPEG", quality="keep", icc_profile=picture.info.get("icc_profile"), comment=b"")
    is_drawn = picture.format in _DRAWN_FORMATS
    picture = _in_screen_colours(picture)
    longest = max(picture.size)
    box = (longest, WIDEST_IMAGE) if orientation in _LYING else (WIDEST_IMAGE, longest)
    picture.thumbnail(box, Image.Resampling.LANCZOS)
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "CMYK":
        picture = picture.convert("RGB")
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    if picture.mode == "RGBA" or is_drawn or picture.getcolors(_FEW_COLOURS):
        png = _saved(picture, "PNG", optimize=True, icc_profile=profile)
        if picture.mode == "RGBA" or len(png) <= MAX_IMAGE_BYTES:
            return png
    return _saved(picture, "JPEG", quality=_JPEG_QUALITY, optimize=True, icc_profile=profile, comment=b"")


def _in_screen_colours(picture: Image.Image) -> Image.Image:
    """The picture in colours that can be scaled. A JPEG stays unread, so that it is scaled while it is read."""
    if picture.mode in ("L", "RGB", "RGBA", "CMYK"):
        return picture
    if picture.mode.startswith("I"):
        # 16 bits for each pixel, of which a conversion would take the lowest 8.
        return picture.point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
