"""Copies a file of any encoding to UTF-8 with LF or CRLF line ends, once its encoding is known for certain."""

from __future__ import annotations

import codecs
import hashlib
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from distributor.domain.byte_order_marks import BYTE_ORDER_MARKS
from distributor.domain.encodings.detection import (
    ByteWords,
    Reading,
    has_japanese_shifts,
    likely_readings,
    utf_16_without_mark,
)
from distributor.domain.encodings.labels import CODECS, find_encoding
from distributor.domain.errors import InputError

# Line ends, NUL bytes and other formats are judged by this many bytes.
_SAMPLE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_BYTES_IN_MEMORY = 4 * 1024 * 1024
# With fewer characters that are not in ASCII, text in another encoding may be valid UTF-8 by chance.
_FEW_CHARACTERS = 5
_MAX_READINGS = 4
_SHOWN_NAMES = 3
_SAVE_AS_CSV = (
    "save the sheet as CSV, in Excel as “CSV UTF-8”, in LibreOffice as “Text CSV” with the character set UTF-8, and "
    "import that file"
)
_OTHER_FORMATS = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet (XLSX, ODS): unpack the archive, or",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (XLS):",
    b"\x1f\x8b": "compressed (gzip): unpack it, and if it is a spreadsheet,",
    b"%PDF": "a PDF:",
    b"{\\rtf": "a text document (RTF):",
    b"<html": "a web page, whatever its name: open it in a spreadsheet program,",
    b"<!doctype html": "a web page, whatever its name: open it in a spreadsheet program,",
    b"<table": "a table of a web page, whatever its name: open it in a spreadsheet program,",
    b"<?xml": "XML: open it in a spreadsheet program,",
}
# Bytes after the end of the text: of a block that was not filled, and the end of a file of CP/M and DOS.
_AFTER_END = b"\0\x1a"
_ERROR_HANDLER = "distributor.mark_undecodable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utf8Copy:
    """A finished copy: the original encoding, the size of the copy in bytes, and the SHA-256 of the original in hex."""

    encoding: str
    size: int
    digest: str


def copy_as_utf8(
    chunks: Iterable[bytes], target: BinaryIO, *, encoding: str = "", folder: Path | None = None
) -> Utf8Copy:
    """Copy a file to `target` in UTF-8, from the encoding given or the one that the whole file shows.

    A byte that cannot be decoded becomes one that is invalid in UTF-8, so that only the line with it is refused later.
    Larger files are kept in `folder` meanwhile, without a name. Raises InputError for an encoding that is unknown or
    not certain, and for a file that is no text.
    """
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(_BYTES_IN_MEMORY, dir=str(folder) if folder else None) as original:
        for chunk in chunks:
            digest.update(chunk)
            original.write(chunk)
        original.seek(0)
        sample = original.read(_SAMPLE_BYTES)
        name, mark = _choose_encoding(original, sample, encoding)
        original.seek(len(mark))
        size = sum(map(target.write, _without_end(_utf8_chunks(original, name, sample))))
    return Utf8Copy(encoding=name, size=size, digest=digest.hexdigest())


def _choose_encoding(file: tempfile.SpooledTemporaryFile[bytes], sample: bytes, given: str) -> tuple[str, bytes]:
    """The name of the encoding, and the byte order mark to skip. Raises InputError."""
    for begin, description in _OTHER_FORMATS.items():
        if sample[: len(begin)].lower() == begin.lower():
            raise InputError(f"the file is {description} {_SAVE_AS_CSV}")
    wanted = find_encoding(given) if given else ""
    for mark, codec in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            name = find_encoding(codec)
            if wanted and wanted[:5] != name[:5]:
                raise InputError(
                    f"the file starts with the byte order mark of {name}, but the encoding given is {given}"
                )
            return name, mark
    if wanted:
        return wanted, b""
    return utf_16_without_mark(sample) or _detect(file), b""


