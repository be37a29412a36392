"""What commands have in common: the app they work on, and how they speak."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from distributor.bootstrap import open_app_context
from distributor.flow.app_context import AppContext
from distributor.settings import load_settings
from distributor.storage.schema import check_schema, migrate

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


@contextmanager
def installation_at_hand() -> Iterator[AppContext]:
    """The app of the settings. An embedded database is brought to the present schema by itself."""
    settings = load_settings()
    with open_app_context(settings) as app:
        if settings.database_url is None:
            migrate(app.database)
        else:
            check_schema(app.database)
        yield app


def show(value: Any) -> None:
    """Print a value as JSON, one document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table, or as a JSON list of objects; `empty` says what to do when there are none."""
    listed = [list(row) for row in rows]
    if as_json:
        show([dict(zip(columns, row, strict=True)) for row in listed])
        return
    if not listed:
        out.print(empty)
        return
    table = Table(*(column.replace("_", " ") for column in columns), box=None, pad_edge=False, header_style="bold")
    for row in listed:
        table.add_row(*("" if cell is None else _plain(cell) for cell in row))
    out.print(table)


def say(sentence: str) -> None:
    """Tell a person something; not part of the output for programs."""
    err.print(sentence, markup=False)


def _plain(cell: object) -> str:
    # Square brackets in data are not markup.
    return str(cell).replace("[", "\\[")
