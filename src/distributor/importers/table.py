"""Reads CSV (RFC 4180) with any delimiter row by row, none larger than `MAX_ROW_BYTES`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from distributor.domain.errors import InputError
from distributor.domain.subscriber_import import BadRow

# The limit of a row, which may span several lines. The csv module accepts no field above 128 KiB.
MAX_ROW_BYTES = 128 * 1024
_CHUNK_BYTES = 1024 * 1024
# Bad rows of many lines are read again from their second line while this and `_MAX_READ_AGAIN` times what was read
# before allow it. A file of lines that each open a quotation mark would otherwise be read as often as it has lines.
_ALWAYS_READ_AGAIN = 16 * MAX_ROW_BYTES
_MAX_READ_AGAIN = 8
# How much of a bad row is kept to be shown.
_PREVIEW_BYTES = 1000
# Of those that give equally many columns, the first is used.
_DELIMITERS = (",", ";", "\t", "|")
_MAX_COLUMNS = 1000


class BadLineError(Exception):
    """A line that cannot be decoded or is too long. Used within this package, where it becomes a bad row."""


class CsvLines:
    """An iterator of lines that can continue after an error, and rewind to the end of a row's first line.

    `number` is the number of the line last read, counted from 1, `end` the byte offset after it.
    """

    def __init__(self, file: BinaryIO, *, offset: int = 0, number: int = 0) -> None:
        self._file = file
        self._readline = file.readline
        self.number = number
        self.end = offset
        self._row_size = 0
        self._first_number = number
        self._first_end = offset
        self._preview = b""
        self._begin = offset
        self._read_again = 0
        file.seek(offset)

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = self._readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        size = len(line)
        self.number += 1
        self.end += size
        if self._row_size:
            self._row_size += size
            if self._row_size > MAX_ROW_BYTES:
                raise BadLineError(f"a quotation mark is opened and not closed within {MAX_ROW_BYTES // 1024} KiB")
        else:
            self._row_size = size
            self._first_number = self.number
            self._preview = line[:_PREVIEW_BYTES]
            if size > MAX_ROW_BYTES:
                self._skip_rest(line)
                raise BadLineError(f"longer than {MAX_ROW_BYTES // 1024} KiB")
            self._first_end = self.end
        if b"\0" in line:
            raise BadLineError("contains a NUL byte")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise BadLineError("not in the encoding of the file; give another encoding, or correct the line") from None

    @property
    def first_number(self) -> int:
        """The number of the first line of the current row."""
        return self._first_number

    def begin_row(self) -> None:
        """The next line read is the first line of a row."""
        self._row_size = 0

    def rewind_to_second_line(self) -> bool:
        """Continue after the first line of the current row, so that a stray quotation mark costs one line only.

        False if a file has so many of them that it would take too long: it continues after the lines read.
        """
        size = self.end - self._first_end
        if self._read_again + size > _ALWAYS_READ_AGAIN + _MAX_READ_AGAIN * (self.end - self._begin):
            return False
        if size:
            self._read_again += size
            self._file.seek(self._first_end)
            self.end = self._first_end
            self.number = self._first_number
        return True

    def first_text(self) -> str:
        """The start of the current row's first line, with undecodable bytes replaced."""
        return self._preview.decode(errors="replace").rstrip("\r\n").replace("\0", "\ufffd")

    def _skip_rest(self, line: bytes) -> None:
        """Read to the end of a line that is too long, without keeping it in memory."""
        while line and not line.endswith(b"\n"):
            line = self._readline(_CHUNK_BYTES)
            self.end += len(line)
        self._first_end = self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvHeader:
    """The header row: column names, delimiter, and the byte offset and line number where the data rows start."""

    headers: tuple[str, ...]
    delimiter: str
    offset: int
    line: int


def read_header(file: BinaryIO, *, delimiter: str = "") -> CsvHeader:
    """The header of a file in UTF-8, split by the delimiter given or the one that gives the most columns.

    Raises InputError if the first row is not a header.
    """
    if len(delimiter) > 1 or delimiter in {'"', "\r", "\n", " "}:
        raise InputError(f"{delimiter!r} cannot be a delimiter; use one character such as , or ; or a tab")
    declared = _declared_delimiter(file)
    candidates = [delimiter or declared] if delimiter or declared else _DELIMITERS
    header_line = 2 if declared else 1
    found = [header for candidate in candidates if (header := _parse_header(file, candidate, header_line=header_line))]
    if not found:
        raise InputError("the first line is not a header: it must name the columns, one of them the email address")
    return max(found, key=lambda header: len(header.headers))


def read_rows(lines: CsvLines, header: CsvHeader) -> Iterator[tuple[int, list[str]] | BadRow]:
    """The rows from the position of `lines` on, without empty ones: line number and cells, or the bad row.

    After each row, `lines` is positioned at its end.
    """
    reader = csv.reader(lines, delimiter=header.delimiter, strict=True)
    width = len(header.headers)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (BadLineError, csv.Error) as error:
            reason = _reason(error)
            if not lines.rewind_to_second_line():
                reason += f"; as there are very many such lines, everything up to line {lines.number} is left out"
            yield BadRow(line=lines.first_number, reason=reason, cells=(lines.first_text(),))
            continue
        if len(cells) == width:
            if any(cells):
                yield lines.first_number, cells
        elif any(cells):
            reason = f"{len(cells)} cells, but the header has {width}"
            yield BadRow(line=lines.first_number, reason=reason, cells=tuple(cells))


def _declared_delimiter(file: BinaryIO) -> str:
    """The delimiter that a first line such as ``sep=;`` declares, as spreadsheets do; else empty."""
    file.seek(0)
    line = file.readline(16).rstrip(b"\r\n")
    return line[4:].decode("ascii", "replace") if len(line) == 5 and line.lower().startswith(b"sep=") else ""


def _parse_header(file: BinaryIO, delimiter: str, *, header_line: int) -> CsvHeader | None:
    lines = CsvLines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        cells: list[str] = []
        for _ in range(header_line):
            lines.begin_row()
            cells = next(reader)
    except (BadLineError, csv.Error, StopIteration):
        return None
    headers = tuple(cell.strip() for cell in cells)
    if not any(headers) or len(headers) > _MAX_COLUMNS:
        return None
    return CsvHeader(headers=headers, delimiter=delimiter, offset=lines.end, line=lines.number)


def _reason(error: Exception) -> str:
    message = str(error)
    if isinstance(error, BadLineError):
        return message
    if "unexpected end" in message:
        return "a quotation mark is opened and never closed"
    if "expected after" in message:
        return "text follows a closing quotation mark; a quotation mark inside quotes must be doubled"
    if "new-line" in message:
        return "contains a carriage return without a line feed"
    return f"not a CSV row: {message}"
