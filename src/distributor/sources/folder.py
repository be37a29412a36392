"""A folder as a source: every file in a known format is an article; unchanged files are not parsed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.sources.formats import is_readable, parse_manuscript, read_bytes
from distributor.sources.items import LONGEST_REF, GoneItem, ReadItem, SourceItem, UnreadableItem
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions


def scan_folder(
    folder: Path, known: Mapping[str, str] | None = None, *, options: ReadingOptions = DEFAULT_OPTIONS
) -> Iterator[SourceItem | UnreadableItem]:
    """Every article below `folder`: the files of a folder by name, then its subfolders by name.

    `known` holds the content hash last seen at each path, readable or not. Hidden files and folders and other suffixes
    are skipped. A symbolic link to a file counts as that file; one that leads out of the folder is unreadable; one to
    a subfolder is ignored. Raises SourceError at once if `folder` itself cannot be read.
    """
    root = _root_of(folder)
    return _scan(root, known or {}, options)


def read_folder(folder: Path, known: Mapping[str, str], options: ReadingOptions) -> Iterator[ReadItem]:
    """The same, and then every file that is known and is there no more. One below an unreadable folder may still be.

    Raises SourceError at once if `folder` itself cannot be read.
    """
    present: list[str] = []
    for one in scan_folder(folder, known, options=options):
        present.append(one.ref)
        yield one
    # A path that was listed and is a folder could not be read.
    unread = tuple("" if path == "." else f"{path}/" for path in present)
    gone = sorted(known.keys() - set(present))
    yield from (GoneItem(ref=path) for path in gone if not path.startswith(unread))


def list_folder(folder: Path) -> tuple[Path, list[Path | UnreadableItem]]:
    """The resolved folder, and what a scan of it would read, in its order. Raises SourceError as a scan does."""
    root = _root_of(folder)
    return root, list(_listed(root))


def read_listed(
    root: Path, listed: Path | UnreadableItem, known: Mapping[str, str], options: ReadingOptions
) -> SourceItem | UnreadableItem:
    """One file that `list_folder` found, as a scan reads it."""
    return listed if isinstance(listed, UnreadableItem) else _read(root, listed, known, options)


def _root_of(folder: Path) -> Path:
    try:
        root = folder.resolve(strict=True)
        next(root.iterdir(), None)
    except (OSError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SourceError(f"the folder cannot be read: {reason}", path=folder) from None
    return root


def _scan(root: Path, known: Mapping[str, str], options: ReadingOptions) -> Iterator[SourceItem | UnreadableItem]:
    return (read_listed(root, one, known, options) for one in _listed(root))


def _listed(root: Path) -> Iterator[Path | UnreadableItem]:
    unreadable: list[UnreadableItem] = []
    for place, folders, names in os.walk(root, onerror=lambda error: unreadable.append(_unreadable(root, error))):
        yield from unreadable
        unreadable.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        current = Path(place)
        yield from (current / name for name in sorted(names) if not name.startswith(".") and is_readable(name))
        for path in [current / name for name in folders if (current / name).is_symlink()]:
            yield from _check_linked_folder(root, path)
    yield from unreadable


def _read(root: Path, path: Path, known: Mapping[str, str], options: ReadingOptions) -> SourceItem | UnreadableItem:
    name, content_hash = _name(root, path), ""
    try:
        # The hash and the manuscript are of the same bytes, even if the file is saved meanwhile.
        data = read_bytes(_follow(root, path, name), name=name)
        content_hash = hashlib.sha256(data).hexdigest()
        manuscript = None if known.get(name) == content_hash else parse_manuscript(data, name=name, options=options)
    except MemoryError:
        raise
    except Exception as error:
        return UnreadableItem(ref=name, error=error, content_hash=content_hash)
    return SourceItem(ref=name, content_hash=content_hash, manuscript=manuscript)


def _check_linked_folder(root: Path, path: Path) -> Iterator[UnreadableItem]:
    name = _name(root, path)
    try:
        _follow(root, path, name)
    except SourceError as error:
        yield UnreadableItem(ref=name, error=error)


def _follow(root: Path, path: Path, name: str) -> Path:
    """The resolved file. Raises SourceError for a path that is too long or not UTF-8, or a link out or to nowhere."""
    if len(name) > LONGEST_REF:
        raise SourceError(f"the path has {len(name)} characters, more than {LONGEST_REF}; shorten it", path=name)
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


def _unreadable(root: Path, error: OSError) -> UnreadableItem:
    name = _name(root, Path(error.filename))
    return UnreadableItem(ref=name, error=SourceError(f"the folder cannot be read: {error.strerror}", path=name))
