"""Where front matter is read: found above a text, in whatever notation."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.tags import slugify
from distributor.sources.dates import read_date
from distributor.sources.front_matter import header_notation, json_notation, toml_notation, yaml_notation
from distributor.sources.front_matter.keys import FrontMatter, read_keys
from distributor.sources.front_matter.values import Notation
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

_NOTATIONS: tuple[Notation, ...] = (yaml_notation, toml_notation, json_notation, header_notation)
_MAX_CHARACTERS = 16 * 1024
# A file of one of these names is named by its folder, as in Hugo.
_NAMED_BY_FOLDER = frozenset({"index", "_index", "readme"})
_DATED = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})[-_. ]+(?=\S)", re.ASCII)


def split_front_matter(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> tuple[FrontMatter, str]:
    """The front matter of a normalized text, and the text below it, padded with empty lines so that line numbers stay.

    What front matter leaves open, the name of the file says: the slug, and the date as in Jekyll. Raises SourceError
    with the key and the line of a mistake.
    """
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    for notation in _NOTATIONS:
        extent = notation.find(lines, first, path=path)
        if extent is None:
            continue
        inside = "\n".join(lines[extent.start : extent.end])
        if len(inside) > _MAX_CHARACTERS:
            raise SourceError(f"front matter is longer than {_MAX_CHARACTERS // 1024} KB", path=path, line=first + 1)
        values = notation.parse(inside, path=path, first_line=extent.start + 1)
        front = _completed(read_keys(values, path=path, options=options), path, options)
        return front, "\n".join([*[""] * extent.below, *lines[extent.below :]])
    return FrontMatter(), text


def words_of_name(path: str) -> str:
    """The words in the name of a file, without a date before them and without its suffixes; empty if it has none.

    A file called index is named by its folder.
    """
    pure = PurePath(path)
    name = pure.name.split(".")[0]
    if name.casefold() in _NAMED_BY_FOLDER:
        name = pure.parent.name
    return " ".join(re.split(r"[-_\s]+", _DATED.sub("", name, count=1))).strip()


def _completed(front: FrontMatter, path: str, options: ReadingOptions) -> FrontMatter:
    """With what the name of the file says."""
    slug, published_at = front.slug or slugify(words_of_name(path)) or None, front.published_at
    dated = _DATED.match(PurePath(path).name)
    if published_at is None and dated is not None:
        try:
            published_at = read_date(dated[1], zone=options.zone, language=options.language)
        except ScheduleError:
            published_at = None
    return replace(front, slug=slug, published_at=published_at)
