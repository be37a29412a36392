"""Tags to suggest for an article: existing ones that its text names, then phrases that it repeats (tf-idf)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from distributor.domain.blocks import Block, Heading, List, Paragraph, plain_text, text_of, walk
from distributor.domain.hashtags import UNSPACED, compared_words
from distributor.domain.tags import Tag

MOST_SUGGESTIONS = 10

# The weight of a mention, by its position in the text; the summary and the lead are often the same.
_TITLE, _HEADING, _LEAD, _PROSE, _LIST = 6.0, 2.0, 0.9, 1.0, 0.5
# Words of the longest existing tag that is looked for, and of the longest phrase that is suggested.
_LONGEST_NAME, _LONGEST_PHRASE = 8, 3
# A phrase says more than a word: each word more counts so much more.
_FOR_EACH_WORD = 0.8
# Fewer mentions than these, by the number of words, may be chance; what scores so much less than the best does not
# stand for the text.
_FEWEST_MENTIONS = {1: 4, 2: 2, 3: 2}
_SMALLEST_SHARE = 0.1
_SHORTEST_WORD = 4
# With fewer articles to compare with, how rare a word is says nothing.
_FEWEST_OTHERS = 3

_END = regex.compile(r"[^\p{L}\p{M}\p{N}\s'’‘ʼ&/\u200c\u200d-]+|\s[-/&]\s|\n+")
_WORD = regex.compile(rf"{UNSPACED}\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}'’ʼ\u200c\u200d]--{UNSPACED}]+", regex.VERSION1)
_IS_UNSPACED = regex.compile(UNSPACED)
_LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True, slots=True)
class SuggestedTag:
    """A label to offer; `is_known` if there is such a tag."""

    label: str
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextToTag:
    """What an article says. `language` is a BCP 47 tag."""

    title: str
    summary: str
    body: Sequence[Block]
    language: str


@dataclass(slots=True)
class _Mentions:
    """How often a phrase is mentioned, weighted, and how it is written in sentences."""

    weight: float = 0.0
    count: int = 0
    is_in_title: bool = False
    spellings: Counter[str] = field(default_factory=Counter)


def suggest_tags(
    text: TextToTag,
    known: Iterable[Tag],
    *,
    stop_words: Collection[str],
    others: Sequence[Collection[str]],
    most: int = MOST_SUGGESTIONS,
) -> tuple[SuggestedTag, ...]:
    """At most `most` tags, the best first: existing ones in the text, then its key phrases.

    `stop_words` are those of its language among its `words_of_text`; `others` are these words of other articles.
    Phrases of scripts without spaces are not found, existing tags in them are.
    """
    mentions = _mentions_in(text)
    found, named = _known_tags(mentions, known, stop_words)
    suggested = [SuggestedTag(tag.label, is_known=True) for tag in found]
    for key in _key_phrases(mentions, stop_words, others, besides=named):
        if len(suggested) >= most:
            break
        suggested.append(SuggestedTag(_label_of(mentions[key]), is_known=False))
    return tuple(suggested[:most])


def words_of_text(text: TextToTag) -> frozenset[str]:
    """The words of an article, fit to be compared."""
    return frozenset(word for _, part in _parts_of(text) for word in compared_words(part))


def _parts_of(text: TextToTag) -> Iterator[tuple[float, str]]:
    """The parts of a text with the weight of a mention in them."""
    headings = [block for block in walk(text.body) if isinstance(block, Heading)]
    lists = [block for block in text.body if isinstance(block, List)]
    prose = [block for block in text.body if not isinstance(block, Heading | List)]
    lead = next((text_of(block.runs) for block in prose if isinstance(block, Paragraph)), "")
    yield _TITLE, text.title
    yield _LEAD, text.summary if text.summary else lead
    for weight, blocks in ((_HEADING, headings), (_LIST, lists), (_PROSE, prose)):
        yield from ((weight, plain_text([block])) for block in blocks)


def _mentions_in(text: TextToTag) -> dict[tuple[str, ...], _Mentions]:
    """The mentions of every phrase: words in a row that no punctuation divides."""
    found: dict[tuple[str, ...], _Mentions] = {}
    for weight, part in _parts_of(text):
        for segment in _END.split(part):
            _count_segment(found, segment, weight)
    return found


def _count_segment(found: dict[tuple[str, ...], _Mentions], segment: str, weight: float) -> None:
    places = [(*place.span(), _compared(place[0])) for place in _WORD.finditer(segment)]
    places = [(start, end, words) for start, end, words in places if words]
    for first in range(len(places)):
        key: tuple[str, ...] = ()
        for _, end, words in places[first : first + _LONGEST_NAME]:
            key += words
            mentions = found.setdefault(key, _Mentions())
            mentions.weight += weight
            mentions.count += weight != _LEAD
            mentions.is_in_title |= weight == _TITLE
            written = segment[places[first][0] : end].strip("'’ʼ")
            if weight not in (_PROSE, _LIST):
                # Titles and headings may have capitals that the words do not have.
                mentions.spellings[written if written.isupper() else written.lower()] += 0
            else:
                mentions.spellings[written if first else _uncapitalised(written)] += 1


@lru_cache(maxsize=20_000)
def _compared(word: str) -> tuple[str, ...]:
    return tuple(compared_words(word))


def _known_tags(
    mentions: dict[tuple[str, ...], _Mentions], known: Iterable[Tag], stop_words: Collection[str]
) -> tuple[list[Tag], set[tuple[str, ...]]]:
    """The tags that the text names, the most often named first, and all of their names."""
    weights: dict[Tag, float] = {}
    named: set[tuple[str, ...]] = set()
    for tag in known:
        names = {tuple(compared_words(label)) for label in (tag.label, *tag.synonyms)} - {()}
        weight = sum(mentions[name].weight for name in names if name in mentions and not set(name) <= set(stop_words))
        if weight:
            weights[tag] = weight
            named |= names
    return sorted(weights, key=lambda tag: (-weights[tag], tag.label)), named


def _key_phrases(
    mentions: dict[tuple[str, ...], _Mentions],
    stop_words: Collection[str],
    others: Sequence[Collection[str]],
    *,
    besides: Collection[tuple[str, ...]],
) -> Iterator[tuple[str, ...]]:
    """The phrases that set the text apart, the best first, without those that say the same as a better one."""
    scores = {
        key: _score(key, found, others)
        for key, found in mentions.items()
        if key not in besides and _may_be_tag(key, found, stop_words)
    }
    least = _SMALLEST_SHARE * max(scores.values(), default=0)
    for key in sorted(scores, key=lambda one: (-scores[one], one)):
        if scores[key] < least:
            return
        if not any(_is_within(key, other, mentions) for other in (*besides, *scores)):
            yield key


def _may_be_tag(key: tuple[str, ...], found: _Mentions, stop_words: Collection[str]) -> bool:
    if len(key) > _LONGEST_PHRASE or any(word in stop_words for word in key):
        return False
    if any(_IS_UNSPACED.search(word) or not _LETTER.search(word) for word in key):
        return False
    label = _label_of(found)
    is_long = len(key) > 1 or len(label) >= _SHORTEST_WORD or label.isupper()
    return is_long and found.count + found.is_in_title * (len(key) == 1) >= _FEWEST_MENTIONS[len(key)]


def _score(key: tuple[str, ...], found: _Mentions, others: Sequence[Collection[str]]) -> float:
    """Term frequency by position, times how rare the words are in other articles."""
    rarity = 1.0
    if len(others) >= _FEWEST_OTHERS:
        having = sum(1 for words in others if all(word in words for word in key))
        rarity = math.log((len(others) + 1) / (having + 0.5))
    return found.weight * rarity * (1 + _FOR_EACH_WORD * (len(key) - 1))


def _is_within(key: tuple[str, ...], other: tuple[str, ...], mentions: dict[tuple[str, ...], _Mentions]) -> bool:
    """Whether the phrase is hardly ever mentioned but within a longer one."""
    if len(key) >= len(other) or other not in mentions:
        return False
    is_part = any(other[at : at + len(key)] == key for at in range(len(other) - len(key) + 1))
    return is_part and mentions[key].count < 2 * mentions[other].count


def _uncapitalised(written: str) -> str:
    """What stands at the beginning of a sentence, as it would stand within."""
    return written if written[1:2].isupper() else f"{written[:1].lower()}{written[1:]}"


def _label_of(found: _Mentions) -> str:
    """The phrase as it is written most often within sentences."""
    return min(found.spellings, key=lambda text: (-found.spellings[text], text), default="")
