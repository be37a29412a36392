"""Hashtags: which of an article's tags stand under a post, and how they are spelled there."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from distributor.domain.article import Article
from distributor.domain.blocks import Heading, List, Paragraph, plain_text, text_of, walk
from distributor.domain.errors import InputError
from distributor.domain.tags import Tag

# The weight of a mention of a tag, by its position in the article.
_TITLE, _HEADING, _LEAD, _PROSE, _LIST = 12.0, 3.0, 3.0, 1.0, 0.25
# "… such as lupus, psoriasis, and gout": what is enumerated is an example more often than the subject.
_ENUMERATED = 0.25

# Scripts written without spaces: each character counts as a word, so that a phrase is found inside a line.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_WORD_OR_COMMA = regex.compile(
    rf"{UNSPACED}\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--{UNSPACED}]+|[,،、，]", flags=regex.VERSION1
)
_COMMA, _COMMAS = ",", ",،、，"
_APOSTROPHES = str.maketrans("", "", "'’‘`ʼ")

# Zero width joiner and non-joiner: in Persian and in scripts of India they make other forms of the letters around them.
JOINERS = "\u200c\u200d"
# X takes letters, marks and decimal digits into a hashtag; the other networks take at least these. A joiner stands
# between letters, or at the end after a virama.
_WRITTEN_WORD = regex.compile(
    rf"[\p{{L}}\p{{M}}\p{{Nd}}]+(?:[{JOINERS}]+[\p{{L}}\p{{M}}\p{{Nd}}]+)*(?:(?<=\p{{CCC=9}})\u200d)?"
)
_LETTER = regex.compile(r"\p{L}")
# What all networks link whole: it holds a letter, and nothing that ends a hashtag.
_HASHTAG = regex.compile(
    rf"(?=.{{1,100}}$)(?=[\p{{L}}\p{{M}}\p{{Nd}}_{JOINERS}]*\p{{L}})(?:{_WRITTEN_WORD.pattern}|_)+", regex.DOTALL
)

# How signs are written in hashtags. Each pattern is one by which people search: #RnD, #Cpp, #CSharp, #DotNet.
_SPELLED: Sequence[tuple[regex.Pattern[str], Callable[[regex.Match[str]], str]]] = (
    (
        regex.compile(r"(?<!\p{L})(\p{Latin})\s*&\s*(\p{Latin})(?!\p{L})"),
        lambda found: f"{found[1].upper()}n{found[2].upper()}",
    ),
    (regex.compile(r"(?<!\p{L})(\p{Latin})\+\+"), lambda found: f"{found[1].upper()}pp "),
    (regex.compile(r"(?<=[\p{L}+])\+"), lambda _: " Plus "),
    (regex.compile(r"(?<=\p{Latin})[#♯]"), lambda _: " Sharp "),
    (regex.compile(r"(?<![^\s(])\.(\p{L}+)"), lambda found: f" Dot {found[1].title()}"),
    # Words that lose their vowel before another (d'été, dell'arte, O'Reilly): both parts are words to the eye.
    (
        regex.compile(
            r"(?<!\p{L})((?:[dljmnstco]|qu|(?:lors|puis|jus|quoi)qu|[dn]ell|[dsn]?all|sull|quell|un|gl))['’‘ʼ](?=\p{L}{2})",
            regex.IGNORECASE,
        ),
        lambda found: f"{found[1]} ",
    ),
)
# More are spam to readers and to networks.
MOST_HASHTAGS = 30

# Small words of the commoner Latin-script languages, without accents.
_SMALL_WORDS = """
    a an and at by for from in of on or the to with
    au aux das de del della der des di die du e el en et fur im la las le les los o og och para por pour und van von y
