"""What the commands print: results on standard output, messages for people on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from distributor.domain.schedule import format_time

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json) + "\n")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table, or as a JSON list of objects; `empty` is printed instead of a table without rows.

    A table shows each time with its zone, and JSON with its offset. The name of a field is shown with spaces.
    """
    listed = [list(row) for row in rows]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in listed])
        return
    if not listed:
        out.print(empty)
        return
    table = Table(
        *(column.replace("_", " ") if column.isidentifier() else column for column in columns),
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for row in listed:
        table.add_row(*("" if cell is None else _escaped(cell) for cell in row))
    out.print(table)


def print_fields(fields: Mapping[str, object], *, as_json: bool) -> None:
    """Print one record: as a table of names and values, or as a JSON object."""
    if as_json:
        print_json(fields)
    else:
        print_rows(("", " "), fields.items(), as_json=False, empty="")


def print_message(text: str) -> None:
    """Print a message for people on standard error; it is not part of the output that programs read."""
    err.print(text, markup=False)


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _escaped(cell: object) -> str:
    text = format_time(cell) if isinstance(cell, datetime) else str(cell)
    # Square brackets in data are not markup.
    return text.replace("[", "\\[")
