"""The images of an article that are files of the folder it is in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from distributor.domain.article import MEDIA_PATH, Manuscript, Media
from distributor.domain.blocks import Image, replace_images, set_large_images_apart
from distributor.domain.errors import SourceError
from distributor.domain.image_file import ImageFile, read_image_file
from distributor.sources.uploaded_image import MAX_IMAGE_BYTES

# Site generators publish what is in them as it is.
PUBLISHED_FOLDERS = ("static", "public", "assets")
# Mail clients show no other image formats reliably.
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif")


def read_image(src: str, *, beside: Path, root: Path) -> tuple[bytes, ImageFile]:
    """Read the image `src`, relative to the folder `beside`, which is inside `root`: its bytes, and what they say.

    Raises SourceError if it is missing, too large, not an image, or outside `root`.
    """
    path = (beside / src).resolve()
    if not path.is_relative_to(root.resolve()):
        raise SourceError(f"image {src} is outside the folder of the article; move it inside")
    try:
        with path.open("rb") as file:
            body = file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise SourceError(f"image {src} cannot be read: {error.strerror}") from error
    if len(body) > MAX_IMAGE_BYTES:
        raise SourceError(f"image {src} is over {MAX_IMAGE_BYTES // 2**20} MB; make it smaller")
    image = read_image_file(body)
    if image is None or image.media_type not in _IMAGE_TYPES:
        raise SourceError(f"image {src} is not PNG, JPEG or GIF, the formats that mail clients show")
    return body, image


def image_place(src: str, *, file: Path, root: Path) -> tuple[str, Path, Path]:
    """Where the image of an article is: its path, the folder that this is relative to, and the one it has to be inside.

    A path from the root of a site is looked for in the folders that site generators publish as they are.
    """
    path = unquote(src.partition("?")[0].partition("#")[0])
    if not path.startswith("/"):
        return path, file.parent, root
    path = path.lstrip("/")
    folders = [root, *(parent / name for parent in (root, root.parent) for name in PUBLISHED_FOLDERS)]
    found = next((folder for folder in folders if (folder / path).is_file()), root)
    return path, found, found


def take_local_images(manuscript: Manuscript, *, file: Path, root: Path) -> tuple[Manuscript, list[Media]]:
    """The manuscript with its local images under public paths, and its images; a missing image is a warning.

    Each local image has its size, and one that turns out to be large does not stay in a line of text.
    """
    media = {one.name: one for one in manuscript.media}
    warnings: list[str] = []

    def take(image: Image) -> Image:
        if "://" in image.src or image.src.startswith((MEDIA_PATH, "//")):
            return image
        src, beside, inside = image_place(image.src, file=file, root=root)
        try:
            body, found = read_image(src, beside=beside, root=inside)
        except SourceError as error:
            warnings.append(error.reason)
            return image
        name = hashlib.sha256(body).hexdigest()[:32] + found.suffix
        media[name] = Media(name=name, media_type=found.media_type, body=body)
        return replace(image, src=media[name].src, width=found.width, height=found.height)

    illustrated = replace(
        manuscript,
        body=set_large_images_apart(replace_images(manuscript.body, take)),
        image=take(manuscript.image) if manuscript.image else None,
        media=(),
    )
    return replace(illustrated, warnings=(*manuscript.warnings, *warnings)), list(media.values())
