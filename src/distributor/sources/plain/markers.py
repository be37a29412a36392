"""Markers at the start of a line of plain text: bullets, numbers, letters and Roman numerals of list items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import regex

# Always the marker of a list item, whatever follows.
PLAIN_BULLETS = frozenset("•‣◦▪●⁃∙·■□▫◆◇►▸▶➤➢➣❖❑❒○◯⚫⚪🔹🔸🔷🔶\uf0b7\uf0a7\uf0d8")
# Those of a list of what is so and what is not: what they say belongs to the text of the item.
TICKS, CROSSES = frozenset("✓✔✅"), frozenset("✗✘❌")
BOXES = frozenset(("☐", "☑", "☒", "[ ]", "[x]", "[X]"))
# What Word makes of a small circle. It may be a word as well.
LETTER_BULLET = "o"
# They need a space behind them and a second item: a single one is a quotation's author, a hint, an emoji.
_SIGNS = "–—*+→➜➔⇒»›★☆👉-"
_BULLET = regex.compile(
    rf"(?:(?P<plain>[{''.join(sorted(PLAIN_BULLETS))}])\s*"
    rf"|(?P<sign>[{''.join(sorted(TICKS | CROSSES))}{_SIGNS}]|[-=]>)\uFE0F?\s+"
    rf"|(?P<box>[☐☑☒](?=\s*\S)|\[[ xX]\])\s+|(?P<letter>{LETTER_BULLET})\s+)(?P<rest>\S.*)"
)
_BOX = regex.compile(r"\[([ xX])\]\s+(?=\S)")
_DECIMAL = regex.compile(
    r"(?:\((?P<inside>[1-9][0-9]?)\)\s+|(?P<number>0|[1-9][0-9]?)(?:[.)]\s+|、\s*)|(?P<keycap>[0-9])\uFE0F?\u20E3\s*"
    r"|(?P<circled>[①-⑳])\s*)(?P<rest>\S.*)"
)
_LETTERS = regex.compile(
    r"(?:\((?P<inside>[a-z]{1,5}|[A-Z]{1,5})\)|(?P<outside>[a-z]{1,5}|[A-Z]{1,5})[.)])\s+(?P<rest>\S.*)"
)
_ROMAN_DIGITS: Mapping[str, int] = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_ROMAN = regex.compile(r"(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


class Numbering(Enum):
    """How the items of a list, or the sections of a text, are counted."""

    DECIMAL = "1"
    LOWER_LETTER = "a"
    UPPER_LETTER = "A"
    LOWER_ROMAN = "i"
    UPPER_ROMAN = "I"


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker that a line may start with: a bullet, or else a number and how it is counted; `rest` is what follows."""

    rest: str
    bullet: str | None = None
    number: int | None = None
    numbering: Numbering | None = None


def find_marker(text: str) -> Marker | None:
    """The marker at the start of a line, if what comes there can be one; letters are found by `find_letter`."""
    if item := _BULLET.fullmatch(text):
        if box := item["box"]:
            return Marker(_with_box(f"{box} {item['rest']}"), bullet=box)
        return Marker(_with_box(item["rest"]), bullet=item["plain"] or item["sign"] or item["letter"])
    if item := _DECIMAL.fullmatch(text):
        circled = ord(item["circled"]) - ord("①") + 1 if item["circled"] else 0
        number = circled or int(item["inside"] or item["number"] or item["keycap"])
        return Marker(item["rest"], number=number, numbering=Numbering.DECIMAL)
    return None


def _with_box(text: str) -> str:
    """The text of a task with the sign that says whether it is done, as in other formats."""
    found = _BOX.match(text)
    return f"{'☐' if found[1] == ' ' else '☑'} {text[found.end() :]}" if found else text


def find_letter(text: str, *, above: Mapping[Numbering, int]) -> Marker | None:
    """The letter or Roman numeral at the start of a line. "i", "v" and "C" are what follows the last ones `above`."""
    item = _LETTERS.fullmatch(text)
    if item is None:
        return None
    sign = item["inside"] or item["outside"]
    letter, roman = _letter_of(sign, item["rest"]), _roman_of(sign, item["rest"])
    if letter is None or roman is None:
        return letter or roman
    if _follows(letter, above):
        return letter
    return roman if _follows(roman, above) or roman.number == 1 else letter


def number_of_roman(sign: str) -> int | None:
    """The value of a Roman numeral in capitals, below a hundred; None if it is none."""
    if not sign or not _ROMAN.fullmatch(sign):
        return None
    digits = [_ROMAN_DIGITS[digit] for digit in sign]
    return sum(-one if one < two else one for one, two in zip(digits, [*digits[1:], 0], strict=True))


def _follows(marker: Marker, above: Mapping[Numbering, int]) -> bool:
    return marker.numbering is not None and above.get(marker.numbering) == (marker.number or 0) - 1


def _letter_of(sign: str, rest: str) -> Marker | None:
    if len(sign) > 1:
        return None
    numbering = Numbering.LOWER_LETTER if sign.islower() else Numbering.UPPER_LETTER
    return Marker(rest, number=ord(sign.lower()) - ord("a") + 1, numbering=numbering)


def _roman_of(sign: str, rest: str) -> Marker | None:
    number = number_of_roman(sign.upper())
    if number is None:
        return None
    return Marker(rest, number=number, numbering=Numbering.LOWER_ROMAN if sign.islower() else Numbering.UPPER_ROMAN)
