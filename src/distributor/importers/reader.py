"""From a file in UTF-8 to the people in it, one after another, from any checkpoint on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from distributor.domain.errors import InputError
from distributor.domain.importing import BadRow, ImportSettings, SourceValues
from distributor.importers.columns import Columns
from distributor.importers.registry import LINES, origin_named, origin_of
from distributor.importers.table import BadLineError, CsvLines, CsvTable, read_header, rows


def find_out(file: BinaryIO, reading: ImportSettings, *, name: str) -> ImportSettings:
    """What is not stated of how to read a file in UTF-8. Raises InputError if there is no reading it."""
    if reading.format:
        origin_named(reading.format)
    begins = _beginning(file)
    if not begins:
        raise InputError("the file is empty")
    if begins.startswith(b"PK\x03\x04"):
        raise InputError("the file is a ZIP archive or a workbook: unpack it, or save the sheet as CSV")
    if reading.format == LINES or (not reading.format and begins.startswith(b"{")):
        return replace(reading, format=LINES)
    table = read_header(file, delimiter=reading.delimiter)
    origin = origin_named(reading.format) if reading.format else origin_of(table.headers)
    Columns(table.headers, origin, reading, file_name=name)
    return replace(reading, format=origin.NAME, delimiter=table.delimiter)


class PeopleReader:
    """The people of a file in UTF-8, and the rows nobody can be made of; `reading` is complete.

    After each one, `position` and `line` are the checkpoint to go on from; `headers` name the cells of the bad rows.
    """

    def __init__(self, file: BinaryIO, reading: ImportSettings, *, name: str, position: int = 0, line: int = 0) -> None:
        origin = origin_named(reading.format)
        table = None if reading.format == LINES else read_header(file, delimiter=reading.delimiter)
        if table is not None and not position:
            position, line = table.offset, table.line
        self.headers = table.headers if table else ("row",)
        self._lines = CsvLines(file, offset=position, number=line)
        self._columns = Columns(table.headers if table else (), origin, reading, file_name=name)
        self._rows = self._rows_of_table(table) if table else self._rows_of_json()

    def __iter__(self) -> Iterator[SourceValues | BadRow]:
        return self._rows

    @property
    def position(self) -> int:
        """The offset behind the last row."""
        return self._lines.end

    @property
    def line(self) -> int:
        """The number of the last line of the last row."""
        return self._lines.number

    def _rows_of_table(self, table: CsvTable) -> Iterator[SourceValues | BadRow]:
        told_by = self._columns.told_by
        for row in rows(self._lines, table):
            if isinstance(row, BadRow):
                yield row
                continue
            line, cells = row
            try:
                yield told_by(cells, line)
            except InputError as error:
                yield BadRow(line=line, reason=str(error), cells=tuple(cells))

    def _rows_of_json(self) -> Iterator[SourceValues | BadRow]:
        while True:
            self._lines.begin_row()
            try:
                text = next(self._lines)
                line = self._lines.number
                if text.isspace():
                    continue
                yield self._columns.told_by_names(_object_in(text), line, text.rstrip())
            except StopIteration:
                return
            except (InputError, BadLineError) as error:
                yield BadRow(line=self._lines.number, reason=str(error), cells=(self._lines.first_text(),))


def _beginning(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4096).lstrip()


def _object_in(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"the line is no JSON: {reason}") from None
    if not isinstance(found, dict):
        raise InputError("the line is no JSON object")
    return found
