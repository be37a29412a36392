"""Front matter in TOML between two lines of +++, as Hugo and Zola have it (toml.io)."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from distributor.domain.errors import SourceError
from distributor.sources.front_matter.values import (
    A_DATE,
    A_NUMBER,
    YES_OR_NO,
    Extent,
    NonText,
    Value,
    Values,
    lines_of_keys,
)

_DELIMITER = re.compile(r"\+{3}[ \t]*")
_PLACE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")


def find(lines: list[str], first: int, *, path: str) -> Extent | None:
    """See `Notation`."""
    if not _DELIMITER.fullmatch(lines[first]):
        return None
    end = next((at for at in range(first + 1, len(lines)) if _DELIMITER.fullmatch(lines[at])), None)
    if end is None:
        raise SourceError("front matter is never closed; end it with a line of +++", path=path, line=first + 1)
    return Extent(first + 1, end, end + 1)


def parse(text: str, *, path: str, first_line: int) -> Values:
    """See `Notation`."""
    try:
        values = {key: _value(value) for key, value in tomllib.loads(text).items()}
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = first_line + (int(place[1]) - 1 if place and place[1] else 0)
        raise SourceError(f"front matter is not TOML: {_PLACE.sub('', str(error))}", path=path, line=line) from None
    except RecursionError:
        raise SourceError("front matter is nested too deeply", path=path, line=first_line) from None
    return Values(values, lines_of_keys(text, values, r"""\s*(?:\[?["']?KEY["']?\s*[=\].])""", first_line=first_line))


def _value(value: Any) -> Value:
    match value:
        case bool():
            return NonText(str(value).lower(), YES_OR_NO)
        case int() | float():
            return NonText(str(value), A_NUMBER)
        case datetime() | date() | time():
            return NonText(value.isoformat(), A_DATE)
        case list():
            return [_value(one) for one in value]
        case dict():
            return {key: _value(one) for key, one in value.items()}
        case _:
            return str(value)
