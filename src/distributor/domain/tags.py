"""Tag: a label with the forms it takes in addresses and in posts."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import regex

_NOT_IN_SLUG = regex.compile(r"[^\p{L}\p{N}]+")
_APOSTROPHES = str.maketrans("", "", "'’‘`")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as its author wrote it. Two labels with the same slug are the same tag."""

    label: str
    synonyms: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Lower-case words joined by hyphens, for addresses."""
        return slugify(self.label)


def slugify(text: str) -> str:
    """Words of `text` in lower case, joined by hyphens, Latin letters without their accents.

    Letters of other scripts stay as they are; an empty answer means that `text` holds no letter and no digit.
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _NOT_IN_SLUG.sub("-", unicodedata.normalize("NFC", bare).casefold()).strip("-")
