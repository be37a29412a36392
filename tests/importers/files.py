"""Reading a file of people in a test as an import does: copied to UTF-8 first, then row by row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace

from distributor.domain.importing import AttributeType, BadRow, ImportSettings, SourceValues
from distributor.importers.encoding import copy_as_utf8
from distributor.importers.reader import PeopleReader, find_out


def read(
    data: bytes | str,
    *,
    name: str = "people.csv",
    columns: Mapping[str, str] | None = None,
    types: Mapping[str, AttributeType] | None = None,
    **stated: object,
) -> list[SourceValues | BadRow]:
    """Every row of a file."""
    reading = replace(ImportSettings(columns=columns or {}, types=types or {}), **stated)  # type: ignore[arg-type]
    copy, complete = copied([data.encode() if isinstance(data, str) else data], reading, name=name)
    return list(PeopleReader(copy, complete, name=name))


def copied(
    pieces: Iterable[bytes], reading: ImportSettings, *, name: str = "people.csv"
) -> tuple[io.BytesIO, ImportSettings]:
    """The copy, and how it is to be read."""
    copy = io.BytesIO()
    found = copy_as_utf8(pieces, copy, encoding=reading.encoding)
    return copy, replace(find_out(copy, reading, name=name), encoding=found.encoding)


def people(rows: Iterable[SourceValues | BadRow]) -> list[SourceValues]:
    """Those somebody can be made of; fails for others."""
    told = list(rows)
    assert [row for row in told if isinstance(row, BadRow)] == []
    return [row for row in told if isinstance(row, SourceValues)]


def reasons(rows: Iterable[SourceValues | BadRow]) -> dict[int, str]:
    """The reasons of the bad rows by their lines."""
    return {row.line: row.reason for row in rows if isinstance(row, BadRow)}


def addresses(rows: Iterable[SourceValues | BadRow]) -> list[str]:
    """The addresses of the good rows."""
    return [row.person.email for row in rows if isinstance(row, SourceValues)]
