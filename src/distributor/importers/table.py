"""Rows of CSV (RFC 4180) with any delimiter, one at a time and none larger than `LONGEST_ROW`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from distributor.domain.errors import InputError
from distributor.domain.importing import BadRow
from distributor.importers.lines import BadLineError, CsvLines

# In this order where the header does not tell.
_DELIMITERS = (",", ";", "\t", "|")
_MOST_COLUMNS = 1000


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
