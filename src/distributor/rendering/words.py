"""Words: what our pages and the consent records say, one language to a file below ``web/words``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

from distributor.domain.errors import TemplateError
from distributor.rendering.html import direction_of

FOLDER = "web/words"
# Stands in for a text, or a language, that there is not.
ENGLISH = "en"
_LINE = re.compile(r"at line (\d+)")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, a BCP 47 tag. Templates get `table`: texts by section and name."""

    language: str
    table: Mapping[str, Any]

    @property
    def direction(self) -> str:
        """ "rtl" or "ltr"."""
        return direction_of(self.language)

    @property
    def name(self) -> str:
        """The language's own name for itself."""
        return str(self.table["name"])

    def text(self, key: str, **values: object) -> str:
        """The text at a key such as ``errors.list_missing``, with its placeholders filled in."""
        found: Any = reduce(lambda table, name: table[name], key.split("."), self.table)
        return str(found) % values

    def date(self, time: datetime) -> str:
        """The day of a time, in words."""
        day = self.table["first_day"] if time.day == 1 else time.day
        return self.text("date", day=day, month=self.table["months"][time.month - 1], year=time.year)


def read_words(folders: Iterable[Path]) -> dict[str, Words]:
    """The words in the folders, by tag in lower case; the first folder that contains a file wins.

    What a file lacks is English. Raises TemplateError for a file that cannot be read.
    """
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / FOLDER).glob("*.toml")):
            files.setdefault(path.stem.lower(), path)
    tables = {tag: _read(path) for tag, path in sorted(files.items())}
    english = tables.get(ENGLISH, {})
    return {tag: Words(files[tag].stem, _completed(files[tag], table, english)) for tag, table in tables.items()}


def choose(known: Mapping[str, Words], wanted: Iterable[str]) -> Words:
    """The words in the first of these languages that there are words in, with or without its region; else English."""
    for tag in wanted:
        for one in (tag.lower().replace("_", "-"), re.split("[-_]", tag.lower())[0]):
            if one in known:
                return known[one]
    return known[ENGLISH]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        line = _LINE.search(str(error))
        raise TemplateError(str(error), template=f"{FOLDER}/{path.name}", line=int(line[1]) if line else None) from None


def _completed(path: Path, table: Mapping[str, Any], english: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """The table with the English texts that it lacks. Raises TemplateError for a text that pages cannot be made of."""
    completed: dict[str, Any] = {}
    for name, text in english.items():
        key, own = f"{section}{name}", table.get(name, text)
        if isinstance(text, dict) and isinstance(own, dict):
            completed[name] = _completed(path, own, text, f"{key}.")
        elif _may_replace(own, text):
            completed[name] = own
        else:
            reason = f"{key} = {own!r} cannot stand for {text!r}: it is of another kind, or has other placeholders"
            raise TemplateError(reason, template=f"{FOLDER}/{path.name}", line=None)
    return completed


def _may_replace(own: object, english: object) -> bool:
    if isinstance(own, list) and isinstance(english, list):
        return len(own) == len(english) and all(isinstance(one, str) for one in own)
    if not isinstance(own, str) or not isinstance(english, str):
        return False
    try:
        return bool(own % dict.fromkeys(_PLACEHOLDER.findall(english), ""))
    except (KeyError, TypeError, ValueError):
        return False
