"""Text that a database can store: without NUL and halves of characters, and short where it is part of a key.

An index entry of PostgreSQL has at most 2,704 bytes (a third of a page), and a character at most 4 of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json

# In characters. Two keys of this length still fit into one index entry.
LONGEST_KEY = 300
_HASH_LENGTH = 16
# PostgreSQL stores no NUL, and UTF-8 has no halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether a database can store the text as it is."""
    return not _UNSTORABLE.search(text)


def storable(text: str) -> str:
    """The text with a replacement character (U+FFFD) for each NUL and each half of a character."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable_json(value: Json) -> Json:
    """The value with every text in it made `storable`, the names too."""
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(name): storable_json(part) for name, part in value.items()}
        case list() | tuple():
            return [storable_json(part) for part in value]
        case _:
            return value


def shortened(text: str, limit: int = LONGEST_KEY) -> str:
    """The text; if it is longer than `limit`, its beginning and a hash of the whole, so that it stays distinct."""
    return text if len(text) <= limit else _with_hash(text, limit)


def stored_key(text: str) -> str:
    """A key from outside as it is stored: distinct, of whatever length and characters it is."""
    is_stored = len(text) <= LONGEST_KEY and is_storable(text)
    return text if is_stored else storable(_with_hash(text, LONGEST_KEY))


def _with_hash(text: str, limit: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{text[: limit - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def checked_key(text: str, what: str, *, limit: int = LONGEST_KEY) -> str:
    """The text as it is, for a key that people choose. Raises InputError if it is too long or has control characters.

    `what` names the field in the message.
    """
    if len(text) > limit:
        raise InputError(f"{what} has {len(text)} characters, more than {limit}; choose a shorter one")
    if found := _CONTROL.search(text):
        raise InputError(f"{what} holds the character U+{ord(found[0]):04X}; write it without")
    return text
