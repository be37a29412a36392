"""Addresses of people, masked for those who may not see them."""

from __future__ import annotations

import re

# Whatever may be an address, with whatever surrounds it in the words of a server; in links its @ may be written as %40.
# It begins where a word does, so that a long text without one takes no time.
_ADDRESS = re.compile(r"(?<![^\s<>\"'(),:;\[\]@])[^\s<>\"'(),:;\[\]@]+(?:@|%40)(?=[^\s<>\"'(),:;\[\]@])")


def masked(text: str) -> str:
    """The text with the beginning of each address in it instead of all that is before its @: ``a…@example.org``."""
    return _ADDRESS.sub(lambda found: f"{found[0][0]}…@", text)