def _detect(file: tempfile.SpooledTemporaryFile[bytes]) -> str:
    """The name of the encoding that the whole file shows. Raises InputError if it is not certain."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = bad = 0
    has_shifts = False
    file.seek(0)
    for chunk in _chunks(file):
        text = decoder.decode(chunk)
        if chunk.isascii():
            has_shifts = has_shifts or has_japanese_shifts(chunk)
            continue
        # Other programs have marked what they could not decode with the same character.
        errors = text.count("\ufffd") - chunk.count("\ufffd".encode())
        good += len(text) - len(text.encode("ascii", "ignore")) - errors
        bad += errors
    is_utf_8 = good > bad or not bad
    if is_utf_8 and (not good or good >= _FEW_CHARACTERS):
        return "iso-2022-jp" if has_shifts and not good else "utf-8"
    found = _words_of(file)
    readings = likely_readings(found, with_utf_8=is_utf_8)
    if is_utf_8:
        if not readings or any(reading.encoding == "utf-8" for reading in readings):
            return "utf-8"
        readings.append(Reading("utf-8", tuple(word.decode(errors="replace") for word in found)))
    if not readings:
        raise InputError("the file is not in UTF-8, and no other encoding makes it text: give its encoding")
    if len(readings) > 1 or readings[0].encoding not in CODECS:
        raise InputError(_which_encoding(readings))
    return readings[0].encoding


def _words_of(file: tempfile.SpooledTemporaryFile[bytes]) -> list[bytes]:
    words = ByteWords()
    file.seek(0)
    for chunk in _chunks(file):
        words.add(chunk)
    return words.found()


def _which_encoding(readings: list[Reading]) -> str:
    """The question which of several readings is right, with names that they differ in."""
    rows = list(zip(*(reading.words for reading in readings), strict=True))
    different = rows if len(readings) == 1 else [names for names in rows if len(set(names)) > 1]
    shown = [
        f"{reading.encoding} ({', '.join(names[place] for names in different[:_SHOWN_NAMES])})"
        for place, reading in enumerate(readings[:_MAX_READINGS])
    ]
    not_read = [reading.encoding for reading in readings[:_MAX_READINGS] if reading.encoding not in CODECS]
    if readings[0].encoding in not_read:
        return (
            f"the file seems to be in {shown[0]}, a code page that is not read: save it in UTF-8, or give its encoding"
        )
    return (
        f"the file is not certain to be in one encoding; its names are different in each of {'; '.join(shown)}: "
        f"give the encoding in which they are right, such as --encoding {readings[0].encoding}"
        f"{f'; {not_read[0]} is not read, save the file in UTF-8 instead' if not_read else ''}"
    )


def _utf8_chunks(file: tempfile.SpooledTemporaryFile[bytes], encoding: str, sample: bytes) -> Iterator[bytes]:
    """The rest of the file in UTF-8, with line feeds if its lines end with CR alone, as on classic Mac OS."""
    text = sample.decode(CODECS[encoding], "replace")
    returns = text.count("\r") - text.count("\r\n")
    has_lone_returns = returns > text.count("\n")
    if encoding == "utf-8" and not has_lone_returns:
        yield from _chunks(file)
        return
    decoder = codecs.getincrementaldecoder(CODECS[encoding])(errors=_ERROR_HANDLER)
    rest = ""
    for chunk in _chunks(file):
        text = rest + decoder.decode(chunk)
        # Vietnamese tones are characters of their own, after the letter; a line end may be cut in two.
        rest = text[-2:]
        yield _encode(text[:-2], has_lone_returns)
    yield _encode(rest + decoder.decode(b"", final=True), has_lone_returns)


def _encode(text: str, has_lone_returns: bool) -> bytes:
    if has_lone_returns:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")


def _without_end(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks without the bytes after the end of the text."""
    held = b""
    for chunk in chunks:
        kept = chunk.rstrip(_AFTER_END)
        if kept:
            yield held + kept
            held = b""
        held += chunk[len(kept) :]
        if len(held) > _CHUNK_BYTES:
            yield held
            held = b""


def _chunks(file: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    """The file from its position on."""
    return iter(lambda: file.read(_CHUNK_BYTES), b"")


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # A lone surrogate, which the handler `surrogateescape` encodes as the byte FF.
    return "\udcff", error.end


codecs.register_error(_ERROR_HANDLER, _mark_undecodable)
