"""Metadata as lines of `Key: value` at the start of a text, as Pelican and MultiMarkdown have it, and as a mail does.

It ends at the first empty line; a line that is indented continues the value above it.
"""

from __future__ import annotations

import re

from distributor.domain.errors import SourceError
from distributor.sources.front_matter.keys import has_meaning
from distributor.sources.front_matter.values import Extent, KeyPath, Value, Values
from distributor.sources.labels import key_of

_HEADER = re.compile(r"(?P<key>[^\W\d_][\w .\u200c-]{0,40}?)[ \t]*(?::(?:[ \t]+|$)|：[ \t]*)(?P<value>.*)")
_CONTINUED = re.compile(r"[ \t]+\S")
# One line with a colon is prose as well: "Note: the hall is closed".
_LEAST = 2


def find(lines: list[str], first: int, *, path: str) -> Extent | None:
    """See `Notation`. The first key and one more have a meaning, and every line has a key."""
    end = next((at for at in range(first, len(lines)) if not lines[at].strip()), len(lines))
    headers = [_HEADER.fullmatch(line.rstrip()) for line in lines[first:end] if not _CONTINUED.match(line)]
    if not headers or not all(headers) or _CONTINUED.match(lines[first]):
        return None
    known = [has_meaning(_name_of(found["key"])) for found in headers if found]
    return Extent(first, end, end) if known[0] and sum(known) >= _LEAST else None


def parse(text: str, *, path: str, first_line: int) -> Values:
    """See `Notation`."""
    values: dict[str, Value] = {}
    lines: dict[KeyPath, int] = {}
    key = ""
    for number, line in enumerate(text.split("\n"), first_line):
        found = None if _CONTINUED.match(line) else _HEADER.fullmatch(line.rstrip())
        if found is None:
            values[key] = f"{values[key] or ''} {line.strip()}".strip()
            continue
        name = _name_of(found["key"])
        key = name if name not in values else found["key"]
        if key in values and has_meaning(key):
            raise SourceError(f"front matter contains the key {key!r} twice", path=path, line=number)
        # The stations of a mail ("Received:") are many.
        values[key] = found["value"].strip() or None
        lines[key,] = number
    return Values(values, lines)


def _name_of(key: str) -> str:
    """The key as it is, or what it means in English: lines like these are in the language of their author."""
    return key if has_meaning(key) else key_of(key) or key
