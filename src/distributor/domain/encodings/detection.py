"""Detects the encoding of text in an older encoding: which one makes its words those of a language."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from distributor.domain.encodings.labels import CODECS
from distributor.domain.encodings.language_models import LANGUAGES, log_probabilities, lower, script_of

# Readings whose costs differ by less than this, in bits, are near: the file has to say more, or a person.
NEAR = 12.0
_WEST = ("de", "fr", "es", "pt", "it", "nl", "sv", "da", "fi", "is", "ca", "ga")
_CENTRAL = ("pl", "cs", "sk", "hu", "ro", "hr", "de", "sq")
_BALTIC = ("lt", "lv", "et", "de")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """How much rarer an encoding is than Windows-1252, as a cost in bits, and the languages that are written in it."""

    cost: float
    languages: tuple[str, ...]


# Of readings that are the same, the first is used.
_CANDIDATES: Mapping[str, _Candidate] = {
    "windows-1252": _Candidate(0, _WEST),
    "windows-1250": _Candidate(2, _CENTRAL),
    "windows-1251": _Candidate(2, ("ru", "uk", "bg", "sr", "be")),
    "windows-1253": _Candidate(3, ("el",)),
    "windows-1254": _Candidate(3, ("tr", "de")),
    "windows-1255": _Candidate(3, ("he",)),
    "windows-1256": _Candidate(3, ("ar", "fr")),
    "windows-1257": _Candidate(3, _BALTIC),
    "windows-1258": _Candidate(7, ("vi", "fr")),
    "windows-874": _Candidate(4, ("th",)),
    "gb18030": _Candidate(3, ("zh-Hans", "zh-Hant")),
    "big5": _Candidate(3, ("zh-Hant",)),
    "shift_jis": _Candidate(3, ("ja",)),
    "euc-jp": _Candidate(4, ("ja",)),
    "euc-kr": _Candidate(3, ("ko",)),
    "iso-8859-2": _Candidate(4, _CENTRAL),
    "iso-8859-7": _Candidate(5, ("el",)),
    "iso-8859-15": _Candidate(5, (*_WEST, "et")),
    "koi8-r": _Candidate(4, ("ru", "bg")),
    "koi8-u": _Candidate(5, ("uk", "ru", "be")),
    "macintosh": _Candidate(4, _WEST),
    "ibm866": _Candidate(5, ("ru", "uk", "bg", "be")),
    "iso-8859-5": _Candidate(6, ("ru", "uk", "bg", "sr", "be")),
    "x-mac-cyrillic": _Candidate(6, ("ru", "uk", "bg", "sr", "be")),
    "iso-8859-6": _Candidate(6, ("ar",)),
    "iso-8859-8": _Candidate(5, ("he",)),
    "iso-8859-13": _Candidate(6, _BALTIC),
    "iso-8859-4": _Candidate(14, _BALTIC),
    "iso-8859-10": _Candidate(18, ("is", "lt", "lv", "sv", "da", "et", "fi")),
    "iso-8859-3": _Candidate(18, ("mt", "eo", "tr")),
    "iso-8859-14": _Candidate(18, ("cy", "ga")),
    "iso-8859-16": _Candidate(20, ("ro", "hu", "pl", "hr", "sq")),
}
# Code pages of DOS and of old Macs, which are not in the standard and are not read ("CSV (MS-DOS)" of Excel is one). As
# candidates they keep a file in one of them from being taken for another encoding.
_NOT_READ: Mapping[str, _Candidate] = {
    "cp850": _Candidate(8, _WEST),
    "cp852": _Candidate(8, _CENTRAL),
    "cp857": _Candidate(8, ("tr", "de")),
    "cp775": _Candidate(8, _BALTIC),
    "cp737": _Candidate(8, ("el",)),
    "mac-latin2": _Candidate(16, _CENTRAL),
    "mac-greek": _Candidate(16, ("el",)),
    "mac-turkish": _Candidate(16, ("tr", "de")),
}
_UTF_8 = _Candidate(-6, tuple(code for codes in LANGUAGES.values() for code in codes))
# The second byte of a character may be an ASCII letter or one of @[\]^_`{|}~, and in gb18030 a digit.
_NOT_IN_WORDS = bytes(code for code in range(0x40) if code not in b"0123456789") + b"\x7f"
_SPACES = bytes(0x20 if code in _NOT_IN_WORDS else code for code in range(256))
_ASCII = bytes(range(0x80))
# Each byte is judged by so many words that have it, which is enough for any language.
_WORDS_FOR_BYTE = 20
_MAX_WORD_BYTES = 120
# Readings are compared after so many words, and those that are hopeless are dropped.
_ROUND = 40
_HOPELESS = 120.0
# Text that costs more, as a whole and for each byte, is none.
_MAX_COST = 15.0
_MAX_COST_OF_BYTE = 9.0
# In UTF-16 one byte of each ASCII character is NUL: so many of those at even or odd places in text that has some.
_MIN_NULS = 0.1
# Costs in bits.
_UNDECODABLE = 25.0
_CONTROL = 25.0
_BOX_DRAWING = 20.0
_MODIFIER = 16.0
_SYMBOL = 14.0
_OTHER_LETTER = 8.0
_PUNCTUATION = 9.0
_TOUCHES_LETTERS = 10.0
_SCRIPT_CHANGE = 12.0
_CAPITAL_INSIDE = 10.0
_ALL_CAPITALS = 2.0
_LOWER_FIRST = 1.5
_COMMON_PUNCTUATION = frozenset("“”„‘’‚«»–—…€£§°·•™®©\u00a0¿¡ªº´")
_OPENING = frozenset("“„‘‚«»¿¡€£§°•\u00a0")
_CLOSING = frozenset("“”‘’«»…€£°™®©ªº\u00a0")
_APOSTROPHES = frozenset("’‘ʼ")
_ELISIONS = frozenset({"o", "d", "l", "m", "n", "s", "t", "c", "j", "qu", "all", "dell", "sant", "un", "nell"})
_ENDINGS = frozenset({"s", "t", "m", "d", "ll", "re", "ve"})
# The share of the languages that an encoding is not made for, and how many words the assumption outweighs that all
# languages of an encoding are equally frequent in a file.
_FOREIGN = 0.03
_ASSUMED_WORDS = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a file in one encoding."""

    encoding: str
    words: tuple[str, ...]


