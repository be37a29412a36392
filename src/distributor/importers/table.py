"""Reads CSV as spreadsheets write it (RFC 4180 and its relatives) row by row, none larger than `MAX_ROW_BYTES`."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import deque
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
# Of those that fit the rows equally well and give equally many columns, the first is used.
_DELIMITERS = (",", ";", "\t", "|")
_MAX_COLUMNS = 1000
# The delimiter and the header are judged by so many rows, of which so many may be a title above the header.
_SAMPLE_ROWS = 50
_MAX_TITLE_ROWS = 10
# How well one column fits: better than a delimiter of the header alone, worse than one that any row has as well.
_ONE_COLUMN_FIT = 0.2
_ONE_CELL_FIT = 0.19
_BLANKS = " \t\u00a0"
_LINE_END = "\r\n"
_LONE_RETURN = re.compile(rb"\r(?![\r\n])")
_PADDING = re.compile(rb'\0+(?=[,;\t|"\r\n]|$)')
_INSIDE_QUOTES = re.compile(r'(?:[^"]+|"")*')
# How spreadsheets write a number that must stay a text, such as ="0123".
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


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
        # What follows in the file before its position: lines that end with CR alone.
        self._pending: deque[bytes] = deque()
        file.seek(offset)

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = self._pending.popleft() if self._pending else self._read_line()
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
        if b"\0" in line and b"\0" in (line := _PADDING.sub(b"", line)):
            raise BadLineError("contains a NUL byte; remove it")
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
            self._pending.clear()
            self._file.seek(self._first_end)
            self.end = self._first_end
            self.number = self._first_number
        return True

    def first_text(self) -> str:
        """The start of the current row's first line, with undecodable bytes replaced."""
        return self._preview.decode(errors="replace").rstrip("\r\n").replace("\0", "\ufffd")

    def _read_line(self) -> bytes:
        """The next line of the file; of several that end with CR alone, the first.

        Each row of people has an address, so that a CR with an address on both sides ends a row.
        """
        line = self._readline(MAX_ROW_BYTES + 1)
        if line.find(b"\r", 0, -2) < 0:
            return line
        ends = [found.end() for found in _LONE_RETURN.finditer(line)]
        pieces = [line[begin:end] for begin, end in zip([0, *ends], [*ends, len(line)], strict=True) if begin < end]
        if len(line) > MAX_ROW_BYTES and len(pieces) > 1:
            # The last of them is not complete; it is read again.
            pieces.pop()
            self._file.seek(self.end + sum(map(len, pieces)))
            line = b"".join(pieces)
        is_header = not self.end
        if not all(b"@" in piece for piece in pieces[is_header:]):
            return line
        self._pending.extend(pieces[1:])
        return pieces[0]

    def _skip_rest(self, line: bytes) -> None:
        """Read to the end of a line that is too long, without keeping it in memory."""
        while line and not line.endswith(b"\n"):
            line = self._readline(_CHUNK_BYTES)
            self.end += len(line)
        self._first_end = self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvHeader:
    """The header row: column names, delimiter, and the byte offset and line number where the data rows start.

    If `is_padded`, the cells of the header are surrounded by blanks, and those around other cells mean nothing either.
    """

    headers: tuple[str, ...]
    delimiter: str
    offset: int
    line: int
    is_padded: bool = False


def read_header(file: BinaryIO, *, delimiter: str = "") -> CsvHeader:
    """The header of a file in UTF-8, split by the delimiter given or the one that fits the first rows best.

    Empty lines and a title above it are passed over. Raises InputError if there is no header.
    """
    if len(delimiter) > 1 or delimiter in {'"', *_LINE_END, " "}:
        raise InputError(f"{delimiter!r} cannot be a delimiter; use one character such as , or ; or a tab")
    declared, offset = _declared_delimiter(file)
    candidates = [delimiter or declared] if delimiter or declared else _DELIMITERS
    found = [one for candidate in candidates if (one := _find_header(file, candidate, offset=offset))]
    if not found:
        raise InputError("the first line is not a header: it must name the columns, one of them the email address")
    _, header = max(found, key=lambda one: (one[0], len(one[1].headers)))
    if address := next(filter(_ADDRESS.fullmatch, header.headers), ""):
        raise InputError(
            f"line {header.line} holds the address {address!r}, but the first line must name the columns: "
            f"add one above it, such as email{header.delimiter}name"
        )
    return header


