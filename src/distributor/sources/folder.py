"""A folder as a source: every readable file in it is an article, and a file that has not changed is not read twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.formats import is_readable, parse_manuscript, read_bytes

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A good file. `path` is relative to the folder with slashes, `content_hash` the SHA-256 of its bytes in hex.

    `manuscript` is None if the caller knows this very content already.
    """

    path: str
    content_hash: str
    manuscript: Manuscript | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A file or subfolder that could not be read, and why. Without a way to its bytes `content_hash` is empty."""

    path: str
    error: SourceError
    content_hash: str = ""


def scan_folder(folder: Path, known: Mapping[str, str] | None = None) -> Iterator[Found | Broken]:
    """Every article below `folder`: the files of a folder by name, then its subfolders by name.

    `known` holds the content hash last seen at each path, good or broken. Hidden files and folders and other suffixes
    are passed over. A symbolic link counts as the file it leads to; one that leads out of the folder is broken, one
    to a subfolder adds nothing. Raises SourceError at once if `folder` itself cannot be read.
    """
    try:
        root = folder.resolve(strict=True)
        next(root.iterdir(), None)
    except (OSError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SourceError(f"is no folder that can be read: {reason}", path=folder) from None
    return _scan(root, known or {})


def _scan(root: Path, known: Mapping[str, str]) -> Iterator[Found | Broken]:
    unreadable: list[Broken] = []
    for place, folders, names in os.walk(root, onerror=lambda error: unreadable.append(_unreadable(root, error))):
        yield from unreadable
        unreadable.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        app = Path(place)
        for path in [app / name for name in sorted(names) if not name.startswith(".") and is_readable(name)]:
            yield _read(root, path, known)
        for path in [app / name for name in folders if (app / name).is_symlink()]:
            yield from _check_linked_folder(root, path)
    yield from unreadable


def _read(root: Path, path: Path, known: Mapping[str, str]) -> Found | Broken:
    name, content_hash = _name(root, path), ""
    try:
        # What is hashed and what is parsed are the same bytes, even while somebody saves the file.
        data = read_bytes(_follow(root, path, name), name=name)
        content_hash = hashlib.sha256(data).hexdigest()
        manuscript = None if known.get(name) == content_hash else parse_manuscript(data, name=name)
    except SourceError as error:
        return Broken(path=name, error=error, content_hash=content_hash)
    return Found(path=name, content_hash=content_hash, manuscript=manuscript)


def _check_linked_folder(root: Path, path: Path) -> Iterator[Broken]:
    name = _name(root, path)
    try:
        _follow(root, path, name)
    except SourceError as error:
        yield Broken(path=name, error=error)


def _follow(root: Path, path: Path, name: str) -> Path:
    """The file that is meant. Raises SourceError for a name that is no text, or a link that leads out or nowhere."""
    if name != path.relative_to(root).as_posix():
        raise SourceError("the name is not in UTF-8; rename the file", path=name)
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise SourceError("there is no such file, or it is a link that leads nowhere", path=name) from None
    if not target.is_relative_to(root):
        raise SourceError("leads out of the folder; put the file itself here", path=name)
    return target


def _name(root: Path, path: Path) -> str:
    """The relative path; bytes that are no text are spelled out, so that it can be shown and stored."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")


def _unreadable(root: Path, error: OSError) -> Broken:
    name = _name(root, Path(error.filename))
    return Broken(path=name, error=SourceError(f"the folder cannot be read: {error.strerror}", path=name))
