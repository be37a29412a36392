"""Tag: a label, and its forms in URLs and hashtags."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

import regex

from distributor.domain.stored_text import shortened

# In characters; it is part of addresses, and of keys in the database.
LONGEST_SLUG = 200
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{Mn}\p{Mc}]*")
# An accent on a Latin letter or a digit; elsewhere (й, が, हि) a mark makes another letter and stays.
_ACCENT = regex.compile(r"(?<=[\p{Latin}\p{N}])\p{M}+")
_SILENT = regex.compile(r"['’‘`]|\p{Variation_Selector}")

# The rest concerns labels of tags, in which signs count: C, C++ and C# are three.
# Invisible characters, but not the zero width non-joiner between two words, nor the letters of a flag's name.
_INVISIBLE = regex.compile(r"[[\p{Cf}\p{Cc}]--[\s\u200c\U000e0020-\U000e007e]]|(?<=\p{CCC=9})\u200c", regex.VERSION1)
_LEGAL_MARKS = regex.compile(r"[™®©℠]")
_TOKEN = regex.compile(
    rf"""
    (?P<word>{_WORD.pattern})
    | (?P<flag>[\U0001f1e6-\U0001f1ff]{{2}})
    | (?P<region>[\U000e0020-\U000e007e]+)
    | (?P<dot>(?<![^\s(])\.(?=\p{{L}}))
    | (?P<sharp>(?<=[\p{{L}}\p{{N}}\p{{M}}])\#)
    | (?P<minus>(?<=[\p{{L}}\p{{N}}\p{{M}}])-(?=\s*$))
    | (?P<sign>[[\p{{S}}&@%٪*§\p{{Co}}]--[|~<>\u2044]--[\p{{Sk}}--[\U0001f3fb-\U0001f3ff]]])
    """,
    regex.VERBOSE | regex.VERSION1,
)
# What people call these signs in a name; others are called as in Unicode.
_SPOKEN = {
    "&": "and", "+": "plus", "−": "minus", "@": "at", "%": "percent", "٪": "percent", "*": "star", "=": "equals",
    "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "♯": "sharp", "♭": "flat", "°": "degree", "§": "section",
    "×": "times",
}  # fmt: skip
_SKIN_TONE = "emoji modifier fitzpatrick "
_FIRST_REGIONAL_LETTER = 0x1F1E6
_FIRST_TAG_CHARACTER = 0xE0000


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: its label as people read it, and other labels that mean it. Labels with the same key are the same tag.

    `stored_slug` and `stored_hashtag` are those it has in the database: a tag keeps its address when the label changes
    only a little, and its hashtag may be chosen. They are empty for a label that was only read somewhere.
    """

    label: str
    synonyms: tuple[str, ...] = ()
    stored_slug: str = field(default="", compare=False)
    stored_hashtag: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """What its label is recognized by, whatever its case, accents and spaces; empty if nothing of it is visible."""
        return tag_slug(self.label)

    @property
    def slug(self) -> str:
        """Lower-case words joined by hyphens, for addresses."""
        return self.stored_slug or self.key


def slugify(text: str) -> str:
    """Words of `text` in lower case, joined by hyphens, Latin letters without their accents.

    Letters of other scripts stay as they are; an empty slug means that `text` has no letter and no digit. A slug longer
    than LONGEST_SLUG is shortened and ends in a hash, so that it stays distinct.
    """
    return shortened("-".join(_WORD.findall(_folded(text))), LONGEST_SLUG)


def tag_slug(label: str) -> str:
    """The slug of a tag with this label: as `slugify`, with the signs that tell tags apart in words.

    C, C++, C#, .NET, R&D and 🍕 are ``c``, ``c-plus-plus``, ``c-sharp``, ``dot-net``, ``r-and-d`` and
    ``slice-of-pizza``. Punctuation separates words, and is spelled out only in a label that has nothing else. Empty if
    nothing of the label is visible.
    """
    folded = _folded(_INVISIBLE.sub("", _LEGAL_MARKS.sub("", label)))
    words = [_spoken(found) for found in _TOKEN.finditer(folded)] or [_name_of(sign) for sign in label if _is_ink(sign)]
    return shortened("-".join(word for word in words if word), LONGEST_SLUG)


def _folded(text: str) -> str:
    """In lower case, Latin letters without their accents, in compatible forms (NFKD, composed again)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _SILENT.sub("", text)).casefold())
    return unicodedata.normalize("NFC", _ACCENT.sub("", decomposed))


def _spoken(found: regex.Match[str]) -> str:
    match found.lastgroup:
        case "word":
            return found[0]
        case "flag":
            return f"flag-{''.join(chr(ord('a') + ord(sign) - _FIRST_REGIONAL_LETTER) for sign in found[0])}"
        case "region":
            return slugify("".join(chr(ord(sign) - _FIRST_TAG_CHARACTER) for sign in found[0]))
        case "sign":
            return _name_of(found[0])
    return found.lastgroup or ""


def _name_of(sign: str) -> str:
    """The name of a character as words joined by hyphens: 🍕 is ``slice-of-pizza``."""
    if sign in _SPOKEN:
        return _SPOKEN[sign]
    name = unicodedata.name(sign, f"u{ord(sign):x}").lower().replace(_SKIN_TONE, "skin ")
    return slugify(name)


def _is_ink(sign: str) -> bool:
    """Whether something of a character can be seen."""
    return not sign.isspace() and unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Mn", "Me", "Zs")
