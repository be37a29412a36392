"""What a line of plain text looks like: a heading, capitals, the number of a section."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from distributor.sources.plain.markers import Numbering, number_of_roman

_MAX_HEADING_LENGTH = 80
_MAX_HEADING_WORDS = 12
_NOT_AT_HEADING_END = tuple(".,;:…。、，；：")
_CLOSING_MARKS = "\"'”’»)]"
_OPENING = r"[\"'“‘„«‹¿¡(\[§\p{So}\p{Sk}\uFE0F\u200D\s]"
_OPENING_MARKS = regex.compile(rf"^{_OPENING}*")
_URL_OR_EMAIL = regex.compile(r"(?:https?://|www\.)\S+|\S+@\S+", regex.IGNORECASE)
_NUMBER = regex.compile(
    r"(?:(?P<decimal>[0-9]{1,2}(?:\.[0-9]{1,2})*+)[.)]?|(?P<roman>[IVXLC]{1,7})[.)]|(?P<letter>[A-Z])[.)])"
    rf"(?:\s*[:–—]|\s+-)?\s+(?={_OPENING}*[\p{{Lu}}\p{{Lo}}])"
)
_NAMED_PART = regex.compile(r"\p{Lu}\p{L}{2,11}\s(?:[0-9]{1,2}|[IVX]{1,5})(?:\s*[:.–—-](?=\s)|$)")
_LEAST_CAPITALS = 4


@dataclass(frozen=True, slots=True)
class SectionNumber:
    """The number of a section: how it is counted, its last part, and of how many parts it consists."""

    numbering: Numbering
    value: int
    depth: int = 1


def has_heading_shape(text: str) -> bool:
    """Whether it is short, starts like a heading, and does not end like a sentence."""
    if (
        len(text) > _MAX_HEADING_LENGTH
        or len(text.split()) > _MAX_HEADING_WORDS
        or text.rstrip(_CLOSING_MARKS).endswith(_NOT_AT_HEADING_END)
    ):
        return False
    if _URL_OR_EMAIL.fullmatch(text):
        return False
    first = _OPENING_MARKS.sub("", text, count=1)[:1]
    return first.isdigit() or (first.isalpha() and not first.islower())


def is_capitals(text: str) -> bool:
    """Whether it is written in capitals only, and has more letters than an abbreviation."""
    return text.isupper() and sum(map(str.isalpha, text)) >= _LEAST_CAPITALS


def is_named_part(text: str) -> bool:
    """Whether it begins like "Step 1:" or "Kapitel IV"."""
    return _NAMED_PART.match(text) is not None


def numbering_of(text: str) -> SectionNumber | None:
    """The number at the start of a line that is the heading of a section: 1, 1., 1.1, IV. or A."""
    found = _NUMBER.match(text)
    if found is None:
        return None
    if decimal := found["decimal"]:
        parts = decimal.split(".")
        return SectionNumber(Numbering.DECIMAL, int(parts[-1]), len(parts))
    roman = number_of_roman(found["roman"] or "")
    if roman is not None and (len(found["roman"]) > 1 or found["roman"] in "IVX"):
        return SectionNumber(Numbering.UPPER_ROMAN, roman)
    letter = found["letter"] or found["roman"]
    return SectionNumber(Numbering.UPPER_LETTER, ord(letter) - ord("A") + 1) if len(letter) == 1 else None
