"""Reads a file of subscribers in a test as an import does: copied to UTF-8 first, then row by row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace

from distributor.domain.subscriber_import import AttributeType, BadRow, FileRow, ImportRow, ImportSettings
from distributor.importers.encoding import copy_as_utf8
from distributor.importers.reader import PeopleReader, detect_settings, scan_file


def read(
    data: bytes | str,
    *,
    name: str = "people.csv",
    columns: Mapping[str, str] | None = None,
    types: Mapping[str, AttributeType] | None = None,
    **options: object,
) -> list[FileRow]:
    """Every row of a file."""
    settings = replace(ImportSettings(columns=columns or {}, types=types or {}), **options)  # type: ignore[arg-type]
    copy, complete = copied([data.encode() if isinstance(data, str) else data], settings, name=name)
    return list(PeopleReader(copy, complete, name=name))


def copied(
    chunks: Iterable[bytes], settings: ImportSettings, *, name: str = "people.csv"
) -> tuple[io.BytesIO, ImportSettings]:
    """The copy in UTF-8, and the complete settings for reading it."""
    copy = io.BytesIO()
    found = copy_as_utf8(chunks, copy, encoding=settings.encoding)
    detected = replace(detect_settings(copy, settings, name=name), encoding=found.encoding)
    complete, _ = scan_file(copy, detected, name=name)
    return copy, complete


def people(rows: Iterable[FileRow]) -> list[ImportRow]:
    """The rows, none of which may be bad."""
    found = list(rows)
    assert [row for row in found if isinstance(row, BadRow)] == []
    return [row for row in found if isinstance(row, ImportRow)]


def reasons(rows: Iterable[FileRow]) -> dict[int, str]:
    """The reasons of the bad rows by their lines."""
    return {row.line: row.reason for row in rows if isinstance(row, BadRow)}


def addresses(rows: Iterable[FileRow]) -> list[str]:
    """The addresses of the good rows."""
    return [row.person.email for row in rows if isinstance(row, ImportRow)]


def csv_table(names: list[str], delimiter: str = ",", end: str = "\n") -> str:
    """A file with a row for each name."""
    rows = [["email", "name"], *([f"p{number}@example.org", name] for number, name in enumerate(names))]
    return "".join(delimiter.join(row) + end for row in rows)
