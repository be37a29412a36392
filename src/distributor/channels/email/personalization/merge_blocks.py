"""Personal passages of a rendition: what is said to each recipient in other words, written as ``@@personal:N@@``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from distributor.channels.email.personalization.expression_tree import Constants
from distributor.channels.email.personalization.expressions import MissingFieldError, Passage
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields, attribute_path
from distributor.domain.rendition import Json

# What a sample shows for the fields that everybody may have.
IMAGINED: Mapping[str, str] = {
    "name": "Alex Reader",
    "email": "reader@example.org",
    "language": "en",
    "zone": "Europe/Vienna",
}
TOKEN = "personal"  # noqa: S105 - the name of a token in a text
_PASSAGE = re.compile(rf"@@{TOKEN}:(\d{{1,6}})@@")


class MergeBlocks:
    """Takes up the passages of a rendition while it is made. `constants` are what is the same for everybody."""

    def __init__(self, constants: Constants) -> None:
        self._constants = {name: dict(about) for name, about in constants.items()}
        self._written: list[dict[str, Json]] = []

    def write(self, source: str, *, is_html: bool, part: str) -> str:
        """What stands for the passage in the rendition: a token, or the text itself if it is the same for everybody.

        The text is marked as by `keep_literal`. Raises InputError.
        """
        passage = Passage(source, is_html=is_html, constants=self._constants, part=part)
        if not passage.needs.fields:
            return passage.say_to_all()
        entry = {"part": part, "is_html": is_html, "source": source}
        if entry not in self._written:
            self._written.append(entry)
        return f"@@{TOKEN}:{self._written.index(entry)}@@"

    def check(self, source: str, *, part: str) -> None:
        """Raises InputError for what is not in the language, with its line."""
        Passage(source, is_html=False, constants=self._constants, part=part)

    @property
    def html(self) -> str:
        """The sources of all passages in HTML, for whoever looks for links."""
        return "\n".join(one["source"] for one in self._written if one["is_html"])

    def change_html(self, change: Callable[[str], str]) -> None:
        """Say all passages in HTML as `change` has them."""
        for one in self._written:
            if one["is_html"]:
                one["source"] = change(one["source"])

    def payload(self) -> dict[str, Json]:
        """What a rendition keeps of it: nothing if there is nothing personal."""
        return {TOKEN: {"passages": self._written, "constants": self._constants}} if self._written else {}


def merge_blocks_of(payload: Mapping[str, Json]) -> tuple[Passage, ...]:
    """The passages of a rendition, by their numbers. Raises InputError."""
    kept = payload.get(TOKEN)
    if kept is None:
        return ()
    constants = tuple((name, tuple(about.items())) for name, about in kept["constants"].items())
    return tuple(_compiled(one["source"], one["is_html"], one["part"], constants) for one in kept["passages"])


def merge_fields_of(payload: Mapping[str, Json]) -> MergeFields:
    """What the passages of a rendition ask of each recipient. Raises InputError."""
    needs = [passage.needs for passage in merge_blocks_of(payload)]
    return MergeFields(
        fields=frozenset().union(*(one.fields for one in needs)),
        decisive=frozenset().union(*(one.decisive for one in needs)),
    )


def missing_field_for(payload: Mapping[str, Json], kin: FieldGroup) -> str | None:
    """The key of a field that is to be said to such people and is not known of them; None if all can be said.

    Values that decide nothing are taken to be anything. Raises InputError.
    """
    known = {**dict.fromkeys(kin.held, "x"), **kin.values}
    try:
        for passage in merge_blocks_of(payload):
            passage.say_to(known)
    except MissingFieldError as error:
        return error.field
    return None


def imagined_reader(payload: Mapping[str, Json]) -> ReaderFields:
    """Somebody of whom all is known that a rendition asks for. Raises InputError."""
    asked = {key: f"[{attribute_path(key)[-1]}]" for key in merge_fields_of(payload).fields if attribute_path(key)}
    return ReaderFields(email=IMAGINED["email"], fields={**asked, **IMAGINED})


def said_to(payload: Mapping[str, Json], reader: ReaderFields) -> dict[str, Json]:
    """The payload with all passages said to one reader; its other tokens stay. Raises InputError."""
    passages, known = merge_blocks_of(payload), {**reader.fields, "email": reader.email}

    def say(token: re.Match[str]) -> str:
        number = int(token[1])
        return passages[number].say_to(known) if number < len(passages) else token[0]

    texts = {part: _PASSAGE.sub(say, payload[part]) for part in ("subject", "html", "text")}
    return {name: value for name, value in payload.items() if name != TOKEN} | texts


# A worker prepares the same rendition for each of its batches.
@lru_cache(maxsize=256)
def _compiled(
    source: str, is_html: bool, part: str, constants: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
) -> Passage:
    return Passage(source, is_html=is_html, constants={name: dict(about) for name, about in constants}, part=part)