"""
_STOP_WORDS = frozenset(_SMALL_WORDS.split())
# Languages whose phrases begin with the word that is described ("thérapie génique"); the others end with it.
_HEAD_FIRST = frozenset({"ar", "ca", "es", "fa", "fr", "gl", "he", "id", "it", "ms", "pt", "ro", "sw", "th", "vi"})


def choose_hashtags(article: Article, *, most: int) -> tuple[str, ...]:
    """At most `most` hashtags for the article, without "#", the best first.

    Ranked by how often and where the article names the tag or a synonym; ties keep the order of the tags. Of tags that
    share their essential words ("stem cell therapy", "stem cell research") only the best is taken.
    """
    text = _Words.of(article)
    language = article.language.partition("-")[0].lower()
    ranked = sorted(article.tags, key=text.weight_of, reverse=True)
    chosen: dict[str, _Phrase] = {}
    for tag in ranked:
        if len(chosen) >= most:
            break
        hashtag = hashtag_of_tag(tag)
        phrase = _Phrase(words=tuple(compared_words(tag.label)), head_first=language in _HEAD_FIRST)
        if hashtag and not any(phrase.resembles(other) for other in chosen.values()):
            chosen[hashtag] = phrase
    return tuple(chosen)


def read_hashtags(text: str) -> tuple[str, ...]:
    """The hashtags that a person wrote, without "#", each once whatever its capitals: ``#Garden, Compost``.

    Raises InputError for a word that networks would not link whole.
    """
    return checked_hashtags(text.replace(",", " ").split())


def checked_hashtags(words: Iterable[str]) -> tuple[str, ...]:
    """These words as hashtags, as `read_hashtags` gives them. Raises InputError."""
    found: dict[str, str] = {}
    for word in words:
        hashtag = unicodedata.normalize("NFC", word.strip()).removeprefix("#").removeprefix("＃")
        if _HASHTAG.fullmatch(hashtag) is None:
            shown = word[:40]
            suggested = hashtag_of(word)
            hint = f": write #{suggested}" if suggested else ": it needs letters, and nothing but letters and digits"
            raise InputError(f"{shown!r} is no hashtag{hint}")
        found.setdefault(hashtag.casefold(), hashtag)
    if len(found) > MOST_HASHTAGS:
        raise InputError(f"a post has at most {MOST_HASHTAGS} hashtags, and these are {len(found)}")
    return tuple(found.values())


def without_joiners(hashtags: Iterable[str], *, kept: str = "") -> tuple[str, ...]:
    """The hashtags for a network where a joiner ends one, unless it is in `kept`; each once."""
    dropped = dict.fromkeys(map(ord, set(JOINERS) - set(kept)))
    return tuple(dict.fromkeys(hashtag.translate(dropped) for hashtag in hashtags))


def hashtag_of_tag(tag: Tag) -> str | None:
    """The hashtag of a tag: the one that was chosen for it, else that of its label."""
    return tag.stored_hashtag or hashtag_of(tag.label)


def hashtag_of(label: str) -> str | None:
    """The label as one word in CamelCase ("type 1 diabetes" → "Type1Diabetes"), or None if there is no such hashtag.

    Words that have capitals of their own keep them (MSC, mRNA). Signs that hashtags cannot hold are written as people
    do who search for them: #Cpp, #CSharp, #DotNet, #RnD, and without a sign in #ATT. Nothing is left of labels without
    letters ("2024"), and a single Latin letter ("C") would say nothing.
    """
    spelled = unicodedata.normalize("NFKC", label).strip().lstrip("#")
    for pattern, written in _SPELLED:
        spelled = pattern.sub(written, spelled)
    spelled = spelled.translate(_APOSTROPHES).replace(" & ", " and ")
    joined = "".join(_capitalised(word) for word in _WRITTEN_WORD.findall(spelled))
    if not _LETTER.search(joined) or (len(joined) == 1 and joined.isascii()):
        return None
    return joined


@dataclass(frozen=True, slots=True)
class _Words:
    """The words and commas of an article, by the part they are in."""

    prominent: Sequence[tuple[float, Sequence[str]]]
    running: Sequence[tuple[float, Sequence[str]]]

    @classmethod
    def of(cls, article: Article) -> _Words:
        headings = [block for block in walk(article.body) if isinstance(block, Heading)]
        lists = [block for block in article.body if isinstance(block, List)]
        prose = [block for block in article.body if not isinstance(block, Heading | List)]
        lead = next((text_of(block.runs) for block in prose if isinstance(block, Paragraph)), "")
        return cls(
            prominent=[
                (_TITLE, compared_words(article.title)),
                (_HEADING, compared_words(plain_text(headings))),
                (_LIST, compared_words(plain_text(lists))),
            ],
            running=[(_LEAD, _tokens(f"{article.summary}\n{lead}")), (_PROSE, _tokens(plain_text(prose)))],
        )

    def weight_of(self, tag: Tag) -> float:
        phrases = {tuple(compared_words(name)) for name in (tag.label, *tag.synonyms)} - {()}
        return sum(self._weight_of_phrase(phrase) for phrase in phrases)

    def _weight_of_phrase(self, phrase: Sequence[str]) -> float:
        weight = sum(each * len(_places_of(phrase, words)) for each, words in self.prominent)
        for each, words in self.running:
            for start in _places_of(phrase, words):
                weight += each * (_ENUMERATED if _is_enumerated(words, start, start + len(phrase)) else 1)
        return weight


@dataclass(frozen=True, slots=True)
class _Phrase:
    words: tuple[str, ...]
    head_first: bool

    @property
    def essential(self) -> frozenset[str]:
        """What sets the phrase apart: its words without the one they describe (therapy, disease, health …)."""
        telling = [word for word in self.words if word not in _STOP_WORDS] or list(self.words)
        if len(telling) == 1:
            return frozenset(telling)
        return frozenset(telling[1:] if self.head_first else telling[:-1])

    def resembles(self, other: _Phrase) -> bool:
        return (
            self.essential <= frozenset(other.words)
            or other.essential <= frozenset(self.words)
            or "".join(self.words) == "".join(other.words)
        )


def compared_words(text: str) -> list[str]:
    """Words of a text fit to be compared: no case, accents, apostrophes or plural.

    In scripts without spaces each character is one.
    """
    return [token for token in _tokens(text) if token != _COMMA]


def _tokens(text: str) -> list[str]:
    """Words fit to be compared, and the commas between them."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    bare = "".join(_without_accents(decomposed))
    found = _WORD_OR_COMMA.findall(unicodedata.normalize("NFC", bare).casefold())
    return [_COMMA if token in _COMMAS else _singular(token) for token in found]


def _without_accents(decomposed: str) -> Iterator[str]:
    """Marks are accents on Latin, Greek and Cyrillic letters; in other scripts they are vowels and stay."""
    base = ""
    for sign in decomposed:
        if not unicodedata.combining(sign):
            base = sign
        elif base < "\u0530":
            continue
        yield sign


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1]


def _places_of(phrase: Sequence[str], words: Sequence[str]) -> list[int]:
    """Where in `words` the phrase begins."""
    first, size, sought = phrase[0], len(phrase), list(phrase)
    return [start for start, word in enumerate(words) if word == first and words[start : start + size] == sought]


def _is_enumerated(words: Sequence[str], start: int, end: int) -> bool:
    """Whether a comma stands beside the words from `start` to `end`, or before an "and" in front of them."""
    before = [word for word in words[max(start - 2, 0) : start] if word not in _STOP_WORDS]
    return _COMMA in (*before[-1:], *words[end : end + 1])


def _capitalised(word: str) -> str:
    has_own_capitals = any(letter.isupper() for letter in word[1:])
    return word if has_own_capitals else f"{word[:1].title()}{word[1:]}"
