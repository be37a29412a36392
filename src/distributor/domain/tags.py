"""Tag: a label, and its forms in URLs and hashtags."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import regex

from distributor.domain.stored_text import shortened

# In characters; it is part of addresses, and of keys in the database.
LONGEST_SLUG = 200
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{Mn}\p{Mc}]*")
# An accent on a Latin letter or a digit; elsewhere (й, が, हि) a mark makes another letter and stays.
_ACCENT = regex.compile(r"(?<=[\p{Latin}\p{N}])\p{M}+")
_SILENT = regex.compile(r"['’‘`]|\p{Variation_Selector}")


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

    Letters of other scripts stay as they are; an empty slug means that `text` has no letter and no digit. A slug longer
    than LONGEST_SLUG is shortened and ends in a hash, so that it stays distinct.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _SILENT.sub("", text)).casefold())
    words = _WORD.findall(unicodedata.normalize("NFC", _ACCENT.sub("", decomposed)))
    return shortened("-".join(words), LONGEST_SLUG)
