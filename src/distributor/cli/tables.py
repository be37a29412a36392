"""Tables of the command line, readable in a terminal of any width: no word is cut and no column is squeezed.

A table that is too wide names the zone of its times in the header, leaves out columns that are empty in every row, and
wraps texts between words. One that would still be too wide, or too tall, is written as records, a line for each field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from rich.cells import cell_len

from distributor.domain.schedule import format_time

_GAP = "  "
# A row of more lines is read more easily as a record.
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as it is written. Each cell is a list of parts that must not be broken."""

    header: str
    cells: tuple[tuple[str, ...], ...]

    @property
    def width(self) -> int:
        return max(cell_len(text) for text in (self.header, *map(" ".join, self.cells)))

    @property
    def least_width(self) -> int:
        return max(cell_len(part) for parts in (tuple(self.header.split()), *self.cells) for part in (*parts, ""))


@dataclass(frozen=True, slots=True)
class LaidOutTable:
    """The lines of a table: those of its header, and the others. Records have no header."""

    header: list[str]
    body: list[str]


def lay_out(columns: Sequence[str], rows: Sequence[Sequence[object]], *, width: int) -> LaidOutTable:
    """A table with a header, or records where a table would not be readable in this width."""
    made = [_column(name, [row[place] for row in rows]) for place, name in enumerate(columns)]
    if _total(made) <= width:
        return _laid_out(made, [column.width for column in made])
    narrow = [
        _column(*_with_zone_in_header(name, values))
        for name, values in zip(columns, zip(*rows, strict=True), strict=True)
        if any(_has_content(value) for value in values)
    ]
    widths = _shrunk(narrow, width)
    if widths is not None:
        table = _laid_out(narrow, widths)
        if len(table.body) <= len(rows) * _MOST_LINES:
            return table
    records = [record_lines(dict(zip(columns, row, strict=True)), width=width) for row in rows]
    return LaidOutTable([], [line for number, one in enumerate(records) for line in ([""] if number else []) + one])


def record_lines(fields: Mapping[str, object], *, width: int) -> list[str]:
    """The fields of one record, a line each; a text that is too long goes on below, and no word of it is cut."""
    label_width = max(cell_len(_header(name)) for name in fields) + len(_GAP) if fields else 0
    lines: list[str] = []
    for name, value in fields.items():
        label = _header(name)
        label += " " * (label_width - cell_len(label))
        parts = [line for text in _text(value).split("\n") for line in _wrapped(text, width - label_width)]
        lines += [f"{label}{parts[0]}".rstrip(), *(" " * label_width + part for part in parts[1:])]
    return lines


def _column(name: str, values: Sequence[object]) -> _Column:
    return _Column(_header(name), tuple(_parts(value) for value in values))


def _header(name: str) -> str:
    return name.replace("_", " ") if name.isidentifier() else name


def _text(value: object) -> str:
    return "" if value is None else format_time(value) if isinstance(value, datetime) else str(value)


def _parts(value: object) -> tuple[str, ...]:
    """What may stand on lines of its own: words, and of a time the date with the time of day."""
    words = _text(value).split()
    if isinstance(value, datetime) or _is_time(words):
        words = [" ".join(words[:2]), *words[2:]]
    return tuple(words)


def _is_time(words: Sequence[str]) -> bool:
    """Whether it is what `_with_zone_in_header` makes of a time."""
    return len(words) in (2, 3) and len(words[0]) == 10 and words[0].replace("-", "").isdigit() and ":" in words[1]


def _with_zone_in_header(name: str, values: Sequence[object]) -> tuple[str, Sequence[object]]:
    """The times without their zone if they have the same one, which is then in the header."""
    times = [value for value in values if isinstance(value, datetime)]
    zones = {(str(time.tzinfo), time.utcoffset()) for time in times}
    if len(zones) != 1:
        return name, values
    ((zone, offset),) = zones
    spelled = str(timezone(offset or timedelta()))
    place = zone if zone == spelled else f"{zone} {spelled}"
    shown = [f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value for value in values]
    return f"{_header(name)} ({place})", shown


def _has_content(value: object) -> bool:
    return value not in (None, "", 0)


def _total(columns: Sequence[_Column], widths: Sequence[int] | None = None) -> int:
    chosen = [column.width for column in columns] if widths is None else widths
    return sum(chosen) + len(_GAP) * (len(columns) - 1)


def _shrunk(columns: Sequence[_Column], width: int) -> list[int] | None:
    """The widths at which the table fits, taken from the widest columns; None if there are none."""
    widths = [column.width for column in columns]
    least = [column.least_width for column in columns]
    while _total(columns, widths) > width:
        wide = [place for place in range(len(columns)) if widths[place] > least[place]]
        if not wide:
            return None
        widths[max(wide, key=lambda place: widths[place])] -= 1
    return widths


def _laid_out(columns: Sequence[_Column], widths: Sequence[int]) -> LaidOutTable:
    rows = zip(*(column.cells for column in columns), strict=True)
    header = _lines_of_row([column.header.split() for column in columns], widths)
    return LaidOutTable(header, [line for row in rows for line in _lines_of_row(row, widths)])


def _lines_of_row(row: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    wrapped = [_filled(parts, width) for parts, width in zip(row, widths, strict=True)]
    lines: list[str] = []
    for number in range(max(map(len, wrapped))):
        cells = [cell[number] if number < len(cell) else "" for cell in wrapped]
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
        lines.append(_GAP.join(padded).rstrip())
    return lines


def _filled(parts: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]} {part}".strip()
        if lines[-1] and cell_len(longer) > width:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text; a word that is longer than a line is left whole, so that it can be copied."""
    return [text] if cell_len(text) <= width else _filled(text.split(), width)
