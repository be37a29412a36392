"""Shortens text to a limit, or splits it into a thread, at places where it reads well."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

import regex

from distributor.rendering.measuring import grapheme_boundaries, url_spans

Measure: TypeAlias = Callable[[str], int]

# The share of the limit that a better cut must fill to be preferred to a longer text with a worse cut.
_SENTENCE_SHARE = 0.6
_THREAD_PARAGRAPH_SHARE, _THREAD_SENTENCE_SHARE = 0.4, 0.3

_ELLIPSIS = "…"
# A shortened text must not end with one of these, such as a comma or an opening bracket.
_DANGLING = " \t\r\n,;:–—-([{«„“‘¿¡/&、，；：・（「『"

_TAG_OR_MENTION = regex.compile(r"(?<![\p{L}\p{N}_])[#＃@＠$][\p{L}\p{M}\p{N}_]+(?:@[\w.-]*\w)?")
_NOT_SPACE = regex.compile(r"\S")
_WORD_END = regex.compile(r"(?<=\S)(?=\s)")
_PARAGRAPH_END = regex.compile(r"(?<=\S)(?=[^\S\n]*\n\s*\n)")
# Between two characters of a script without spaces, but not before punctuation that belongs to the first.
_BETWEEN_UNSPACED = regex.compile(
    r"(?<=[\p{Han}\p{Hiragana}\p{Katakana}]|[、。，！？」』）])(?=[\p{Han}\p{Hiragana}\p{Katakana}「『（])(?![ーっゃゅょッャュョ])"
)
# The first conditions hold once in a run of spaces or of closing marks, so that the others look at each run once.
_SENTENCE_END = regex.compile(
    r"""
      # A stop, perhaps quoted, not before lower case.
      (?<=\S) (?=\s) (?<=[.!?…։።॥।؟۔] [\p{Pf}\p{Pe}"'”’]*) (?= \s++ [^\s\p{Ll}] )
      # Scripts without spaces.
    | (?<=[\p{Pf}\p{Pe}。！？｡]) (?! [\p{Pf}\p{Pe}。！？｡] ) (?= . ) (?<=[。！？｡] [\p{Pf}\p{Pe}]*)
      # The end of a line.
    | (?<=\S) (?= [^\S\n]* \n )
    """,
    flags=regex.VERBOSE | regex.DOTALL,
)
# "Dr.", "J.", "U.S.", "1." at the start of a line: a full stop that does not end a sentence.
_ABBREVIATION = regex.compile(
    r"(?:(?<![\p{L}\p{N}.])(?:mr|mrs|ms|dr|prof|st|vs|no|nr|fig|e\.g|i\.e|cf|approx|ca|bzw|z\.\s?b|vgl|p\.\s?ej|sr|sra|m)"
    r"|(?<![\p{L}\p{N}])(?:\p{L}\.)*\p{Lu}|(?:^|\n)\s*\d{1,3})\.$",
    flags=regex.IGNORECASE,
)


def fit(text: str, *, limit: int, measure: Measure) -> str:
    """The text if it measures at most `limit`, else its longest prefix that reads well.

    That is one or more whole sentences if they fill enough of the limit, else whole words and "…". URLs, hashtags,
    mentions and graphemes are never cut; if no prefix fits, the result is "…" or empty.
    """
    if measure(text) <= limit:
        return text
    cuts = _Cuts(text)
    empty = measure("")

    def whole(cut: int) -> str:
        return text[:cut].rstrip()

    def truncated(cut: int) -> str:
        kept = cuts.without_dangling(cut)
        if not kept or kept in cuts.sentences:
            return text[:kept]
        gap = " " if kept in cuts.entity_ends else ""
        return f"{text[:kept]}{gap}{_ELLIPSIS}"

    sentences = _longest(cuts.sentences, whole, limit=limit, measure=measure)
    if sentences and measure(sentences) - empty >= _SENTENCE_SHARE * (limit - empty):
        return sentences
    for kind in (cuts.words, cuts.graphemes):
        prefix = _longest(kind, truncated, limit=limit, measure=measure)
        if prefix:
            return prefix
    return sentences or (_ELLIPSIS if measure(_ELLIPSIS) <= limit else "")


def split_thread(text: str, *, limit: int, measure: Measure) -> list[str]:
    """The text in parts of at most `limit`, cut between paragraphs, sentences or words, whichever fills a part enough.

    Only the white space at the cuts is removed. A word, hashtag or URL is cut only if it is longer than a whole part.
    Raises ValueError if the limit is too small for a single character.
    """
    text = text.strip()
    cuts = _Cuts(text)
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = _end_of_part(text, start, cuts=cuts, limit=limit, measure=measure)
        parts.append(text[start:end].rstrip())
        start = _first_word(text, end)
    return parts


def beginnings(text: str) -> Iterator[str]:
    """The text up to the end of its first sentence, of its second, and so on; the last one is the whole text."""
    last = ""
    for end in chain(_sentence_ends(text), [len(text)]):
        beginning = text[:end].strip()
        if beginning != last:
            yield (last := beginning)


class _Cuts:
    """Where a text may be cut: offsets in code points, in order, none inside a grapheme, URL, hashtag or mention."""

    def __init__(self, text: str) -> None:
        self._text = text
        entities = [*url_spans(text), *(match.span() for match in _TAG_OR_MENTION.finditer(text))]
        inside = {offset for start, end in entities for offset in range(start + 1, end)}
        self.entity_ends = frozenset(end for _, end in entities)
        self.all_graphemes = grapheme_boundaries(text)
        self.graphemes = [offset for offset in self.all_graphemes if offset not in inside]
        allowed = frozenset(self.graphemes)
        # The end of the text counts as that of its last paragraph.
        self.paragraphs = [offset for offset in [*_ends(_PARAGRAPH_END, text), len(text)] if offset in allowed]
        self.sentences = [offset for offset in _sentence_ends(text) if offset in allowed]
        self.words = sorted({*_ends(_WORD_END, text), *_ends(_BETWEEN_UNSPACED, text)} & allowed)

    def without_dangling(self, cut: int) -> int:
        """The last offset up to `cut` that is not after a dangling character."""
        while cut and self._text[cut - 1] in _DANGLING and cut not in self.entity_ends:
            cut -= 1
        return cut


def _end_of_part(text: str, start: int, *, cuts: _Cuts, limit: int, measure: Measure) -> int:
    """The best end of the part that begins at `start`."""

    def part_to(cut: int) -> str:
        return text[start:cut].rstrip()

    # The other cuts are among these, so that only texts of about the length of a part are measured.
    part = _longest(cuts.graphemes, part_to, after=start, limit=limit, measure=measure)
    for kind, share in (
        (cuts.paragraphs, _THREAD_PARAGRAPH_SHARE),
        (cuts.sentences, _THREAD_SENTENCE_SHARE),
        (cuts.words, 0.0),
    ):
        last = bisect_right(kind, start + len(part)) - 1
        end = kind[last] if last >= 0 and kind[last] > start else start
        if end > start and (end == len(text) or measure(part_to(end)) >= share * limit):
            return start + len(part_to(end))
    part = part or _longest(cuts.all_graphemes, part_to, after=start, limit=limit, measure=measure)
    part = part or _longest(range(start + 1, len(text)), part_to, limit=limit, measure=measure)
    if not part:
        raise ValueError(f"a limit of {limit} is too small for a single character")
    return start + len(part)


def _longest(cuts: Sequence[int], build: Callable[[int], str], *, limit: int, measure: Measure, after: int = -1) -> str:
    """The text that `build` makes for the last cut that fits, or empty. Assumes that a longer text measures no less.

    Galloping search from the first cut after `after`: short texts are tried first, because measuring a long text is
    slow.
    """
    first, count = bisect_right(cuts, after), 1
    while first + count < len(cuts) and measure(build(cuts[first + count - 1])) <= limit:
        count *= 2
    last = min(first + count, len(cuts))
    fitting = bisect_left(cuts, True, first, last, key=lambda cut: measure(build(cut)) > limit)
    return build(cuts[fitting - 1]) if fitting > first else ""


def _first_word(text: str, start: int) -> int:
    """The offset of the first character from `start` on that is no white space."""
    found = _NOT_SPACE.search(text, start)
    return found.start() if found else len(text)


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        if not _ABBREVIATION.search(text, max(end - 12, 0), end):
            yield end


def _ends(pattern: regex.Pattern[str], text: str) -> list[int]:
    return [match.end() for match in pattern.finditer(text)]
