"""Finds email addresses in the text of bounce notices."""

from __future__ import annotations

import re

# Bounded, so that no text makes the search slow. Quoted local parts are rare but real.
ADDRESS = (
    r"(?:\"[^\"\n]{1,64}\""
    r"|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,128})@(?:[A-Za-z0-9](?:[\w.-]{0,250}[A-Za-z0-9])?"
    r"|\[[\d.:A-Fa-f]{2,45}\])"
)
_ADDRESS = re.compile(ADDRESS)
_EDGES = "'`=*.,;:|/{}~!"


def find_address(text: str) -> str:
    """The first address in a text, without surrounding punctuation, or an empty string."""
    found = _ADDRESS.search(text)
    return trim_address(found[0]) if found else ""


def find_addresses(text: str) -> list[str]:
    """Every address in a text, each once, in order."""
    return list(dict.fromkeys(trim_address(found) for found in _ADDRESS.findall(text)))


def mask_addresses(text: str) -> str:
    """The text with its addresses replaced by "…", so that words in addresses match no phrase."""
    return _ADDRESS.sub("…", text)


def trim_address(address: str) -> str:
    """An address without the punctuation that the pattern matched with it."""
    return address.strip(_EDGES).removeprefix("mailto:")
