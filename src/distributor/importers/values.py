"""Parses the text of a cell: numbers, booleans, dates, JSON, and lists in one cell."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import AttributeType

# The characters that start a formula in a spreadsheet (OWASP, CSV injection); an apostrophe before them makes it text.
_FORMULA_START = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)
_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
# The format of Go's time.String: 2024-03-01 12:00:00.123456 +0000 UTC
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4}) \S+")


def escape_formula(cell: str) -> str:
    """Prepend an apostrophe if the cell starts like a formula, or like a formula that is escaped already."""
    return f"'{cell}" if _FORMULA_START.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The inverse of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA_START.match(cell) else cell


def parse_text(value: Json) -> str:
    """A string, or a number as a string; null is empty. Raises InputError."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"expected text, not {json.dumps(value)[:40]}")


def parse_list(value: Json) -> list[str]:
    """A list of strings, or a cell of comma-separated values that may be quoted. Raises InputError."""
    if isinstance(value, list | tuple):
        return [parse_text(item) for item in value]
    cell = parse_text(value)
    if '"' not in cell:
        return cell.split(",")
    try:
        return next(csv.reader([cell], skipinitialspace=True, strict=True))
    except csv.Error:
        raise InputError(f"{cell[:40]!r} is not a comma-separated list") from None


def join_list(values: tuple[str, ...]) -> str:
    """The inverse of `parse_list`."""
    return ",".join(f'"{value.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(value) else value for value in values)


def parse_object(value: Json) -> Mapping[str, Json]:
    """A JSON object, or one that is given as text. Raises InputError."""
    found = _parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise InputError('attributes must be a JSON object such as {"city": "Vienna"}')
    return found


def parse_time(value: Json) -> datetime | None:
    """A timestamp as exports write it, as aware UTC (also if it names no zone); None if it cannot be parsed."""
    text = parse_text(value).strip()
    go_time = _GO_TIME.fullmatch(text)
    try:
        found = datetime.fromisoformat(f"{go_time[1]}{go_time[3]}" if go_time else text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_boolean(text: str) -> bool | None:
    """The meaning of a word such as ``yes`` or ``0``; None if it is not a boolean."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _parse_number(text: str) -> Json:
    if not _NUMBER.fullmatch(text):
        raise InputError(f"{text[:40]!r} is not a number such as 12 or 3.5")
    if text.lstrip("+-").isdigit():
        return int(text)
    found = float(text)
    if not math.isfinite(found):
        raise InputError(f"{text[:40]!r} is too large for a number")
    return found


def _parse_boolean_strictly(text: str) -> Json:
    found = parse_boolean(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is neither true nor false")
    return found


def _parse_date(text: str) -> Json:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    found = parse_time(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is not a date such as 2026-11-22")
    return found.isoformat()


def _parse_json(text: str) -> Json:
    try:
        return read_json(text)
    except InputError as error:
        raise InputError(f"{text[:40]!r} is not JSON: {error}") from None


def read_json(text: str) -> Json:
    """The value of a JSON text. Raises InputError with the reason."""
    try:
        found: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(str(error)) from None
    except RecursionError:
        raise InputError("nested too deeply") from None
    except ValueError:
        # Python reads whole numbers of up to 4300 digits.
        raise InputError("a number in it has too many digits") from None
    return found


def _keep_text(text: str) -> Json:
    return text


def _needs_quotes(value: str) -> bool:
    return "," in value or '"' in value or value != value.strip()


PARSERS: Mapping[AttributeType, Callable[[str], Json]] = {
    AttributeType.TEXT: _keep_text,
    AttributeType.NUMBER: _parse_number,
    AttributeType.BOOLEAN: _parse_boolean_strictly,
    AttributeType.DATE: _parse_date,
    AttributeType.JSON: _parse_json,
}
