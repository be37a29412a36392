"""ZIP archives by strangers: opened in memory, within limits, and never unpacked to a disk.

Sources: APPNOTE.TXT 6.3.10 by PKWARE; for what archives are made to do to their readers, CWE-22, CWE-59 and CWE-409.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

from lxml import etree

from distributor.domain.errors import SourceError
from distributor.sources.documents import MAX_DOCUMENT_BYTES

# An article with its pictures has some dozens; each costs time before anything is read.
_MAX_ENTRIES = 2_000
# Pictures hardly shrink, so this is far more than a file of the size above holds honestly.
_MAX_EXPANDED_BYTES = 100 * 1024 * 1024
# The text of a book has 1 MB. Trees of XML take thirty times their size in memory.
_MAX_XML_BYTES = 10 * 1024 * 1024
# XML shrinks to a thirtieth. The most that deflate can do, 1 : 1032, is what bombs consist of. Small parts may be odd.
_MAX_RATIO, _SMALL = 200, 1024 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
# What office programs write. In an encoding of another kind a document type could hide from a look at the bytes.
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""")
_ENCODINGS = frozenset((b"utf-8", b"utf-16", b"us-ascii", b"ascii", b"iso-8859-1"))
_DECLARATIONS = re.compile(rb"<!(?:DOCTYPE|ENTITY)")


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry that is never read, and why."""

    name: str
    reason: str


class SafeArchive:
    """The entries of a ZIP that may be read. Those that may not are in `refused`; folders are left out.

    Sizes are those that the archive declares: zipfile reads no more of an entry, and an error if it has less.
    """

    def __init__(self, data: bytes, *, path: str) -> None:
        """Raises SourceError if it is no ZIP, or larger than the limits altogether."""
        self._path = path
        if len(data) > MAX_DOCUMENT_BYTES:
            raise SourceError(f"larger than {MAX_DOCUMENT_BYTES // 2**20} MB; make its pictures smaller", path=path)
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise SourceError(f"damaged: it cannot be opened ({error}); save it again", path=path) from None
        infos = [info for info in self._zip.infolist() if not info.is_dir()]
        if len(infos) > _MAX_ENTRIES:
            raise SourceError(f"{len(infos)} files are in it, more than {_MAX_ENTRIES}; give fewer at once", path=path)
        expanded = sum(info.file_size for info in infos)
        if expanded > _MAX_EXPANDED_BYTES:
            reason = f"it would take {expanded // 2**20} MB unpacked, more than {_MAX_EXPANDED_BYTES // 2**20} MB"
            raise SourceError(f"{reason}; give fewer or smaller files at once", path=path)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        refused: list[RefusedEntry] = []
        for info in infos:
            reason = _fault(info) or ("another file has the same name" if info.filename in self._infos else "")
            if reason:
                refused.append(RefusedEntry(info.filename, reason))
            else:
                self._infos[info.filename] = info
        self.refused = tuple(refused)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The bytes of each entry by its name, in the order of the archive."""
        return {name: info.file_size for name, info in self._infos.items()}

    def require_all(self) -> None:
        """Raises SourceError if there is an entry that may not be read: no program writes such documents."""
        if self.refused:
            one = self.refused[0]
            raise SourceError(f"{one.name!r} in it: {one.reason}; save the document again", path=self._path)

    def read(self, name: str) -> bytes:
        """The bytes of an entry. Raises SourceError if there is none, or it is damaged."""
        if name not in self._infos:
            raise SourceError(f"damaged: {name} is missing; save it again", path=self._path)
        try:
            return self._zip.read(self._infos[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise SourceError(f"damaged: {name} cannot be read ({error}); save it again", path=self._path) from None

    def read_xml(self, name: str) -> etree._Element:
        """The root element of an entry. Raises SourceError, also for one with a document type or entities."""
        return parse_xml(self.read(name), name=name, path=self._path)


def parse_xml(data: bytes, *, name: str, path: str) -> etree._Element:
    """XML as office programs write it, without document types: nothing is fetched, and nothing expanded.

    Raises SourceError.
    """
    if len(data) > _MAX_XML_BYTES:
        raise SourceError(f"{name} in it is over {_MAX_XML_BYTES // 2**20} MB of text; shorten it", path=path)
    plain = data.replace(b"\0", b"")
    declared = _ENCODING.search(plain[:400])
    if declared is not None and declared[1].lower() not in _ENCODINGS:
        raise SourceError(f"{name} in it is in the encoding {declared[1].decode('ascii', 'replace')}", path=path)
    if _DECLARATIONS.search(plain):
        raise SourceError(f"{name} in it declares a document type, which may hide a bomb; save it again", path=path)
    # One parser for each file: the names of elements that it has seen would add up.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise SourceError(f"damaged: {name} is no valid XML ({error}); save it again", path=path) from None


def _fault(info: zipfile.ZipInfo) -> str:
    """Why an entry may not be read; empty if it may."""
    name, parts = info.filename, PurePosixPath(info.filename).parts
    if name.startswith("/") or "\\" in name or ".." in parts or re.match(r"[A-Za-z]:", name):
        return "its name leads out of the archive"
    # The upper half holds the mode of the file where a Unix wrote it (APPNOTE 4.4.15).
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a symbolic link"
    if info.flag_bits & _IS_ENCRYPTED:
        return "it is encrypted; save it without a password"
    if info.compress_type not in _METHODS:
        return "it is compressed in an uncommon way"
    if info.file_size > max(_SMALL, _MAX_RATIO * info.compress_size):
        return f"it would become {info.file_size // 2**20} MB, out of {info.compress_size // 2**10} KB"
    return ""
