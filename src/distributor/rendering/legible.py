"""Text without what no reader can see and no XML document may hold."""

from __future__ import annotations

import re

# The mandatory breaks of Unicode annex 14 that texts from elsewhere bring along.
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
# XML 1.0, section 2.2, less the control characters it allows; halves of surrogate pairs are not among its characters.
_NOT_LEGIBLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """`text` with lines that end in ``\\n``, without control characters and halves of surrogate pairs."""
    return _NOT_LEGIBLE.sub("", _LINE_END.sub("\n", text))
