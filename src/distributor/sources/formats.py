"""Finds the article formats, and parses files and bytes with the format of their suffix.

A format is a module of this package with `SUFFIXES`, the file suffixes in lower case with the dot, and
`parse(text, *, path, options) -> Manuscript`, which receives normalized text and raises only SourceError.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath
from typing import Protocol, cast

import distributor.sources as folder
from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.decoding import MAX_BYTES, decode
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions


class ArticleFormat(Protocol):
    """What a module of this package must define to be a format."""

    SUFFIXES: tuple[str, ...]

    def parse(self, text: str, *, path: str, options: ReadingOptions) -> Manuscript: ...


@cache
def formats() -> Mapping[str, ArticleFormat]:
    """Every format by each of its suffixes, in alphabetical order."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    found = {suffix: module for module in modules for suffix in getattr(module, "SUFFIXES", ())}
    return cast("Mapping[str, ArticleFormat]", dict(sorted(found.items())))


def is_readable(name: str) -> bool:
    """Whether a file of this name has the suffix of a format."""
    return PurePath(name).suffix.lower() in formats()


def read_manuscript(path: Path, *, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a file. Raises SourceError with the path if it cannot be read or parsed."""
    _find_format(str(path))
    return parse_manuscript(read_bytes(path), name=str(path), options=options)


def parse_manuscript(data: bytes, *, name: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse bytes in the format given by the suffix of `name`. Raises SourceError."""
    article_format = _find_format(name)
    decoded = decode(data, path=name)
    manuscript = article_format.parse(decoded.text, path=name, options=options)
    return replace(manuscript, warnings=(*decoded.warnings, *manuscript.warnings))


def read_bytes(path: Path, *, name: str | None = None) -> bytes:
    """The bytes of a regular file, at most one more than accepted. Raises SourceError with `name` as the path."""
    name = name or str(path)
    try:
        if not path.exists():
            raise SourceError("there is no such file", path=name)
        if not path.is_file():
            raise SourceError("not a file; give an article, not a folder or device", path=name)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except PermissionError:
        raise SourceError("permission denied; check the permissions of the file and its folder", path=name) from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SourceError(f"cannot be read: {reason}", path=name) from None


def _find_format(name: str) -> ArticleFormat:
    suffix = PurePath(name).suffix.lower()
    try:
        return formats()[suffix]
    except KeyError:
        reason = f"unknown suffix {suffix}" if suffix else "the name has no suffix"
        raise SourceError(f"{reason}; use {', '.join(formats())}", path=name) from None