def read_rows(lines: CsvLines, header: CsvHeader) -> Iterator[tuple[int, list[str]] | BadRow]:
    """The rows from the position of `lines` on, without empty ones: line number and cells, or the bad row.

    Each has as many cells as the header: spreadsheets leave out empty cells at the end of a row, or write more of them.
    After each row, `lines` is positioned at its end.
    """
    width = len(header.headers)
    parser = _RowParser(lines, header.delimiter, is_padded=header.is_padded)
    while True:
        try:
            cells = parser.next_row()
        except StopIteration:
            return
        except BadLineError as error:
            reason = str(error)
            if not lines.rewind_to_second_line():
                reason += f"; as there are very many such lines, everything up to line {lines.number} is left out"
            yield BadRow(line=lines.first_number, reason=reason, cells=(lines.first_text(),))
            continue
        if not any(cells):
            continue
        if len(cells) != width:
            if any(cells[width:]):
                yield BadRow(line=lines.first_number, reason=_too_many_cells(cells, header), cells=tuple(cells))
                continue
            cells = [*cells[:width], *[""] * (width - len(cells))]
        yield lines.first_number, cells


class _RowParser:
    """Splits rows into cells. `is_padded` says whether blanks around cells without quotation marks are dropped."""

    def __init__(self, lines: CsvLines, delimiter: str, *, is_padded: bool) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._is_padded = is_padded
        blanks = f"[{_BLANKS.replace(delimiter, '')}]"
        self._skip_blanks = re.compile(f"{blanks}*").match
        self._find_blanks_before_quote = re.compile(f'(?:^|{re.escape(delimiter)}){blanks}+"').search

    def next_row(self) -> list[str]:
        """The cells of the next row. Raises BadLineError, StopIteration."""
        self._lines.begin_row()
        line = next(self._lines)
        text = line.rstrip(_LINE_END)
        if '"' in text:
            cells = self._regular_cells(text) or self._all_cells(line)
            return [_without_text_formula(cell) for cell in cells] if "=" in text else cells
        if "\r" in text:
            raise BadLineError(_lone_return())
        cells = text.split(self._delimiter)
        return [cell.strip(_BLANKS) for cell in cells] if self._is_padded else cells

    def _regular_cells(self, text: str) -> list[str] | None:
        """The cells of a row in one line as RFC 4180 has it, split by the csv module, which is faster; else None."""
        if self._is_padded or self._find_blanks_before_quote(text):
            return None
        try:
            return next(csv.reader((text,), delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None

    def _all_cells(self, line: str) -> list[str]:
        """The cells of a row that begins with `line`, with blanks or text around quotation marks, or line breaks."""
        cells: list[str] = []
        place = -1
        while not cells or line.startswith(self._delimiter, place):
            cell, line, place = self._next_cell(line, place + 1, number=len(cells) + 1)
            cells.append(cell)
        return cells

    def _next_cell(self, line: str, start: int, *, number: int) -> tuple[str, str, int]:
        """The cell that begins at `start`, the line that it ends on, which may be another one, and where it ends."""
        quote = self._blanks_end(line, start)
        if not line.startswith('"', quote):
            return self._bare_cell(line, start, start, number=number)
        first_line, parts, place = line, [], quote + 1
        while True:
            inside = _INSIDE_QUOTES.match(line, place)
            parts.append(inside.group() if inside else "")
            if (place := place + len(parts[-1])) < len(line):
                break
            try:
                line, place = next(self._lines), 0
            except StopIteration:
                raise BadLineError(f"a quotation mark is opened and never closed in column {number}") from None
        end = self._blanks_end(line, place + 1)
        if line.startswith(self._delimiter, end) or end >= len(line.rstrip(_LINE_END)):
            return "".join(parts).replace('""', '"'), line, end
        if line is not first_line:
            raise BadLineError(
                f"text follows a closing quotation mark in column {number}, which was opened on another line; "
                "a quotation mark inside quotes must be doubled"
            )
        return self._bare_cell(line, start, end, number=number)

    def _bare_cell(self, line: str, start: int, place: int, *, number: int) -> tuple[str, str, int]:
        """The text from `start` to the first delimiter after `place`, quotation marks included."""
        end = line.find(self._delimiter, place)
        if end < 0:
            end = len(line.rstrip(_LINE_END))
        cell = line[start:end]
        if "\r" in cell:
            raise BadLineError(_lone_return(number))
        return cell.strip(_BLANKS) if self._is_padded or place > start else cell, line, end

    def _blanks_end(self, line: str, start: int) -> int:
        found = self._skip_blanks(line, start)
        return found.end() if found else start


def _declared_delimiter(file: BinaryIO) -> tuple[str, int]:
    """The delimiter that a first line such as ``sep=;`` declares, as spreadsheets do, else empty; and its length."""
    file.seek(0)
    line = file.readline(16)
    text = line.decode("utf-8", "replace").strip("\ufeff\r\n").strip('"')
    is_declaration = len(text) == 5 and text.lower().startswith("sep=") and not text[4].isalnum() and text[4] != " "
    return (text[4], len(line)) if is_declaration else ("", 0)


def _find_header(file: BinaryIO, delimiter: str, *, offset: int) -> tuple[float, CsvHeader] | None:
    """The header of a file with this delimiter, and how well the rows after it fit: 0 to 1."""
    lines = CsvLines(file, offset=offset, number=1 if offset else 0)
    parser = _RowParser(lines, delimiter, is_padded=False)
    rows: list[tuple[list[str], int, int]] = []
    while len(rows) < _SAMPLE_ROWS:
        try:
            cells = parser.next_row()
        except StopIteration:
            break
        except BadLineError:
            if not rows:
                return None
            lines.rewind_to_second_line()
            continue
        if any(map(_label, cells)):
            rows.append((cells, lines.end, lines.number))
    place = _header_place([cells for cells, _, _ in rows])
    if place is None:
        return None
    cells, end, number = rows[place]
    labels = tuple(map(_label, cells))
    header = CsvHeader(
        headers=labels,
        delimiter=delimiter,
        offset=end,
        line=number,
        is_padded=any(cell != cell.strip(_BLANKS) for cell in cells),
    )
    return _fit(cells, [row for row, _, _ in rows[place + 1 :]]), header


def _header_place(rows: list[list[str]]) -> int | None:
    """Which of the first rows names the columns: the first one, unless it is surely the title of a report.

    A title fills one cell only, above a row that fills several, without an address, and rows that have addresses.
    """
    if not rows or len(rows[0]) > _MAX_COLUMNS:
        return None
    for place, row in enumerate(rows[: _MAX_TITLE_ROWS + 1]):
        if _has_address(row):
            return 0
        if sum(map(bool, row)) > 1:
            return place if any(map(_has_address, rows[place + 1 :])) else 0
    return 0


def _has_address(row: list[str]) -> bool:
    return any("@" in cell for cell in row)


def _fit(header: list[str], rows: list[list[str]]) -> float:
    """How many of these rows are split as the header is: 0 to 1."""
    if any(cell.count('"') % 2 for cell in header) or header[0].count('"') > 1:
        # A delimiter within quotation marks was taken for one, or cells with quotation marks for one cell.
        return 0.0
    if len(header) == 1:
        return _ONE_COLUMN_FIT
    return sum(_row_fit(len(row), len(header)) for row in rows) / len(rows) if rows else 1.0


def _row_fit(size: int, width: int) -> float:
    return 1.0 if size == width else 0.0 if size > width else 0.5 if size > 1 else _ONE_CELL_FIT


def _label(cell: str) -> str:
    """The name of a column without invisible characters, such as byte order marks, and with single spaces."""
    visible = "".join(char for char in cell if unicodedata.category(char) != "Cf")
    return " ".join(visible.split())


def _without_text_formula(cell: str) -> str:
    found = _TEXT_FORMULA.fullmatch(cell)
    return found[1].replace('""', '"') if found else cell


def _lone_return(column: int = 0) -> str:
    place = f" in column {column}" if column else ""
    return f"contains a carriage return without a line feed{place}; remove it, or put the cell in quotation marks"


def _too_many_cells(cells: list[str], header: CsvHeader) -> str:
    name = {"\t": "a tab"}.get(header.delimiter, header.delimiter)
    return (
        f"{len(cells)} cells, but the header has {len(header.headers)}: put a cell that contains {name} in quotation "
        f"marks, or remove what follows column {len(header.headers)}"
    )
