"""How probable a word is in a language, by its letters and the letters beside them."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from distributor.domain.encodings.sample_words import SAMPLE_WORDS

# The characters of these languages are counted one by one: there are thousands, each word has few of them.
IDEOGRAPHIC = ("zh-Hans", "zh-Hant", "ja", "ko")
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "GREEK": ("el",),
    "CYRILLIC": ("ru", "uk", "bg", "sr", "be"),
    "HEBREW": ("he",),
    "ARABIC": ("ar",),
    "THAI": ("th",),
    "IDEOGRAPHIC": IDEOGRAPHIC,
}
LANGUAGES: Mapping[str, tuple[str, ...]] = {
    **_SCRIPTS,
    "LATIN": tuple(code for code in SAMPLE_WORDS if not any(code in codes for codes in _SCRIPTS.values())),
}
_VOWELS = frozenset("aeiouyæøœıαεηιουωаеёиоуыэюяіїєъะาำเแโใไ")
_START, _END = "^", "$"
# How many sample words the general rules outweigh: those of the letter before, and of the alphabet.
_PAIR_WEIGHT = 6.0
_ALPHABET_WEIGHT = 8.0
# The share of each other letter of a script in a language that does not have it.
_RARE_LETTER = 1 / 1000
_MAX_LETTERS = 24


@lru_cache(maxsize=4096)
def log_probabilities(word: str, script: str) -> tuple[float, ...]:
    """The logarithm to base 2 of the probability of a word in lower case in each of the `LANGUAGES` of its script."""
    return tuple(_model(language, script).log_probability(word[:_MAX_LETTERS]) for language in LANGUAGES[script])


def lower(word: str) -> str:
    """In lower case. The capital I with dot of Turkish stays, since it is a letter of its own."""
    return "İ".join(part.lower() for part in word.split("İ"))


class _LetterModel:
    """Letters by the one before, with the pattern of vowels and consonants for pairs that the sample does not have."""

    def __init__(self, words: Iterable[str], script: str) -> None:
        self._script = script
        self._letters: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._firsts: Counter[str] = Counter()
        for word in words:
            for before, letter in zip(_START + word, word + _END, strict=True):
                self._letters[letter] += 1
                self._pairs[before, letter] += 1
                self._firsts[before] += 1
        self._total = self._letters.total()
        self._kinds: defaultdict[str, float] = defaultdict(float)
        for letter in {*self._letters, *"abcdefghijklmnopqrstuvwxyz"}:
            self._kinds[_kind(letter)] += self._share(letter)
        self._known: dict[tuple[str, str, str], float] = {}

    def log_probability(self, word: str) -> float:
        total = 0.0
        kind_before, before = _START, _START
        for letter in word + _END:
            key = (kind_before, before, letter)
            if key not in self._known:
                self._known[key] = math.log2(self._probability(*key))
            total += self._known[key]
            kind_before, before = _kind(before), letter
        return total

    def _probability(self, kind_before: str, before: str, letter: str) -> float:
        kind = _kind(letter)
        general = share = self._share(letter)
        if of_kind := self._kinds[kind]:
            pattern = _pattern(self._script)
            followed = pattern[kind_before, _kind(before), ""] + 2.0
            general *= (pattern[kind_before, _kind(before), kind] + 0.5) / followed / max(of_kind, share)
        pairs = self._pairs[before, letter]
        return (pairs + _PAIR_WEIGHT * general) / (self._firsts[before] + _PAIR_WEIGHT)

    def _share(self, letter: str) -> float:
        base = 1 / 30 if letter.isascii() else _RARE_LETTER
        return (self._letters[letter] + _ALPHABET_WEIGHT * base) / (self._total + _ALPHABET_WEIGHT)


class _CharacterModel:
    """Characters of Chinese, Japanese and Korean by themselves, with the frequent ones of the national standards."""

    def __init__(self, language: str, text: str) -> None:
        self._language = language
        self._characters = Counter("".join(text.split()))
        self._total = self._characters.total()
        self._known: dict[str, float] = {}

    def log_probability(self, word: str) -> float:
        return sum(map(self._character, word))

    def _character(self, char: str) -> float:
        if char not in self._known:
            sample = self._characters[char] / self._total
            self._known[char] = math.log2(0.5 * sample + 0.5 * self._standard(char))
        return self._known[char]

    def _standard(self, char: str) -> float:
        """The probability of a character if those of the first level of the national standard are equally frequent."""
        if _script(char) in {"HIRAGANA", "KATAKANA"}:
            return 0.4 / 180 if self._language == "ja" else 1e-6
        codec, low, high, size = _FIRST_LEVELS[self._language]
        try:
            lead = char.encode(codec)[0]
        except UnicodeEncodeError:
            return 1e-6
        return 0.5 / size if low <= lead <= high else 1e-5


# The codec of the national standard, its lead bytes of frequent characters, and how many there are.
_FIRST_LEVELS: Mapping[str, tuple[str, int, int, int]] = {
    "zh-Hans": ("gb2312", 0xB0, 0xD7, 3755),
    "zh-Hant": ("big5", 0xA4, 0xC6, 5401),
    "ja": ("euc_jp", 0xB0, 0xCF, 2965),
    "ko": ("euc_kr", 0xB0, 0xC8, 2350),
}


@cache
def _model(language: str, script: str) -> _LetterModel | _CharacterModel:
    text = SAMPLE_WORDS[language]
    if language in IDEOGRAPHIC:
        return _CharacterModel(language, text)
    return _LetterModel(map(lower, text.split()), script)


@cache
def _pattern(script: str) -> Counter[tuple[str, str, str]]:
    """How often vowels and consonants follow two others in the sample words of a script."""
    found: Counter[tuple[str, str, str]] = Counter()
    for language in LANGUAGES[script]:
        for word in SAMPLE_WORDS[language].split():
            kinds = [_START, _START, *map(_kind, lower(word)), _END]
            for one, two, three in zip(kinds, kinds[1:], kinds[2:], strict=False):
                found[one, two, three] += 1
                found[one, two, ""] += 1
    return found


@cache
def _kind(letter: str) -> str:
    """Whether a letter is a vowel (V), a consonant (C) or a mark (M)."""
    if letter in {_START, _END}:
        return letter
    if unicodedata.category(letter).startswith("M"):
        return "M"
    return "V" if unicodedata.normalize("NFD", letter)[0] in _VOWELS else "C"


@cache
def _script(char: str) -> str:
    return unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0]


def script_of(char: str) -> str:
    """The script of a letter, as `LANGUAGES` names it, or empty if it is no letter or of no script there."""
    category = unicodedata.category(char)
    if category[0] not in "LM" or char in "ªºµʼ":
        return ""
    name = _script(char)
    if name in {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "HALFWIDTH"}:
        return "IDEOGRAPHIC"
    if name == "COMBINING":
        return "LATIN"
    return name if name in LANGUAGES else ""
