"""Finds the article formats, and parses files and bytes with the format of their suffix.

A format of text is a module of this package with `SUFFIXES`, the file suffixes in lower case with the dot, and
`parse(text, *, path, options) -> Manuscript`, which receives normalized text and raises only SourceError. A format of
documents is a module of `documents` with `parse_document(data, *, path, options)`, which receives bytes.
"""

from __future__ import annotations

import importlib
import pkgutil
import zipfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path, PurePath
from typing import Protocol, cast

import distributor.sources as folder
import distributor.sources.documents as documents
from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.decoding import MAX_BYTES, decode
from distributor.sources.documents import MAX_DOCUMENT_BYTES
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions


class ArticleFormat(Protocol):
    """What a module of this package must define to be a format of text."""

    SUFFIXES: tuple[str, ...]

    def parse(self, text: str, *, path: str, options: ReadingOptions) -> Manuscript: ...


class DocumentFormat(Protocol):
    """What a module of `documents` must define to be a format of documents."""

    def parse_document(self, data: bytes, *, path: str, options: ReadingOptions) -> Manuscript: ...


@dataclass(frozen=True, slots=True)
class _Document:
    """A format of documents: its suffixes, the first of which is usual, and how its files are recognized.

    They begin with `signature`; an archive holds `member`.
    """

    module: str
    suffixes: tuple[str, ...]
    signature: bytes
    member: str = ""


class PageFormat(Protocol):
    """What the module for web pages must define."""

    def parse_page(self, text: str, *, address: str, options: ReadingOptions) -> Manuscript: ...


# Their libraries are large, so these modules are imported when such a file is read, and not to be found.
_DOCUMENTS = (
    _Document("docx", (".docx", ".docm"), b"PK", "word/document.xml"),
    _Document("epub", (".epub",), b"PK", "META-INF/container.xml"),
    _Document("odt", (".odt",), b"PK", "content.xml"),
    _Document("pdf", (".pdf",), b"%PDF-"),
)
_MODULES = {suffix: one.module for one in _DOCUMENTS for suffix in one.suffixes}


@cache
def formats() -> Mapping[str, ArticleFormat]:
    """Every format of text by each of its suffixes, in alphabetical order."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    found = {suffix: module for module in modules for suffix in getattr(module, "SUFFIXES", ())}
    return cast("Mapping[str, ArticleFormat]", dict(sorted(found.items())))


def is_readable(name: str) -> bool:
    """Whether a file of this name has the suffix of a format."""
    return PurePath(name).suffix.lower() in known_suffixes()


@cache
def known_suffixes() -> tuple[str, ...]:
    """The suffixes of all files that can be read, in alphabetical order."""
    return tuple(sorted((*formats(), *_MODULES)))


def read_manuscript(path: Path, *, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a file. Raises SourceError with the path if it cannot be read or parsed."""
    _check_suffix(str(path))
    return parse_manuscript(read_bytes(path), name=str(path), options=options)


def parse_manuscript(data: bytes, *, name: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse bytes in the format given by the suffix of `name`. Raises SourceError."""
    suffix = _check_suffix(name)
    if suffix in _MODULES:
        module = importlib.import_module(f"{documents.__name__}.{_MODULES[suffix]}")
        return cast("DocumentFormat", module).parse_document(data, path=name, options=options)
    decoded = decode(data, path=name)
    manuscript = formats()[suffix].parse(decoded.text, path=name, options=options)
    return replace(manuscript, warnings=(*decoded.warnings, *manuscript.warnings))


def parse_web_page(text: str, *, address: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """The article that the web page at this address is about. Raises SourceError."""
    module = importlib.import_module(f"{documents.__name__}.web_page")
    return cast("PageFormat", module).parse_page(text, address=address, options=options)


def document_suffix(data: bytes) -> str:
    """The suffix of the format of documents that these bytes are in, whatever the file is called; empty if in none."""
    members: Collection[str] = ()
    if data.startswith(b"PK"):
        with suppress(zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            members = frozenset(zipfile.ZipFile(BytesIO(data)).namelist())
    found = (one for one in _DOCUMENTS if data.startswith(one.signature) and (not one.member or one.member in members))
    return next((one.suffixes[0] for one in found), "")


def read_bytes(path: Path, *, name: str | None = None, max_bytes: int | None = None) -> bytes:
    """The bytes of a regular file, at most one more than accepted: `max_bytes`, by default what its format allows.

    Raises SourceError with `name` as the path.
    """
    name = name or str(path)
    most = max_bytes or (MAX_DOCUMENT_BYTES if PurePath(name).suffix.lower() in _MODULES else MAX_BYTES)
    try:
        if not path.exists():
            raise SourceError("there is no such file", path=name)
        if not path.is_file():
            raise SourceError("not a file; give an article, not a folder or device", path=name)
        with path.open("rb") as file:
            return file.read(most + 1)
    except PermissionError:
        raise SourceError("permission denied; check the permissions of the file and its folder", path=name) from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SourceError(f"cannot be read: {reason}", path=name) from None


def _check_suffix(name: str) -> str:
    """The suffix in lower case. Raises SourceError if it is that of no format."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in known_suffixes():
        reason = f"unknown suffix {suffix}" if suffix else "the name has no suffix"
        raise SourceError(f"{reason}; use {', '.join(known_suffixes())}", path=name)
    return suffix
