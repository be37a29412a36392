"""Text without what no reader can see and no XML document may hold."""

from __future__ import annotations

import re

# XML 1.0, section 2.2; halves of surrogate pairs are not among its characters either.
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """`text` with lines that end in ``\\n``, without control characters and halves of surrogate pairs."""
    return _NOT_IN_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
