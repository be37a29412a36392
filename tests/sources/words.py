"""Counts the words of texts and manuscripts, for tests that no word is lost."""

from __future__ import annotations

import re
from collections import Counter

from distributor.domain.article import Manuscript
from distributor.domain.blocks import List, plain_text, walk

_WORD = re.compile(r"[^\W_]+")


def words_in(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def words_of(manuscript: Manuscript) -> Counter[str]:
    """Those of the title, the body with the numbers of its lists, and the tags."""
    numbers = [
        str(block.start + place)
        for block in walk(manuscript.body)
        if isinstance(block, List) and block.ordered
        for place in range(len(block.items))
    ]
    labels = [name for tag in manuscript.tags for name in (tag.label, *tag.synonyms)]
    return words_in("\n".join([manuscript.title, plain_text(manuscript.body), *numbers, *labels]))
