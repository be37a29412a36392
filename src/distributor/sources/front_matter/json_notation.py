"""Front matter as a JSON object at the start of the file, as Hugo has it (RFC 8259)."""

from __future__ import annotations

import json
from typing import Any

from distributor.domain.errors import SourceError
from distributor.sources.front_matter.values import A_NUMBER, YES_OR_NO, Extent, NonText, Value, Values, lines_of_keys


def find(lines: list[str], first: int, *, path: str) -> Extent | None:
    """See `Notation`. A text that begins with a brace and is not JSON has no front matter."""
    if not lines[first].startswith("{"):
        return None
    text = "\n".join(lines[first:])
    try:
        found, length = _DECODER.raw_decode(text)
    except SourceError as error:
        raise SourceError(error.reason, path=path, line=first + 1) from None
    except (ValueError, RecursionError):
        return None
    ends_its_line = not text[length:].split("\n", 1)[0].strip()
    if not isinstance(found, dict) or not found or not ends_its_line:
        return None
    end = first + text[:length].count("\n") + 1
    return Extent(first, end, end)


def parse(text: str, *, path: str, first_line: int) -> Values:
    """See `Notation`."""
    values = {key: _value(value) for key, value in _DECODER.decode(text).items()}
    return Values(values, lines_of_keys(text, values, r'.*"KEY"\s*:', first_line=first_line))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise SourceError(f"front matter contains the key {key!r} twice")
        found[key] = value
    return found


# Numbers stay as they are written.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_int=lambda text: NonText(text, A_NUMBER),
    parse_float=lambda text: NonText(text, A_NUMBER),
    parse_constant=lambda text: NonText(text, A_NUMBER),
)


def _value(value: Any) -> Value:
    match value:
        case bool():
            return NonText(str(value).lower(), YES_OR_NO)
        case list():
            return [_value(one) for one in value]
        case dict():
            return {key: _value(one) for key, one in value.items()}
        case None | NonText():
            return value
        case _:
            return str(value)
