"""What the text in a column stands for: numbers, dates and the like, and lists in one cell."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from distributor.domain.errors import InputError
from distributor.domain.importing import AttributeType
from distributor.domain.rendition import Json

# OWASP's list of what begins a formula; an apostrophe before it makes it text.
_BEGINS_A_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)
_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
# As Go prints a time: 2024-03-01 12:00:00.123456 +0000 UTC
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4}) \S+")


def escaped(cell: str) -> str:
    """With an apostrophe before it if it begins as a formula does, or as one that was escaped already."""
    return f"'{cell}" if _BEGINS_A_FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """The reverse of `escaped`."""
    return cell[1:] if cell.startswith("'") and _BEGINS_A_FORMULA.match(cell) else cell


def text_of(value: Json) -> str:
    """A text, or a number as a text. Raises InputError."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"a text is expected, and it is {json.dumps(value)[:40]}")


def list_of(value: Json) -> list[str]:
    """Several texts: a list, or one cell with commas between them, in which each may stand in quotation marks."""
    if isinstance(value, list | tuple):
        return [text_of(one) for one in value]
    cell = text_of(value)
    if '"' not in cell:
        return cell.split(",")
    try:
        return next(csv.reader([cell], skipinitialspace=True, strict=True))
    except csv.Error:
        raise InputError(f"{cell[:40]!r} is no list with commas between its parts") from None


def cell_of_list(values: tuple[str, ...]) -> str:
    """The reverse of `list_of`."""
    return ",".join(f'"{value.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(value) else value for value in values)


def object_of(value: Json) -> Mapping[str, Json]:
    """A JSON object, or the text of one. Raises InputError."""
    found = _json_of(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise InputError('attributes are no JSON object such as {"city": "Vienna"}')
    return found


def moment_of(value: Json) -> datetime | None:
    """A moment as exports write it, in UTC where no zone is said; None for what cannot be understood."""
    text = text_of(value).strip()
    go_time = _GO_TIME.fullmatch(text)
    try:
        found = datetime.fromisoformat(f"{go_time[1]}{go_time[3]}" if go_time else text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def is_true(text: str) -> bool | None:
    """What a word such as ``yes`` or ``0`` says; None if nothing."""
    folded = text.strip().casefold()
    return True if folded in _TRUE else False if folded in _FALSE else None


def _number_of(text: str) -> Json:
    if not _NUMBER.fullmatch(text):
        raise InputError(f"{text[:40]!r} is no number such as 12 or 3.5")
    if text.lstrip("+-").isdigit():
        return int(text)
    found = float(text)
    if not math.isfinite(found):
        raise InputError(f"{text[:40]!r} is too large a number")
    return found


def _boolean_of(text: str) -> Json:
    found = is_true(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is neither true nor false")
    return found


def _date_of(text: str) -> Json:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    found = moment_of(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is no date such as 2026-11-22")
    return found.isoformat()


def _json_of(text: str) -> Json:
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{text[:40]!r} is no JSON") from None
    return found


def _text_of(text: str) -> Json:
    return text


def _needs_quotes(value: str) -> bool:
    return "," in value or '"' in value or value != value.strip()


READERS: Mapping[AttributeType, Callable[[str], Json]] = {
    AttributeType.TEXT: _text_of,
    AttributeType.NUMBER: _number_of,
    AttributeType.BOOLEAN: _boolean_of,
    AttributeType.DATE: _date_of,
    AttributeType.JSON: _json_of,
}
