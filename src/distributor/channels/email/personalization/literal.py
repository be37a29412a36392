"""Keeps what an article says from being taken for a token: ``@@name@@`` in a text about diffs or mails stays text.

While a mail is rendered, a mark stands between two signs of such a text; at the end the mark is turned into what a
reader does not see.
"""

from __future__ import annotations

import re

from distributor.rendering.legible import legible

# A noncharacter (Unicode, section 23.7): never part of a text that is interchanged, yet allowed in XML.
_MARK = "\ufdd0"
_NEIGHBOURS = re.compile("@(?=@)")
_TOKEN_LIKE = re.compile(f"@{_MARK}@([^\\s@{_MARK}]+)@{_MARK}@")
_WORD_JOINER = "\u2060"


def keep_literal(text: str) -> str:
    """`text` as XML can hold it, with a mark between neighbouring signs for one of the functions below to resolve."""
    return _NEIGHBOURS.sub(f"@{_MARK}", legible(text).replace(_MARK, ""))


def literal_in_html(html: str) -> str:
    """The marked signs as character references: the same to a reader, and no token to a program."""
    return html.replace(f"{_MARK}@", "&#64;")


def literal_in_text(text: str) -> str:
    """The marked signs as they were, but for what looks like a token: that gets a joiner without width inside."""
    apart = _TOKEN_LIKE.sub(rf"@{_WORD_JOINER}@\1@{_WORD_JOINER}@", text)
    return apart.replace(_MARK, "")