class ByteWords:
    """The words of a file with bytes above 0x7F: for each such byte, the first ones that have it."""

    def __init__(self) -> None:
        self._words: dict[bytes, None] = {}
        self._counts: Counter[int] = Counter()
        self._enough = _ASCII
        # A word that goes on in the next piece; whether one does that is too long to be kept.
        self._rest = b""
        self._is_cut = False

    def add(self, chunk: bytes) -> None:
        """The next piece of the file."""
        text = self._rest + chunk.translate(_SPACES)
        if self._is_cut:
            text = text[text.find(b" ") :] if b" " in text else b""
        end = text.rfind(b" ") + 1
        # The last word may go on in the next piece.
        self._rest = text[end:]
        self._is_cut = len(self._rest) > _MAX_WORD_BYTES or (self._is_cut and not text)
        if self._is_cut:
            end, self._rest = len(text), b""
        if not text.translate(None, self._enough):
            return
        for word in dict.fromkeys(text[:end].split()):
            if not word.isascii():
                self._add_word(word)

    def found(self) -> list[bytes]:
        """The words, once the whole file was added."""
        self._add_word(self._rest)
        return list(self._words)

    def _add_word(self, word: bytes) -> None:
        word = word[:_MAX_WORD_BYTES]
        rare = set(word.translate(None, self._enough))
        if not rare or word in self._words:
            return
        self._words[word] = None
        for byte in set(word.translate(None, _ASCII)):
            self._counts[byte] += 1
            if self._counts[byte] == _WORDS_FOR_BYTE:
                self._enough += bytes([byte])


def likely_readings(words: Sequence[bytes], *, with_utf_8: bool = False) -> list[Reading]:
    """The readings of these words that cannot be told apart, the most probable first: one if the encoding is certain.

    Those that are not in `CODECS` are code pages that are not read. None if the words are no text in any.
    """
    trials = [_Trial(name, candidate) for name, candidate in {**_CANDIDATES, **_NOT_READ}.items()]
    if with_utf_8:
        trials.insert(0, _Trial("utf-8", _UTF_8))
    for begin in range(0, len(words), _ROUND):
        for trial in trials:
            for word in words[begin : begin + _ROUND]:
                trial.add(word)
        best = min(trial.cost for trial in trials)
        trials = [trial for trial in trials if trial.cost < best + _HOPELESS]
    by_words: dict[tuple[str, ...], tuple[float, str]] = {}
    for trial in trials:
        # Where two readings are the same, the name of the first, which is the most common.
        cost, name = by_words.get(words_read := tuple(trial.words), (trial.cost, trial.encoding))
        by_words[words_read] = (min(cost, trial.cost), name)
    ranked = [(cost, Reading(name, words_read)) for words_read, (cost, name) in by_words.items()]
    ranked.sort(key=lambda pair: pair[0])
    least = ranked[0][0]
    if least > _MAX_COST + _MAX_COST_OF_BYTE * sum(map(len, words)):
        return []
    different: dict[tuple[str, ...], Reading] = {}
    for cost, reading in ranked:
        if cost < least + NEAR:
            # Different symbols are no reason to ask.
            different.setdefault(tuple(map(_letters, reading.words)), reading)
    return list(different.values())


