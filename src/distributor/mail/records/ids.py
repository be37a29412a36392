"""A list of Message-IDs: one a line, or in the column of that name of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.mail.records.recorded_mail import Sighting, bare_id

_NAMES = frozenset({"messageid", "smtpid", "headermessageid"})


def read_ids(path: Path) -> Iterator[Sighting]:
    """A mail for each line; empty lines and a headline are passed over. Raises SourceError for a line without an ID."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _of_rows(csv.reader(file), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"cannot be read as CSV in UTF-8: {error}", path=path) from error


def _of_rows(rows: Iterator[list[str]], path: Path) -> Iterator[Sighting]:
    column: int | None = None
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            continue
        if number == 1 and (column := _column_named(row)) is not None:
            continue
        message_id = _id_in(row, column)
        if message_id is None and number > 1:
            raise SourceError("there is no Message-ID in this line", path=path, line=number)
        if message_id is not None:
            yield Sighting(message_id)


def _column_named(row: Sequence[str]) -> int | None:
    folded = ["".join(filter(str.isalnum, cell.lower())) for cell in row]
    return next((place for place, name in enumerate(folded) if name in _NAMES), None)


def _id_in(row: Sequence[str], column: int | None) -> str | None:
    cells = row if column is None else row[column : column + 1]
    return next((found for cell in cells if (found := bare_id(cell)) is not None), None)
