"""A ZIP of articles with their images: every file in a known format is an article, as in a folder.

It is read in memory and within limits (documents.archive). An archive inside it is not opened, since each level
multiplies what a bomb can hold.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from distributor.domain.article import MEDIA_PATH, Manuscript
from distributor.domain.blocks import Image, replace_images, set_large_images_apart
from distributor.domain.errors import SourceError
from distributor.sources.documents.archive import SafeArchive
from distributor.sources.documents.converted import EmbeddedImages
from distributor.sources.formats import document_suffix, is_readable, parse_manuscript
from distributor.sources.items import SourceItem, UnreadableItem
from distributor.sources.local_images import PUBLISHED_FOLDERS
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

_SUFFIX, _SIGNATURES = ".zip", (b"PK\x03\x04", b"PK\x05\x06")
# What macOS puts beside every file.
_LEFTOVERS = "__MACOSX"


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive of articles."""
    return PurePosixPath(name).suffix.lower() == _SUFFIX


def holds_articles(data: bytes) -> bool:
    """Whether these bytes are a ZIP, and not a document that is one too, such as DOCX."""
    return data.startswith(_SIGNATURES) and not document_suffix(data)


def read_archive(
    data: bytes, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS
) -> Iterator[SourceItem | UnreadableItem]:
    """Every article of a ZIP, with its images in `media`; one that cannot be read does not stop the others.

    Raises SourceError at once if the ZIP itself cannot be read, or holds no article.
    """
    archive = SafeArchive(data, path=path)
    refused = [
        UnreadableItem(ref=_printable(one.name), error=SourceError(one.reason, path=_printable(one.name)))
        for one in archive.refused
        if not _is_hidden(one.name)
    ]
    names = [name for name in archive.sizes if not _is_hidden(name) and (is_readable(name) or is_archive(name))]
    if not names and not refused:
        raise SourceError("no file in it is in a format that can be read", path=path)
    return (one for part in (refused, (_read(archive, name, options) for name in sorted(names))) for one in part)


def _read(archive: SafeArchive, name: str, options: ReadingOptions) -> SourceItem | UnreadableItem:
    content_hash = ""
    try:
        if is_archive(name):
            raise SourceError("an archive inside an archive is not opened: give it by itself", path=name)
        data = archive.read(name)
        content_hash = hashlib.sha256(data).hexdigest()
        manuscript = _with_images(parse_manuscript(data, name=name, options=options), archive, name)
    except MemoryError:
        raise
    except Exception as error:
        # A fault in one file is about this file only.
        return UnreadableItem(ref=name, error=error, content_hash=content_hash)
    return SourceItem(ref=name, content_hash=content_hash, manuscript=manuscript)


def _with_images(manuscript: Manuscript, archive: SafeArchive, name: str) -> Manuscript:
    """The manuscript with the images of the archive that it refers to."""
    images = EmbeddedImages()

    def take(image: Image) -> Image:
        if "://" in image.src or image.src.startswith((MEDIA_PATH, "//")):
            return image
        found = next((place for place in _places(image.src, name) if place in archive.sizes), None)
        if found is None:
            images.warnings[f"image {image.src} is not in the archive"] = None
            return image
        src = images.add(archive.read(found), name=image.src)
        return replace(image, src=src, width=images.files[src].width, height=images.files[src].height) if src else image

    return replace(
        manuscript,
        body=set_large_images_apart(replace_images(manuscript.body, take)),
        image=take(manuscript.image) if manuscript.image else None,
        media=(*manuscript.media, *images.media.values()),
        warnings=(*manuscript.warnings, *images.warnings),
    )


def _places(src: str, name: str) -> Iterator[str]:
    """Where an image may be in the archive: beside the article, or from the root of a site that is in it."""
    path = unquote(src.partition("?")[0].partition("#")[0])
    if not path.startswith("/"):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        return
    for folder in PurePosixPath(name).parents:
        for published in ("", *PUBLISHED_FOLDERS):
            yield posixpath.normpath(posixpath.join(str(folder), published, path.lstrip("/")))


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return _LEFTOVERS in parts or any(part.startswith(".") and not part.startswith("..") for part in parts)


def _printable(name: str) -> str:
    """The name of an entry that no program would write."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)[:200]