def utf_16_without_mark(sample: bytes) -> str:
    """The name of the UTF-16 that the NUL bytes show, or empty: there is no byte order mark."""
    high, low = sample[::2].count(0), sample[1::2].count(0)
    least = len(sample) / 2 * _MIN_NULS
    if low >= least and high * 10 <= low:
        return "utf-16le"
    return "utf-16be" if high >= least and low * 10 <= high else ""


def has_japanese_shifts(data: bytes) -> bool:
    """Whether there are the escape sequences of ISO-2022-JP, in which all bytes are ASCII."""
    return b"\x1b$B" in data or b"\x1b$@" in data


class _Trial:
    """The cost of a file in one encoding, word by word."""

    def __init__(self, encoding: str, candidate: _Candidate) -> None:
        self.encoding = encoding
        self.cost = candidate.cost
        self.words: list[str] = []
        self._codec = CODECS.get(encoding, encoding)
        self._weights = {script: _first_weights(codes, candidate.languages) for script, codes in LANGUAGES.items()}

    def add(self, word: bytes) -> None:
        """Add a word. A language costs less, the more words were of it."""
        text = unicodedata.normalize("NFC", word.decode(self._codec, "replace"))
        if len(word) == _MAX_WORD_BYTES:
            # It may be cut within a character.
            text = text.rstrip("\ufffd")
        self.words.append(text)
        fixed, runs = _dissect(text)
        self.cost += fixed
        for script, run in runs:
            weights = self._weights[script]
            logs = log_probabilities(run, script)
            most = max(logs)
            shares = [weight * 2 ** max(log - most, -60.0) for weight, log in zip(weights, logs, strict=True)]
            total = sum(shares)
            self.cost -= most + math.log2(total / sum(weights))
            for place, share in enumerate(shares):
                weights[place] += share / total


def _first_weights(codes: tuple[str, ...], languages: tuple[str, ...]) -> list[float]:
    native = [code for code in codes if code in languages]
    if not native or len(native) == len(codes):
        return [_ASSUMED_WORDS / len(codes)] * len(codes)
    foreign = len(codes) - len(native)
    return [_ASSUMED_WORDS * ((1 - _FOREIGN) / len(native) if code in native else _FOREIGN / foreign) for code in codes]


@lru_cache(maxsize=4096)
def _dissect(text: str) -> tuple[float, tuple[tuple[str, str], ...]]:
    """The cost of what is not a letter of a word; and the words, each with its script, in lower case."""
    cost = 0.0
    runs: list[tuple[str, str]] = []
    parts: list[tuple[str, str]] = []
    for char in text:
        script = script_of(char)
        if parts and parts[-1][0] == script:
            parts[-1] = (script, parts[-1][1] + char)
        else:
            parts.append((script, char))
    for place, (script, part) in enumerate(parts):
        before = parts[place - 1] if place else ("", "")
        after = parts[place + 1] if place + 1 < len(parts) else ("", "")
        if script:
            runs.append((script, lower(part)))
            cost += _case_cost(part)
            if before[0]:
                cost += _SCRIPT_CHANGE
        else:
            cost += sum(map(_symbol_cost, part))
            if not part.isascii() and (before[0] or after[0]):
                cost += _adjacent_cost(part, before[1] if before[0] else "", after[1] if after[0] else "")
    return cost, tuple(runs)


def _adjacent_cost(symbols: str, before: str, after: str) -> float:
    """The cost of symbols that touch letters, of which there may be none `before` or `after` them."""
    if before and after:
        is_usual = symbols in _APOSTROPHES and (before.lower() in _ELISIONS or after.lower() in _ENDINGS)
    else:
        usual = _CLOSING if before else _OPENING
        is_usual = all(char.isascii() or char in usual for char in symbols)
    return 0.0 if is_usual else _TOUCHES_LETTERS


def _case_cost(word: str) -> float:
    if word.isascii():
        return 0.0
    cost = 0.0
    for one, two in pairwise(word):
        if one.islower() and two.isupper() and not (one.isascii() and two.isascii()):
            cost += _CAPITAL_INSIDE
    if len(word) > 1 and word.isupper():
        cost += _ALL_CAPITALS
    if word[0].islower() and not word[0].isascii():
        cost += _LOWER_FIRST
    return cost


@cache
def _symbol_cost(char: str) -> float:
    if char.isascii():
        return 0.0
    if char == "\ufffd":
        return _UNDECODABLE
    if char in _COMMON_PUNCTUATION:
        return _PUNCTUATION
    category = unicodedata.category(char)
    if category in {"Lo", "Mn", "Mc"}:
        # Of a script that is only in Unicode.
        return _OTHER_LETTER
    if category[0] == "C":
        return _CONTROL
    if "\u2500" <= char <= "\u259f":
        return _BOX_DRAWING
    return _MODIFIER if category in {"Sk", "Lm"} else _SYMBOL


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalpha())
