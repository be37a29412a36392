"""Makes tables of lines with tabs."""

from __future__ import annotations

from distributor.domain.blocks import Alignment, Run, Runs, Table
from distributor.sources.plain.pieces import Rows, cells_of_rows
from distributor.sources.urls import linkify


def build_table(rows: Rows) -> Table:
    """The table; its first row is the header."""
    header, *others = cells_of_rows(rows.lines)
    return Table(
        tuple(map(_runs, header)),
        tuple(tuple(map(_runs, cells)) for cells in others),
        (Alignment.LEFT,) * len(header),
    )


def _runs(cell: str) -> Runs:
    return linkify((Run(cell),)) if cell else ()
