"""Merge blocks: the parts of a rendition whose text depends on the recipient, written as ``@@personal:N@@``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from distributor.channels.email.personalization.expression_tree import Constants
from distributor.channels.email.personalization.expressions import MergeBlock, MissingFieldError
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields, attribute_path
from distributor.domain.rendition import Json

# The values of built-in fields in a sample.
SAMPLE_FIELDS: Mapping[str, str] = {
    "name": "Alex Reader",
    "email": "reader@example.org",
    "language": "en",
    "zone": "Europe/Vienna",
}
PERSONAL_TOKEN = "personal"  # noqa: S105 - the name of a token in a text
_TOKEN = re.compile(rf"@@{PERSONAL_TOKEN}:(\d{{1,6}})@@")


class MergeBlockWriter:
    """Collects the merge blocks of a rendition while it is rendered. `constants` are the same for every recipient."""

    def __init__(self, constants: Constants) -> None:
        self._constants = {name: dict(about) for name, about in constants.items()}
        self._entries: list[dict[str, Json]] = []

    def write(self, source: str, *, is_html: bool, part: str) -> str:
        """Add a block; returns its token, or the rendered text if that is the same for every recipient.

        The text is marked as by `keep_literal`. Raises InputError.
        """
        block = MergeBlock(source, is_html=is_html, constants=self._constants, part=part)
        if not block.merge_fields.fields:
            return block.render_constant()
        entry = {"part": part, "is_html": is_html, "source": source}
        if entry not in self._entries:
            self._entries.append(entry)
        return f"@@{PERSONAL_TOKEN}:{self._entries.index(entry)}@@"

    def check(self, source: str, *, part: str) -> None:
        """Raises InputError with the line for an invalid expression."""
        MergeBlock(source, is_html=False, constants=self._constants, part=part)

    @property
    def html(self) -> str:
        """The sources of all blocks in HTML, for the search of links."""
        return "\n".join(one["source"] for one in self._entries if one["is_html"])

    def change_html(self, change: Callable[[str], str]) -> None:
        """Replace the source of each block in HTML by what `change` makes of it."""
        for one in self._entries:
            if one["is_html"]:
                one["source"] = change(one["source"])

    def payload(self) -> dict[str, Json]:
        """The member of a rendition with its blocks; nothing if there are none."""
        return {PERSONAL_TOKEN: {"blocks": self._entries, "constants": self._constants}} if self._entries else {}


def merge_blocks_of(payload: Mapping[str, Json]) -> tuple[MergeBlock, ...]:
    """The merge blocks of a rendition, by their numbers. Raises InputError."""
    kept = payload.get(PERSONAL_TOKEN)
    if kept is None:
        return ()
    constants = tuple((name, tuple(about.items())) for name, about in kept["constants"].items())
    return tuple(_compiled(one["source"], one["is_html"], one["part"], constants) for one in kept["blocks"])


def merge_fields_of(payload: Mapping[str, Json]) -> MergeFields:
    """The merge fields of a rendition. Raises InputError."""
    needs = [block.merge_fields for block in merge_blocks_of(payload)]
    return MergeFields(
        fields=frozenset().union(*(one.fields for one in needs)),
        decisive=frozenset().union(*(one.decisive for one in needs)),
    )


def missing_field_for(payload: Mapping[str, Json], group: FieldGroup) -> str | None:
    """The key of a field without a value that the mail needs for recipients of this group; None if there is none.

    The values of fields that are not decisive do not matter. Raises InputError.
    """
    known = {**dict.fromkeys(group.held, "x"), **group.values}
    try:
        for block in merge_blocks_of(payload):
            block.render_for(known)
    except MissingFieldError as error:
        return error.field
    return None


def sample_reader(payload: Mapping[str, Json]) -> ReaderFields:
    """A reader with a value for every merge field of a rendition. Raises InputError."""
    attributes = {key: f"[{attribute_path(key)[-1]}]" for key in merge_fields_of(payload).fields if attribute_path(key)}
    return ReaderFields(email=SAMPLE_FIELDS["email"], fields={**attributes, **SAMPLE_FIELDS})


def personalize(payload: Mapping[str, Json], reader: ReaderFields) -> dict[str, Json]:
    """The payload with all merge blocks rendered for one reader; other tokens stay. Raises InputError."""
    blocks, known = merge_blocks_of(payload), {**reader.fields, "email": reader.email}

    def render(token: re.Match[str]) -> str:
        number = int(token[1])
        return blocks[number].render_for(known) if number < len(blocks) else token[0]

    texts = {part: _TOKEN.sub(render, payload[part]) for part in ("subject", "html", "text")}
    return {name: value for name, value in payload.items() if name != PERSONAL_TOKEN} | texts


# A worker prepares the same rendition for each of its batches.
@lru_cache(maxsize=256)
def _compiled(
    source: str, is_html: bool, part: str, constants: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
) -> MergeBlock:
    return MergeBlock(source, is_html=is_html, constants={name: dict(about) for name, about in constants}, part=part)
