"""Rows of CSV (RFC 4180) with any delimiter, one at a time and none larger than `LONGEST_ROW`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from distributor.domain.errors import InputError
from distributor.domain.importing import BadRow

# In octets; also the most that one row of several lines may have. The csv module takes no field above 128 KiB.
LONGEST_ROW = 128 * 1024
_PIECE = 1024 * 1024
_SHOWN = 1000
# In this order where the header does not tell.
_DELIMITERS = (",", ";", "\t", "|")
_MOST_COLUMNS = 1000


class BadLineError(Exception):
    """A line that is no text; only inside this folder, where it becomes a bad row."""


class CsvLines:
    """An iterator of lines that can go on after an error, and go back to the end of a row's first line.

    `number` is that of the line last read, counted from 1, `end` the offset behind it.
    """

    def __init__(self, file: BinaryIO, *, offset: int = 0, number: int = 0) -> None:
        self._file = file
        self._readline = file.readline
        self.number = number
        self.end = offset
        self._row_size = 0
        self._first_number = number
        self._first_end = offset
        self._beginning = b""
        file.seek(offset)

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = self._readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        size = len(line)
        self.number += 1
        self.end += size
        if self._row_size:
            self._row_size += size
            if self._row_size > LONGEST_ROW:
                raise BadLineError(f"a quotation mark is opened and not closed within {LONGEST_ROW // 1024} KiB")
        else:
            self._row_size = size
            self._first_number = self.number
            self._beginning = line[:_SHOWN]
            if size > LONGEST_ROW:
                self._pass_over(line)
                raise BadLineError(f"longer than {LONGEST_ROW // 1024} KiB")
            self._first_end = self.end
        if b"\0" in line:
            raise BadLineError("there is a NUL byte in it")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise BadLineError("not in the encoding of the file; state another one, or correct the line") from None

    @property
    def first_number(self) -> int:
        """The number of the line that the present row begins in."""
        return self._first_number

    def begin_row(self) -> None:
        """What is read next is the first line of a row."""
        self._row_size = 0

    def give_up_row(self) -> None:
        """Go on behind the first line of the present row, so that one stray quotation mark costs one line."""
        if self.end != self._first_end:
            self._file.seek(self._first_end)
            self.end = self._first_end
            self.number = self._first_number

    def first_text(self) -> str:
        """The beginning of the present row's first line, as far as it can be shown."""
        return self._beginning.decode(errors="replace").rstrip("\r\n").replace("\0", "\ufffd")

    def _pass_over(self, line: bytes) -> None:
        """Read to the end of a line that is too long, keeping nothing of it."""
        while line and not line.endswith(b"\n"):
            line = self._readline(_PIECE)
            self.end += len(line)
        self._first_end = self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """What the first row says: the headers, the delimiter, and where the rows behind it begin."""

    headers: tuple[str, ...]
    delimiter: str
    offset: int
    line: int


def read_header(file: BinaryIO, *, delimiter: str = "") -> CsvTable:
    """The first row of a file in UTF-8, by the delimiter stated or the one that gives the most columns.

    Raises InputError if there is none that could be a header.
    """
    if len(delimiter) > 1 or delimiter in {'"', "\r", "\n", " "}:
        raise InputError(f"{delimiter!r} cannot be a delimiter: it is one sign such as , or ; or a tab")
    written = _stated_in(file)
    candidates = [delimiter or written] if delimiter or written else _DELIMITERS
    found = [table for one in candidates if (table := _header(file, one, begins_in=2 if written else 1))]
    if not found:
        raise InputError("the first line is no header of a table: it names the columns, one of them the address")
    return max(found, key=lambda table: len(table.headers))


def rows(lines: CsvLines, table: CsvTable) -> Iterator[tuple[int, list[str]] | BadRow]:
    """The rows from where `lines` is: the number of the first line and the cells, or what is wrong. Empty rows are not.

    After each, `lines` is at its end.
    """
    reader = csv.reader(lines, delimiter=table.delimiter, strict=True)
    width = len(table.headers)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (BadLineError, csv.Error) as error:
            bad = BadRow(line=lines.first_number, reason=_reason(error), cells=(lines.first_text(),))
            lines.give_up_row()
            yield bad
            continue
        if len(cells) == width:
            if any(cells):
                yield lines.first_number, cells
        elif any(cells):
            reason = f"{len(cells)} cells, and the header has {width}"
            yield BadRow(line=lines.first_number, reason=reason, cells=tuple(cells))


def _stated_in(file: BinaryIO) -> str:
    """The delimiter of a first line such as ``sep=;``, which spreadsheets write and read."""
    file.seek(0)
    line = file.readline(16).rstrip(b"\r\n")
    return line[4:].decode("ascii", "replace") if len(line) == 5 and line.lower().startswith(b"sep=") else ""


def _header(file: BinaryIO, delimiter: str, *, begins_in: int) -> CsvTable | None:
    lines = CsvLines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        cells: list[str] = []
        for _ in range(begins_in):
            lines.begin_row()
            cells = next(reader)
    except (BadLineError, csv.Error, StopIteration):
        return None
    headers = tuple(cell.strip() for cell in cells)
    if not any(headers) or len(headers) > _MOST_COLUMNS:
        return None
    return CsvTable(headers=headers, delimiter=delimiter, offset=lines.end, line=lines.number)


def _reason(error: Exception) -> str:
    said = str(error)
    if isinstance(error, BadLineError):
        return said
    if "unexpected end" in said:
        return "a quotation mark is opened and never closed"
    if "expected after" in said:
        return "something follows a closing quotation mark; inside quotation marks each one is written twice"
    if "new-line" in said:
        return "a carriage return stands alone in it"
    return f"no row of a table: {said}"
