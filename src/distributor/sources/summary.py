"""A summary for articles whose author wrote none: the beginning of the first paragraph."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from distributor.domain.blocks import Block, Paragraph, plain_text, text_of

LONGEST_SUMMARY = 200

_SENTENCE_END = regex.compile(r"[.!?…][\"'”’»)]*(?=\s)|[。！？]")
# A shorter first sentence says too little to stand alone.
_LEAST = 80


def summarise(body: Sequence[Block]) -> str:
    """At most LONGEST_SUMMARY characters: whole sentences if that leaves enough, else whole words and an ellipsis."""
    paragraphs = (text_of(block.runs) for block in body if isinstance(block, Paragraph))
    text = " ".join((next(paragraphs, "") or plain_text(body)).split())
    if len(text) <= LONGEST_SUMMARY:
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, LONGEST_SUMMARY + 1)]
    fitting = [end for end in ends if _LEAST <= end <= LONGEST_SUMMARY]
    return text[: fitting[-1]] if fitting else f"{_whole_words(text)}…"


def _whole_words(text: str) -> str:
    """As many words as fit before the ellipsis, or where there are no spaces as many graphemes."""
    room = LONGEST_SUMMARY - 1
    space = text.rfind(" ", _LEAST, room + 1)
    if space >= 0:
        return text[:space].rstrip(" ,;:–—-")
    end = 0
    for grapheme in regex.finditer(r"\X", text, endpos=room + 50):
        if grapheme.end() > room:
            break
        end = grapheme.end()
    return text[:end]
