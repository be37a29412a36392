"""Reads the subscribers of a file in UTF-8 row by row, from any checkpoint on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import IGNORE, BadRow, FileRow, FileScan, ImportSettings
from distributor.importers.columns import ColumnMapping
from distributor.importers.consent import is_consent_target
from distributor.importers.registry import JSONL, detect_importer, find_importer
from distributor.importers.scan import FileScanner
from distributor.importers.table import MAX_ROW_BYTES, BadLineError, CsvHeader, CsvLines, read_header, read_rows
from distributor.importers.values import read_json

# A list of objects, or an object whose names are on lines of their own.
_JSON_ON_MANY_LINES = re.compile(rb"\[\s*[{\]]|\{\s*\n")


def detect_settings(file: BinaryIO, settings: ImportSettings, *, name: str) -> ImportSettings:
    """Fill in the settings that are not given, from a file in UTF-8. Raises InputError if it cannot be read."""
    if settings.format:
        find_importer(settings.format)
    start = _start_of(file)
    if not start:
        raise InputError("the file is empty")
    if _JSON_ON_MANY_LINES.match(start):
        raise InputError("the file is JSON, but not JSON lines: write each object on a line of its own, without a list")
    if _is_json(start, settings):
        found = find_importer(settings.format) if settings.format else detect_importer(_first_names(file), JSONL)
        return replace(settings, format=found.name)
    header = read_header(file, delimiter=settings.delimiter)
    importer = find_importer(settings.format) if settings.format else detect_importer(header.headers)
    ColumnMapping(header.headers, importer, settings, file_name=name)
    return replace(settings, format=importer.name, delimiter=header.delimiter)


class PeopleReader:
    """Iterates over the rows of a file in UTF-8: subscribers to import, rows passed over, and bad rows.

    `settings` must be complete. After each row, `position` and `line` are the checkpoint to resume from, unless another
    person in the same row follows (`is_between_rows`). `headers` name the cells of bad rows.
    """

    def __init__(
        self, file: BinaryIO, settings: ImportSettings, *, name: str, position: int = 0, line: int = 0
    ) -> None:
        importer = find_importer(settings.format)
        is_json = _is_json(_start_of(file), settings)
        header = None if is_json else read_header(file, delimiter=settings.delimiter)
        if header is not None and not position:
            position, line = header.offset, header.line
        self.headers = header.headers if header else ("row",)
        self.is_between_rows = True
        self._lines = CsvLines(file, offset=position, number=line)
        self._columns = ColumnMapping(header.headers if header else (), importer, settings, file_name=name)
        self._rows = self._csv_rows(header) if header else self._json_rows()

    def __iter__(self) -> Iterator[FileRow]:
        return self._rows

    @property
    def position(self) -> int:
        """The byte offset after the last row."""
        return self._lines.end

    @property
    def line(self) -> int:
        """The line number of the end of the last row."""
        return self._lines.number

    def _csv_rows(self, header: CsvHeader) -> Iterator[FileRow]:
        parse_cells = self._columns.parse_cells
        for row in read_rows(self._lines, header):
            if isinstance(row, BadRow):
                yield row
                continue
            line, cells = row
            try:
                found = parse_cells(cells, line)
            except MemoryError:
                raise
            except Exception as error:
                yield BadRow(line=line, reason=_reason_of(error), cells=tuple(cells))
            else:
                yield from self._one_by_one(found)

    def _json_rows(self) -> Iterator[FileRow]:
        for row in _read_objects(self._lines):
            if isinstance(row, BadRow):
                yield row
                continue
            line, text, values = row
            try:
                found = self._columns.parse_object(values, line, text)
            except MemoryError:
                raise
            except Exception as error:
                yield BadRow(line=line, reason=_reason_of(error), cells=(self._lines.first_text(),))
            else:
                yield from self._one_by_one(found)

    def _one_by_one(self, found: Sequence[FileRow]) -> Iterator[FileRow]:
        for place, row in enumerate(found, start=1):
            self.is_between_rows = place == len(found)
            yield row


def scan_file(file: BinaryIO, settings: ImportSettings, *, name: str) -> tuple[ImportSettings, FileScan]:
    """Read a file in UTF-8 once: how it is understood, and `settings`, which must be complete, with the consent names.

    Raises InputError if a column may say who wants no mail and its meaning is not known.
    """
    importer = find_importer(settings.format)
    if _is_json(_start_of(file), settings):
        scanner = FileScanner(ColumnMapping((), importer, settings, file_name=name))
        for row in _read_objects(CsvLines(file)):
            if not isinstance(row, BadRow):
                scanner.add_object(row[2])
        scan = scanner.finish()
        names = tuple(use.header for use in scan.columns if is_consent_target(use.target))
        return replace(settings, consent_names=names), scan
    header = read_header(file, delimiter=settings.delimiter)
    scanner = FileScanner(ColumnMapping(header.headers, importer, settings, file_name=name))
    for found in read_rows(CsvLines(file, offset=header.offset, number=header.line), header):
        if not isinstance(found, BadRow):
            scanner.add_cells(found[1])
    scan = scanner.finish()
    return replace(settings, columns={**settings.columns, **dict.fromkeys(scanner.unused, IGNORE)}), scan


def _read_objects(lines: CsvLines) -> Iterator[tuple[int, str, dict[str, Json]] | BadRow]:
    """The JSON objects, one in each line: line number, text and values; or the bad row."""
    while True:
        lines.begin_row()
        try:
            text = next(lines)
            if text.isspace():
                continue
            found: tuple[int, str, dict[str, Json]] | BadRow = (lines.number, text.rstrip(), _load_object(text))
        except StopIteration:
            return
        except (OSError, MemoryError):
            raise
        except Exception as error:
            found = BadRow(line=lines.number, reason=_reason_of(error), cells=(lines.first_text(),))
        yield found


def _reason_of(error: Exception) -> str:
    """Why a row is bad; a mistake of ours with one row must not cost the others."""
    return str(error) if isinstance(error, InputError | BadLineError) else f"{type(error).__name__}: {error}"


def _start_of(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4096).lstrip()


def _is_json(start: bytes, settings: ImportSettings) -> bool:
    return settings.format == JSONL or start.startswith(b"{")


def _first_names(file: BinaryIO) -> Iterable[str]:
    """The names in the first JSON object; none if its line is bad."""
    file.seek(0)
    text = next((line for line in iter(lambda: file.readline(MAX_ROW_BYTES), b"") if line.strip()), b"")
    try:
        return _load_object(text.decode())
    except (InputError, UnicodeDecodeError):
        return ()


def _load_object(text: str) -> dict[str, Json]:
    try:
        found = read_json(text)
    except InputError as error:
        raise InputError(f"the line is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError("the line is not a JSON object")
    return found
