"""Array literals of PostgreSQL, written by hand: the driver takes four times as long for each element.

Used where a statement casts its parameter, as in ``CAST(:ids AS bigint[])``. See "Array Input and Output Syntax"
in the manual of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable


def array_of(values: Iterable[object]) -> str:
    """The literal of an array of numbers, booleans, times or texts, with None for NULL.

    Values are written as by `str`, times with their offset.
    """
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
