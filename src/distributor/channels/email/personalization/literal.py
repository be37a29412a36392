"""Keeps text of an article from being taken for a token: ``@@name@@`` in an article about mails stays text.

While a mail is rendered, such text has a mark between its neighbouring @; at the end the mark is replaced by something
that a reader does not see.
"""

from __future__ import annotations

import re

from distributor.rendering.sanitize import printable

# A noncharacter (Unicode, section 23.7): never part of a text that is interchanged, yet allowed in XML.
_MARK = "\ufdd0"
_NEIGHBOURS = re.compile("@(?=@)")
_TOKEN_LIKE = re.compile(f"@{_MARK}@([^\\s@{_MARK}]+)@{_MARK}@")
_WORD_JOINER = "\u2060"


def keep_literal(text: str) -> str:
    """`text` as XML can hold it, with a mark between neighbouring @ for one of the functions below to resolve."""
    return _NEIGHBOURS.sub(f"@{_MARK}", printable(text).replace(_MARK, ""))


def literal_in_html(html: str) -> str:
    """The marked @ as character references: the same for a reader, and not a token for a program."""
    return html.replace(f"{_MARK}@", "&#64;")


def literal_in_text(text: str) -> str:
    """The marked @ as they were, except in text that looks like a token: there a word joiner is inserted."""
    apart = _TOKEN_LIKE.sub(rf"@{_WORD_JOINER}@\1@{_WORD_JOINER}@", text)
    return apart.replace(_MARK, "")
