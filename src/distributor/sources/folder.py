"""A folder as a source: every file in a known format is an article; unchanged files are not parsed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.formats import is_readable, parse_manuscript, read_bytes
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

# In characters: it identifies the article, and is part of a key (domain.stored_text).
LONGEST_PATH = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedFile:
    """A file that was read. `path` is relative to the folder, with slashes; `content_hash` is the SHA-256 in hex.

    `manuscript` is None if the content has the hash that the caller knows.
    """

    path: str
    content_hash: str
    manuscript: Manuscript | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile:
    """A file or subfolder that could not be read, and why. `content_hash` is empty if its bytes are unknown.

    An error that is no SourceError is a mistake in the code of the format.
    """

    path: str
    error: Exception
    content_hash: str = ""


def scan_folder(
    folder: Path, known: Mapping[str, str] | None = None, *, options: ReadingOptions = DEFAULT_OPTIONS
) -> Iterator[ScannedFile | UnreadableFile]:
    """Every article below `folder`: the files of a folder by name, then its subfolders by name.

    `known` holds the content hash last seen at each path, readable or not. Hidden files and folders and other suffixes
    are skipped. A symbolic link to a file counts as that file; one that leads out of the folder is unreadable; one to
    a subfolder is ignored. Raises SourceError at once if `folder` itself cannot be read.
    """
    root = _root_of(folder)
    return _scan(root, known or {}, options)


def list_folder(folder: Path) -> tuple[Path, list[Path | UnreadableFile]]:
    """The resolved folder, and what a scan of it would read, in its order. Raises SourceError as a scan does."""
    root = _root_of(folder)
    return root, list(_listed(root))


def read_listed(
    root: Path, listed: Path | UnreadableFile, known: Mapping[str, str], options: ReadingOptions
) -> ScannedFile | UnreadableFile:
    """One file that `list_folder` found, as a scan reads it."""
    return listed if isinstance(listed, UnreadableFile) else _read(root, listed, known, options)


def _root_of(folder: Path) -> Path:
    try:
        root = folder.resolve(strict=True)
        next(root.iterdir(), None)
    except (OSError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SourceError(f"the folder cannot be read: {reason}", path=folder) from None
    return root


def _scan(root: Path, known: Mapping[str, str], options: ReadingOptions) -> Iterator[ScannedFile | UnreadableFile]:
    return (read_listed(root, one, known, options) for one in _listed(root))


def _listed(root: Path) -> Iterator[Path | UnreadableFile]:
    unreadable: list[UnreadableFile] = []
    for place, folders, names in os.walk(root, onerror=lambda error: unreadable.append(_unreadable(root, error))):
        yield from unreadable
        unreadable.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        current = Path(place)
        yield from (current / name for name in sorted(names) if not name.startswith(".") and is_readable(name))
        for path in [current / name for name in folders if (current / name).is_symlink()]:
            yield from _check_linked_folder(root, path)
    yield from unreadable


def _read(root: Path, path: Path, known: Mapping[str, str], options: ReadingOptions) -> ScannedFile | UnreadableFile:
    name, content_hash = _name(root, path), ""
    try:
        # The hash and the manuscript are of the same bytes, even if the file is saved meanwhile.
        data = read_bytes(_follow(root, path, name), name=name)
        content_hash = hashlib.sha256(data).hexdigest()
        manuscript = None if known.get(name) == content_hash else parse_manuscript(data, name=name, options=options)
    except MemoryError:
        raise
    except Exception as error:
        return UnreadableFile(path=name, error=error, content_hash=content_hash)
    return ScannedFile(path=name, content_hash=content_hash, manuscript=manuscript)


def _check_linked_folder(root: Path, path: Path) -> Iterator[UnreadableFile]:
    name = _name(root, path)
    try:
        _follow(root, path, name)
    except SourceError as error:
        yield UnreadableFile(path=name, error=error)


def _follow(root: Path, path: Path, name: str) -> Path:
    """The resolved file. Raises SourceError for a path that is too long or not UTF-8, or a link out or to nowhere."""
    if len(name) > LONGEST_PATH:
        raise SourceError(f"the path has {len(name)} characters, more than {LONGEST_PATH}; shorten it", path=name)
    if name != path.relative_to(root).as_posix():
        raise SourceError("the name is not in UTF-8; rename the file", path=name)
    if not path.is_symlink():
        # The folder it is in was reached without a link.
        return path
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise SourceError("there is no such file, or it is a broken link", path=name) from None
    if not target.is_relative_to(root):
        raise SourceError("the link leads out of the folder; put the file itself here", path=name)
    return target


def path_as_text(path: Path) -> str:
    """The path with slashes; bytes that are not UTF-8 are escaped, so that it can be shown and stored."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _name(root: Path, path: Path) -> str:
    return path_as_text(path.relative_to(root))


def _unreadable(root: Path, error: OSError) -> UnreadableFile:
    name = _name(root, Path(error.filename))
    return UnreadableFile(path=name, error=SourceError(f"the folder cannot be read: {error.strerror}", path=name))
