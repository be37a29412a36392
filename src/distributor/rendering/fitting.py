"""Cutting text to a length, so that what remains reads well."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import regex

from distributor.rendering.measuring import grapheme_boundaries, url_spans

Measure: TypeAlias = Callable[[str], int]

# The share of the room that a beginning has to fill to be preferred to a longer one which is cut less well.
_WHOLE_SENTENCES = 0.6
_PARAGRAPHS_OF_THREAD, _SENTENCES_OF_THREAD = 0.4, 0.3

_ELLIPSIS = "…"
# A text does not break off behind these; an opening bracket or a comma would hang in the air.
_HANGING = " \t\r\n,;:–—-([{«„“‘¿¡/&、，；：・（「『"

_TAG_OR_MENTION = regex.compile(r"(?<![\p{L}\p{N}_])[#＃@＠$][\p{L}\p{M}\p{N}_]+(?:@[\w.-]*\w)?")
_WORD_END = regex.compile(r"(?<=\S)(?=\s)")
_PARAGRAPH_END = regex.compile(r"(?<=\S)(?=[^\S\n]*\n\s*\n)")
# Between two signs of a script without spaces, but not before the punctuation that belongs to the first.
_BETWEEN_UNSPACED = regex.compile(
    r"(?<=[\p{Han}\p{Hiragana}\p{Katakana}]|[、。，！？」』）])(?=[\p{Han}\p{Hiragana}\p{Katakana}「『（])(?![ーっゃゅょッャュョ])"
)
_SENTENCE_END = regex.compile(
    r"""
      (?<=[.!?…։።॥।؟۔] [\p{Pf}\p{Pe}"'”’]*) (?= \s+ [^\s\p{Ll}] )    # a stop, perhaps quoted, before no small letter
    | (?<=[。！？｡] [\p{Pf}\p{Pe}]*) (?! [\p{Pf}\p{Pe}。！？｡] ) (?= . )   # where no space follows a stop
    | (?<=\S) (?= [^\S\n]* \n )                                       # the end of a line
    """,
    flags=regex.VERBOSE | regex.DOTALL,
)
# "Dr.", "J.", "U.S.", "1." at the start of a line: a full stop that ends no sentence.
_ABBREVIATION = regex.compile(
    r"(?:(?<![\p{L}\p{N}.])(?:mr|mrs|ms|dr|prof|st|vs|no|nr|fig|e\.g|i\.e|cf|approx|ca|bzw|z\.\s?b|vgl|p\.\s?ej|sr|sra|m)"
    r"|(?<![\p{L}\p{N}])(?:\p{L}\.)*\p{Lu}|(?:^|\n)\s*\d{1,3})\.$",
    flags=regex.IGNORECASE,
)


def fit(text: str, *, limit: int, measure: Measure) -> str:
    """The text if it measures no more than `limit`, else the longest good beginning of it.

    That is one or more whole sentences if they fill much of the room, else whole words and "…". No address, hashtag,
    mention or grapheme is ever cut in two; if not even a beginning fits, the answer is "…" or empty.
    """
    if measure(text) <= limit:
        return text
    cuts = _Cuts(text)
    empty = measure("")

    def whole(cut: int) -> str:
        return text[:cut].rstrip()

    def broken_off(cut: int) -> str:
        kept = cuts.without_hanging(cut)
        if not kept or kept in cuts.sentences:
            return text[:kept]
        gap = " " if kept in cuts.address_ends else ""
        return f"{text[:kept]}{gap}{_ELLIPSIS}"

    said = _longest(cuts.sentences, whole, limit=limit, measure=measure)
    if said and measure(said) - empty >= _WHOLE_SENTENCES * (limit - empty):
        return said
    for kind in (cuts.words, cuts.graphemes):
        begun = _longest(kind, broken_off, limit=limit, measure=measure)
        if begun:
            return begun
    return said or (_ELLIPSIS if measure(_ELLIPSIS) <= limit else "")


def split_thread(text: str, *, limit: int, measure: Measure) -> list[str]:
    """The text in parts of at most `limit`, cut between paragraphs, sentences or words, whichever fills a part well.

    Nothing but the white space at the cuts is lost. Only what is too long for a whole part (an endless word, then a
    hashtag or an address) is cut inside. Raises ValueError if the limit has no room for a single sign.
    """
    text = text.strip()
    cuts = _Cuts(text)
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = _end_of_part(text, start, cuts=cuts, limit=limit, measure=measure)
        parts.append(text[start:end].rstrip())
        start = end + len(text[end:]) - len(text[end:].lstrip())
    return parts


def beginnings(text: str) -> list[str]:
    """The text up to the end of its first sentence, of its second, and so on; the last one is all of it."""
    ends = [*_sentence_ends(text), len(text)]
    return list(dict.fromkeys(beginning for end in ends if (beginning := text[:end].strip())))


class _Cuts:
    """Where a text may be cut: offsets in code points, in order, none inside a grapheme or an address.

    An address here is whatever loses its meaning in halves: a URL, a hashtag, a mention.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        addresses = [*url_spans(text), *(match.span() for match in _TAG_OR_MENTION.finditer(text))]
        inside = {offset for start, end in addresses for offset in range(start + 1, end)}
        self.address_ends = frozenset(end for _, end in addresses)
        self.all_graphemes = grapheme_boundaries(text)
        self.graphemes = [offset for offset in self.all_graphemes if offset not in inside]
        allowed = frozenset(self.graphemes)
        self.paragraphs = [offset for offset in _ends(_PARAGRAPH_END, text) if offset in allowed]
        self.sentences = [offset for offset in _sentence_ends(text) if offset in allowed]
        self.words = sorted({*_ends(_WORD_END, text), *_ends(_BETWEEN_UNSPACED, text)} & allowed)

    def without_hanging(self, cut: int) -> int:
        """The offset up to `cut` behind which nothing hangs in the air."""
        while cut and self._text[cut - 1] in _HANGING and cut not in self.address_ends:
            cut -= 1
        return cut


def _end_of_part(text: str, start: int, *, cuts: _Cuts, limit: int, measure: Measure) -> int:
    """Where the part that begins at `start` ends best."""

    def made(cut: int) -> str:
        return text[start:cut].rstrip()

    for kind, share in (
        ([*cuts.paragraphs, len(text)], _PARAGRAPHS_OF_THREAD),
        (cuts.sentences, _SENTENCES_OF_THREAD),
        (cuts.words, 0.0),
        (cuts.graphemes, 0.0),
        (cuts.all_graphemes, 0.0),
        (range(start + 1, len(text)), 0.0),
    ):
        part = _longest(kind[bisect_right(kind, start) :], made, limit=limit, measure=measure)
        if part and (start + len(part) == len(text) or measure(part) >= share * limit):
            return start + len(part)
    raise ValueError(f"a limit of {limit} has no room for a single sign")


def _longest(cuts: Sequence[int], made: Callable[[int], str], *, limit: int, measure: Measure) -> str:
    """What is made of the last cut that fits, or nothing. Longer beginnings are taken to measure no less.

    Looks at short beginnings first, because measuring a long one takes long. The answer itself has been measured.
    """
    failpoint = 1
    while failpoint < len(cuts) and measure(made(cuts[failpoint - 1])) <= limit:
        failpoint *= 2
    fitting = bisect_left(cuts[:failpoint], True, key=lambda cut: measure(made(cut)) > limit)
    return made(cuts[fitting - 1]) if fitting else ""


def _sentence_ends(text: str) -> Iterator[int]:
    for end in _ends(_SENTENCE_END, text):
        if not _ABBREVIATION.search(text, max(end - 12, 0), end):
            yield end


def _ends(pattern: regex.Pattern[str], text: str) -> list[int]:
    return [match.end() for match in pattern.finditer(text)]
