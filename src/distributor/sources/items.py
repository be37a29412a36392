"""What a source gives when it is read: its items one by one, each of which may be an article, unreadable, or gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from distributor.domain.article import Manuscript
from distributor.domain.stored_text import shortened, storable

# In characters: it identifies the article, and is part of a key (domain.stored_text).
LONGEST_REF = 600


def stored_ref(text: str) -> str:
    """What identifies an item, as it is stored: distinct, of whatever length and characters it is."""
    return shortened(storable(text), LONGEST_REF)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """An item that was read. `ref` identifies it in its source for good: a GUID, or the path of a file with slashes.

    `content_hash` is the SHA-256 in hex of what would make it another revision. `manuscript` is None if the content has
    the hash that the reader knows.
    """

    ref: str
    content_hash: str
    manuscript: Manuscript | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableItem:
    """An item (or a subfolder) that could not be read, and why. `content_hash` is empty if its bytes are unknown.

    An error that is no SourceError is a mistake in the code of its format.
    """

    ref: str
    error: Exception
    content_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneItem:
    """An item that the source had before, and has no more."""

    ref: str


ReadItem: TypeAlias = SourceItem | UnreadableItem | GoneItem
